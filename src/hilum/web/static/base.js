// What every page needs: menus that close, forms that are not sent twice, requests that carry
// the session's token.

const token = () => document.querySelector('meta[name="csrf"]').content;

/** Send a request to our own server, with the session's token; a session that ended asks to sign in. */
export async function send(path, { method = "POST", body, headers = {}, keepalive = false } = {}) {
  const answer = await fetch(path, {
    method,
    body,
    keepalive,
    headers: { Accept: "application/json", "X-CSRF-Token": token(), ...headers },
    credentials: "same-origin",
  });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  return answer;
}

/** Return what an answer says went wrong. */
export async function problem(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : answer.statusText;
  } catch {
    return answer.statusText;
  }
}

document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("click", (event) => {
  if (!event.isTrusted) return; // a key that clicks a control
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  else form.dataset.sent = "yes";
  const question = form.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    delete form.dataset.sent;
  }
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
