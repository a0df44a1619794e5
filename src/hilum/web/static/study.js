// A study's page: the radiograph and what lies over it, findings, the reader's review.

import { problem, send } from "./base.js";
import { Stage } from "./stage.js";

const $ = (selector) => document.querySelector(selector);
const picks = [...document.querySelectorAll(".pick")];
const frame = $("[data-stage]");
const stage = frame ? new Stage(frame) : null;

// findings
function choose(pick) {
  for (const each of picks) each.setAttribute("aria-pressed", String(each === pick));
  const caption = $("[data-finding]");
  if (caption) caption.textContent = pick ? `${pick.dataset.name} ${pick.dataset.score}` : "";
  stage?.explain(pick?.dataset.label ?? null);
}
for (const pick of picks) {
  pick.addEventListener("click", () => choose(pick.getAttribute("aria-pressed") === "true" ? null : pick));
}
choose(picks.find((each) => each.closest(".is-positive")) ?? null);

function step(by) {
  const at = picks.findIndex((each) => each.getAttribute("aria-pressed") === "true");
  const next = picks[Math.min(picks.length - 1, Math.max(0, at + by))];
  if (!next) return;
  choose(next);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// display
const heat = $("[data-heat]");
const lines = $("[data-lines]");
const opacity = $("[data-opacity]");
const threshold = $("[data-threshold]");
function shown() {
  stage?.show({
    heat: heat?.checked ?? false,
    lines: lines?.checked ?? false,
    opacity: (opacity?.value ?? 0) / 100,
    threshold: (threshold?.value ?? 0) / 100,
  });
}
for (const each of [heat, lines, opacity, threshold]) each?.addEventListener("input", shown);
shown();
stage?.legend($("[data-legend]"));

const doing = {
  fit: () => stage.fit(),
  one: () => stage.one(),
  closer: () => stage.zoom(1.25),
  farther: () => stage.zoom(0.8),
  window: () => stage.resetWindow(),
  invert(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    stage.invert(on);
  },
};
for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => doing[button.dataset.do](button));
}

// keys: each control that has one says so itself (data-key), and is listed in the help by its name
const help = $("[data-keys]");
const actions = { j: () => step(1), k: () => step(-1), "?": () => help.showModal() };
for (const control of document.querySelectorAll("[data-key]")) {
  const keys = control.dataset.key.split(" ");
  const name = control.getAttribute("aria-label") ?? (control.closest("label") ?? control).textContent.trim();
  for (const key of keys) actions[key] = () => control.click();
  control.title = `${name} (${keys[0]})`;
  const term = document.createElement("dt");
  const meaning = document.createElement("dd");
  term.append(Object.assign(document.createElement("kbd"), { textContent: keys[0] }));
  meaning.textContent = name;
  help.querySelector("dl").append(term, meaning);
}
$("[data-help]").addEventListener("click", actions["?"]);
help.addEventListener("close", () => delete help.querySelector("form").dataset.sent);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target.matches("input:not([type=checkbox], [type=range], [type=radio]), select, textarea")) return;
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// the reader goes back to the worklist as it was
const left = sessionStorage.getItem("worklist");
if (left?.startsWith("/?")) $("[data-back]").href = left;

// review
const form = $("[data-review]");
$("[data-rest]")?.addEventListener("click", () => {
  for (const group of form.querySelectorAll(".opinion")) {
    if (!group.querySelector(":checked")) group.querySelector('[value="agree"]').checked = true;
  }
});
for (const radio of document.querySelectorAll(".opinion input")) {
  let was = radio.checked;
  radio.addEventListener("pointerdown", () => (was = radio.checked));
  radio.addEventListener("click", () => {
    if (was) radio.checked = false; // a second click takes the opinion back
    was = radio.checked;
  });
}
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
