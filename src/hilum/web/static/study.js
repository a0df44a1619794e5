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

function invert() {
  const button = $('[data-do="invert"]');
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  stage.invert(on);
}
const doing = {
  fit: () => stage.fit(),
  one: () => stage.one(),
  window: () => stage.resetWindow(),
  invert,
};
for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => doing[button.dataset.do]());
}

function flip(box) {
  if (!box) return;
  box.checked = !box.checked;
  shown();
}

const actions = {
  j: () => step(1),
  k: () => step(-1),
  h: () => flip(heat),
  o: () => flip(lines),
  0: doing.fit,
  1: doing.one,
  "+": () => stage.zoom(1.25),
  "-": () => stage.zoom(0.8),
  w: doing.window,
  i: invert,
  u: () => $("[data-back]").click(),
  "?": () => $("[data-keys]").showModal(),
};
$("[data-help]").addEventListener("click", actions["?"]);
$("[data-keys]").addEventListener("close", () => delete $("[data-keys] form").dataset.sent);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("[data-keys]").open) return;
  if (event.target.matches("input:not([type=checkbox], [type=range], [type=radio]), select, textarea")) return;
  const action = actions[event.key];
  if (!action || (!stage && "hoi01w+-".includes(event.key))) return;
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
