// The reader's review: one answer a finding, what it says in words, and its way to the PACS.

import { problem, send } from "./base.js";

const form = document.querySelector("[data-review]");
const answers = [...(form?.querySelectorAll(".opinion input") ?? [])];

/** Say in words what the answers so far agree with, and what not. */
function tell() {
  for (const part of form.querySelectorAll("[data-tally] > div")) {
    const said = answers.filter((each) => each.checked && each.dataset.group === part.dataset.group);
    part.querySelector("dd").textContent = said.map((each) => each.dataset.statement).join(", ");
    part.hidden = !said.length;
  }
}

/** Answer the finding of a row; the same answer again takes it back. */
export function give(pick, said) {
  const radio = pick?.closest(".one").querySelector(`.opinion [value="${said}"]`);
  if (!radio) return;
  radio.checked = !radio.checked;
  tell();
}

form?.querySelector("[data-rest]")?.addEventListener("click", (event) => {
  const { rest } = event.currentTarget.dataset;
  for (const group of form.querySelectorAll(".opinion")) {
    if (!group.querySelector(":checked")) group.querySelector(`[data-group="${rest}"]`).checked = true;
  }
  tell();
});
for (const radio of answers) {
  let was = radio.checked;
  radio.addEventListener("pointerdown", () => (was = radio.checked));
  radio.addEventListener("click", () => {
    if (was) radio.checked = false; // a second click takes the answer back
    was = radio.checked;
    tell();
  });
}
const more = form?.querySelector("details");
more?.addEventListener("toggle", () => more.open && more.querySelector("input").focus());

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  const notice = form.querySelector("[data-problem]");
  const words = button.textContent;
  button.disabled = true;
  button.textContent = button.dataset.sending;
  notice.hidden = true;
  try {
    const answer = await send(form.action, { body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) {
      const { to } = await answer.json();
      location.assign(to);
      if (location.pathname + location.search === to.split("#")[0]) location.reload();
      return;
    }
    notice.textContent = await problem(answer);
  } catch (error) {
    notice.textContent = error.message;
  }
  notice.hidden = false;
  button.disabled = false;
  button.textContent = words;
  delete form.dataset.sent;
});
