// Puts the text of a report on the clipboard.

const said = document.querySelector("[data-copied]");

/** Fetch the text while the browser still holds the click for a person's; Safari asks for that. */
async function copied(button) {
  const text = fetch(button.dataset.copy).then((answer) => {
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.text();
  });
  const blob = text.then((each) => new Blob([each], { type: "text/plain" }));
  await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const done = await copied(button).then(() => true, () => false);
    said.textContent = button.textContent = done ? button.dataset.done : button.dataset.failed;
    setTimeout(() => { button.textContent = label; }, 4000);
  });
}
