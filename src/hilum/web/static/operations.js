// The operations page renews itself, unless somebody is about to press a button in it.

import { send } from "./base.js";

const EVERY_MS = 5000;
const place = document.getElementById("status");

async function renew() {
  const busy = document.hidden || place.contains(document.activeElement) || place.querySelector("details[open]");
  if (busy) return;
  try {
    const answer = await send(place.dataset.live, { method: "GET", headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) place.innerHTML = await answer.text();
    place.classList.toggle("stale", !answer.ok);
  } catch {
    place.classList.add("stale"); // the node restarts: what is shown is old
  }
}

setInterval(renew, EVERY_MS);
