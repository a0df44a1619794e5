// A study's page: the radiograph and what lies over it, findings, the reader's review.

import { send } from "./base.js";
import { drawLegend } from "./heat.js";
import { listen } from "./keys.js";
import { give } from "./review.js";
import { Stage } from "./stage.js";

const $ = (selector) => document.querySelector(selector);
const picks = [...document.querySelectorAll(".pick")];
const room = $("[data-stages]");
const words = room && JSON.parse(room.dataset.words);
const stages = [...document.querySelectorAll("[data-stage]")].map((frame) => new Stage(frame, words));
let active = stages[0];
for (const stage of stages) {
  stage.linked = stages.find((other) => other !== stage) ?? null;
  for (const kind of ["pointerdown", "focusin"]) stage.frame.addEventListener(kind, () => (active = stage));
}

// what is said above takes its height from the image, not the tools out of sight
const notices = $("[data-notices]");
if (notices) new ResizeObserver(() => document.body.style.setProperty("--notices", `${notices.offsetHeight}px`)).observe(notices);

// findings
const current = () => picks.find((each) => each.getAttribute("aria-pressed") === "true");
function choose(pick) {
  for (const each of picks) {
    each.setAttribute("aria-pressed", String(each === pick));
    const row = each.closest(".one"); // one finding is in the order of Tab, arrows lead to the others
    for (const part of [each, ...row.querySelectorAll("input")]) part.tabIndex = each === (pick ?? picks[0]) ? 0 : -1;
  }
  const caption = $("[data-finding]");
  if (caption) caption.textContent = pick ? `${pick.dataset.name} ${pick.dataset.score}` : "";
  for (const stage of stages) stage.explain(pick?.dataset.label ?? null);
}
for (const pick of picks) {
  pick.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
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
const [heat, lines, field, opacity, threshold] = ["heat", "lines", "field", "opacity", "threshold"].map(
  (name) => $(`[data-${name}]`),
);
function show() {
  const anatomy = $("[data-anatomy]");
  const structures = anatomy?.checked ? JSON.parse(anatomy.dataset.anatomy) : null;
  const options = {
    heat: heat?.checked ?? false,
    lines: lines?.checked ?? false,
    field: field?.checked ?? false,
    opacity: (opacity?.value ?? 0) / 100,
    threshold: (threshold?.value ?? 0) / 100,
  };
  for (const stage of stages) {
    stage.show({ ...options, anatomy: stage === stages[0] ? structures : null });
  }
}
for (const each of [heat, lines, field, opacity, threshold]) each?.addEventListener("input", show);
// the anatomy may come while the page is open
const anatomyPanel = $("#anatomy");
anatomyPanel?.addEventListener("input", show);
async function follow() {
  const answer = await fetch(anatomyPanel.dataset.waiting, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer && !answer.ok) return;
  const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = page ? page.querySelector("#anatomy") : anatomyPanel;
  if (found?.dataset.waiting) return setTimeout(follow, 1500);
  if (!found) return;
  anatomyPanel.removeAttribute("data-waiting");
  anatomyPanel.replaceChildren(...found.childNodes);
  show();
}
if (anatomyPanel?.dataset.waiting) follow();
show();
if ($("[data-legend]")) drawLegend($("[data-legend]"));

/** Mark one of several buttons as the chosen one. */
function press(selector, chosen) {
  for (const each of document.querySelectorAll(selector)) each.setAttribute("aria-pressed", String(each === chosen));
}

const doing = {
  fit: () => active.fit(),
  one: () => active.one(),
  closer: () => active.zoom(1.25),
  farther: () => active.zoom(0.8),
  rotate: () => active.rotate(),
  flip: () => active.flip(),
  full: () => (document.fullscreenElement ? document.exitFullscreen() : $(".viewer").requestFullscreen()),
  invert(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    for (const stage of stages) stage.invert(on);
  },
};
for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", () => doing[button.dataset.do](button));
}
if ($('[data-do="full"]')) $('[data-do="full"]').hidden = !document.fullscreenEnabled;

const caveat = $("[data-caveat]");
for (const button of document.querySelectorAll("[data-tool]")) {
  button.addEventListener("click", () => {
    const { tool } = button.dataset;
    press("[data-tool]", button);
    for (const stage of stages) stage.use(tool);
    caveat.hidden = tool !== "measure";
    caveat.textContent = [...new Set(stages.map((stage) => stage.caveat))].join(" ");
  });
}

// windows: four that every image has, and those that this one has besides
for (const button of document.querySelectorAll("[data-preset]")) {
  button.addEventListener("click", () => {
    for (const stage of stages) stage.preset(button.dataset.preset);
    others.selectedIndex = 0;
  });
}
const others = $("[data-others]");
others?.addEventListener("change", () => stages[0].preset(Number(others.value)));
stages[0]?.loaded.then(() => {
  const [stage] = stages;
  const known = new Set(["default", "lung", "bone", "full"]);
  const found = [...(stage.facts?.presets.entries() ?? [])].filter(([, { code }]) => !known.has(code));
  others.hidden = !found.length;
  others.append(new Option("–", "0"), ...found.map(([place, preset]) => new Option(stage.nameOf(preset), place)));
});

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

// the reader goes back to the worklist as it was, and on to the next study of it
const left = sessionStorage.getItem("worklist");
if (left?.startsWith("/?")) $("[data-back]").href = left;
const queue = JSON.parse(sessionStorage.getItem("queue") ?? "[]");
for (const link of document.querySelectorAll("[data-step]")) {
  const at = queue.indexOf(location.pathname);
  const to = at < 0 ? null : queue[at + Number(link.dataset.step)];
  link.href = to ?? $("[data-back]").href;
  link.hidden = !to;
}

// others see who reads it, for as long as the page is open
const claim = $("[data-claim]");
if (claim.dataset.claim) {
  const path = `${claim.dataset.claim}/claim/live`;
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await send(path).catch(() => null);
    if (!answer?.ok) return;
    const { other } = await answer.json();
    $("[data-claimed-by]").textContent = other;
    claim.hidden = !other;
  }, 60_000);
  addEventListener("pagehide", () => send(path, { method: "DELETE", keepalive: true }).catch(() => {}));
}
