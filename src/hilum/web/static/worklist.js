// The worklist while it is open: rows that stay up to date, search as one types, keys.

import { listen, meantElsewhere } from "./keys.js";

const list = document.querySelector("[data-rows]");
const form = document.querySelector("[data-filters]");
const sign = document.querySelector("[data-live]");

const TYPING_MS = 180;
const OFTEN_MS = 1000;
const MINUTE_MS = 60000;

let place = new URLSearchParams(location.search).get("after") ?? "";
let asked = 0;

function query() {
  const fields = form ? new URLSearchParams(new FormData(form)) : new URLSearchParams();
  for (const [name, value] of [...fields]) if (!value) fields.delete(name);
  if (place) fields.set("after", place);
  return fields;
}

const open = () => [...list.querySelectorAll("a.open")];

/** Bring the rows up to date; the study that has the focus keeps it. */
async function refresh({ quietly = false } = {}) {
  const mine = ++asked;
  const fields = query();
  if (!quietly) list.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`/worklist/rows?${fields}&begun=${list.dataset.begun}`, { headers: { Accept: "text/html" } });
    if (answer.redirected || answer.status === 401) return location.assign("/login");
    if (!answer.ok) throw new Error(answer.statusText);
    const rows = await answer.text();
    if (mine !== asked) return;
    const focused = document.activeElement?.closest?.("a.open")?.getAttribute("href");
    list.innerHTML = rows;
    heed();
    if (focused) open().find((each) => each.getAttribute("href") === focused)?.focus();
    connected(true);
  } catch {
    connected(false);
  } finally {
    if (mine === asked) list.setAttribute("aria-busy", "false");
  }
  const address = fields.size ? `/?${fields}` : "/";
  if (!quietly && mine === asked) history.replaceState(null, "", address);
  const clear = form?.querySelector("[data-clear]");
  if (clear) clear.hidden = [...fields.keys()].every((name) => name === "after");
}

function connected(yes) {
  sign.hidden = false;
  sign.classList.toggle("is-off", !yes);
  sign.textContent = yes ? sign.dataset.on : sign.dataset.off;
}

// new studies: counted in the title of a tab that nobody looks at; sound and notification by choice
const title = document.title;
const alerts = document.querySelector("[data-alerts]");
const wanted = (kind) => localStorage.getItem(`hilum-alert-${kind}`) === "1";
const arrived = () => Number(list.querySelector("[data-arrived]")?.dataset.arrived ?? 0);
let known = 0;
let fresh = 0;

function heed() {
  const more = arrived() - known;
  known += more;
  if (more > 0 && wanted("sound")) beep();
  if (more <= 0 || !document.hidden) return;
  fresh += more;
  document.title = `(${fresh}) ${title}`;
  if (wanted("notice") && Notification.permission === "granted") new Notification(alerts.dataset.alerts, { tag: "hilum" });
}

function beep() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.value = 0.1;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.15);
  tone.addEventListener("ended", () => audio.close());
}

for (const box of alerts.querySelectorAll("[data-alert]")) {
  box.checked = wanted(box.dataset.alert);
  box.addEventListener("change", async () => {
    if (box.checked && box.dataset.alert === "notice") box.checked = (await Notification.requestPermission()) === "granted";
    else if (box.checked) beep();
    localStorage.setItem(`hilum-alert-${box.dataset.alert}`, box.checked ? "1" : "");
  });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  fresh = 0;
  document.title = title;
});

// live
let last = 0;
let waiting = 0;
function changed() {
  if (waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    last = Date.now();
    if (!form && list.querySelector(".empty")) location.reload();
    else refresh({ quietly: true });
  }, Math.max(0, last + OFTEN_MS - Date.now()));
}
const events = new EventSource("/worklist/live");
events.addEventListener("open", () => connected(true));
events.addEventListener("changed", changed);
events.addEventListener("error", () => {
  connected(false);
  if (events.readyState === EventSource.CLOSED) refresh({ quietly: true });
});
addEventListener("pagehide", () => {
  events.close();
  sessionStorage.setItem("worklist", location.pathname + location.search);
  sessionStorage.setItem("queue", JSON.stringify(open().map((each) => each.getAttribute("href"))));
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => document.hidden || refresh({ quietly: true }), MINUTE_MS);

// search
let typing = 0;
form?.addEventListener("input", (event) => {
  clearTimeout(typing);
  place = "";
  typing = setTimeout(refresh, event.target.type === "search" ? TYPING_MS : 0);
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  delete form.dataset.sent;
  clearTimeout(typing);
  place = "";
  refresh();
  open()[0]?.focus();
});
form?.querySelector("[data-clear]").addEventListener("click", (event) => {
  event.preventDefault();
  clearAll();
});

function clearAll() {
  for (const field of form.elements) {
    if (field.type === "checkbox") field.checked = false;
    else if (field.name) field.value = "";
  }
  place = "";
  refresh();
}

function toggle(name) {
  const box = form?.elements[name];
  if (!box) return;
  box.checked = !box.checked;
  place = "";
  refresh();
}

function step(by) {
  const all = open();
  const at = all.indexOf(document.activeElement);
  const next = all[Math.min(all.length - 1, Math.max(0, at + by))] ?? all[0];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

listen(
  {
    down: () => step(1),
    up: () => step(-1),
    search: () => form?.elements.q.select(),
    urgent: () => toggle("urgent"),
    open: () => toggle("open"),
    following: () => list.querySelector('a[rel="next"]')?.click(),
    first: () => list.querySelector('a[rel="first"]')?.click(),
  },
  ["down", "up"],
);

document.addEventListener("keydown", (event) => {
  const searching = event.target === form?.elements.q;
  if (meantElsewhere(event) && !(event.target.form === form && !event.isComposing)) return;
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && form) {
    event.target.blur();
    if (query().size) clearAll();
  } else if (by && (document.activeElement?.closest?.(".open") || (searching && by > 0))) {
    event.preventDefault();
    step(by);
  }
});

// pictures that cannot be made leave their place empty
document.addEventListener("error", (event) => event.target.closest?.(".thumb img")?.classList.add("is-missing"), true);

fetch("/worklist/notices", { headers: { Accept: "text/html" } })
  .then((answer) => (answer.ok && !answer.redirected ? answer.text() : ""))
  .then((text) => {
    document.querySelector("[data-notices]").innerHTML = text.trim();
  })
  .catch(() => {});
