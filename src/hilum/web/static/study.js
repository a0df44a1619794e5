// A study's page: the radiograph and what lies over it, findings, the reader's review.

import { listen } from "./keys.js";
import { give } from "./review.js";
import { Stage } from "./stage.js";

const $ = (selector) => document.querySelector(selector);
const picks = [...document.querySelectorAll(".pick")];
const frame = $("[data-stage]");
const stage = frame ? new Stage(frame) : null;

// findings
const current = () => picks.find((each) => each.getAttribute("aria-pressed") === "true");
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
  const at = picks.indexOf(current());
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

function answer(said) {
  if (!current()) step(1);
  give(current(), said);
  step(1);
}
listen(
  {
    down: () => step(1),
    up: () => step(-1),
    present: () => answer("present"),
    absent: () => answer("absent"),
    unsure: () => answer("unsure"),
  },
  ["down", "up"],
);

// the reader goes back to the worklist as it was
const left = sessionStorage.getItem("worklist");
if (left?.startsWith("/?")) $("[data-back]").href = left;
