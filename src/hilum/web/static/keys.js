// Single keys of a page. A control names its own (data-key) and is listed in the help by its name;
// what has no control stands in the help already (kbd[data-does]) and is done by an action.

const OFF = "hilum-keys-off";
const TEXT = "input:not([type=checkbox], [type=radio], [type=range], [type=button]), select, textarea, [contenteditable]";

/** Whether a key belongs to what has the focus, to the browser, or to an input method. */
export function meantElsewhere(event) {
  return (
    event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing ||
    event.keyCode === 229 || event.target.matches?.(TEXT) || Boolean(document.querySelector("dialog[open]"))
  );
}

/** Do what the page's keys say; `moving` names actions that a key held down repeats. */
export function listen(actions, moving = []) {
  const help = document.querySelector("[data-keys]");
  const lines = help.querySelector("dl");
  const table = new Map();
  for (const key of lines.querySelectorAll("kbd[data-does]")) {
    const does = key.dataset.does;
    table.set(key.textContent, { run: () => actions[does](), again: moving.includes(does) });
  }
  for (const control of document.querySelectorAll("[data-key]")) {
    const keys = control.dataset.key.split(" ");
    const named = control.closest("label") ?? control;
    const name = control.getAttribute("aria-label") ?? named.textContent.trim();
    for (const key of keys) table.set(key, { run: () => control.click(), again: "+-=".includes(key) });
    control.title = `${name} (${keys[0]})`;
    const term = document.createElement("dt");
    term.append(Object.assign(document.createElement("kbd"), { textContent: keys[0] }));
    lines.append(term, Object.assign(document.createElement("dd"), { textContent: name }));
  }
  const show = () => help.showModal();
  table.set("?", { run: show });
  document.querySelector("[data-help]")?.addEventListener("click", show);
  help.addEventListener("close", () => delete help.querySelector("form").dataset.sent);

  const on = help.querySelector("[data-keys-on]");
  on.checked = !localStorage.getItem(OFF);
  on.addEventListener("change", () => (on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));

  document.addEventListener("keydown", (event) => {
    if (!on.checked || meantElsewhere(event)) return;
    const found = table.get(event.shiftKey ? event.key : event.key.toLowerCase());
    if (!found || (event.repeat && !found.again)) return;
    event.preventDefault();
    found.run();
  });
}
