// Passkeys: a form that asks the browser for one, and sends what it answers.

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const problem = form.querySelector("[role=alert]");
  const say = (text) => {
    problem.textContent = text;
    problem.hidden = false;
    delete form.dataset.sent;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.sent) return;
    problem.hidden = true;
    const { options, unable, cancelled } = form.dataset;
    const known = window.PublicKeyCredential;
    if (!known?.parseCreationOptionsFromJSON) return setTimeout(say, 0, unable);
    try {
      const made = options
        ? await navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(JSON.parse(options)) })
        : await navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(await (await fetch("/login/passkey")).json()) });
      form.elements.credential.value = JSON.stringify(made);
      form.submit();
    } catch (error) {
      // browsers tell a closed question, no passkey and too long a wait by one name
      say(error.name === "InvalidStateError" ? form.dataset.known : cancelled);
    }
  });
}
