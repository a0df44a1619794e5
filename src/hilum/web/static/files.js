// Files that are dropped or chosen: each is sent by itself, with its progress.

const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const token = document.querySelector('meta[name="csrf"]').content;

/** Post one file; tell how far it is. */
function post(path, file, accept, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-CSRF-Token", token);
    request.setRequestHeader("Accept", accept);
    request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
    request.onload = () => resolve(request);
    request.onerror = reject;
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}

function detail(request) {
  try {
    const { text, detail: why } = JSON.parse(request.responseText);
    return text ?? why ?? request.statusText;
  } catch {
    return request.statusText;
  }
}

async function sendAll(place, files) {
  const list = place.parentElement.querySelector(".sent");
  const lines = [...files].map((file) => {
    const line = copy("sending");
    line.querySelector(".sent-name").textContent = file.name;
    list.prepend(line);
    return line;
  });
  for (const [number, file] of [...files].entries()) {
    const line = lines[number];
    let good = false;
    let said = copy("broken").textContent;
    try {
      const answer = await post(place.dataset.drop, file, "application/json", (part) => {
        line.querySelector("progress").value = part;
      });
      good = answer.status === 200 && JSON.parse(answer.responseText).ok;
      said = detail(answer);
    } catch {
      // what is said is that the connection broke
    }
    line.classList.add(good ? "good" : "bad");
    line.querySelector("progress").value = 1;
    line.querySelector(".sent-said").textContent = said;
    if (good) place.parentElement.querySelector("[data-after]").hidden = false;
  }
}

async function tryOne(place, [file]) {
  const result = place.parentElement.querySelector(".tried");
  result.replaceChildren(copy("reading"));
  try {
    const answer = await post(place.dataset.drop, file, "application/json, text/html;q=0.1", () => {});
    if (answer.status === 200) {
      result.innerHTML = answer.responseText;
      return;
    }
    const broken = copy("broken");
    broken.textContent = detail(answer);
    result.replaceChildren(broken);
  } catch {
    result.replaceChildren(copy("broken"));
  }
}

for (const place of document.querySelectorAll("[data-drop]")) {
  const take = (files) => files.length && ("many" in place.dataset ? sendAll : tryOne)(place, files);
  const input = place.querySelector("input");
  input.addEventListener("change", async () => {
    await take(input.files);
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) place.addEventListener(kind, () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
}

// a file that misses its place must not be opened by the browser instead of the page
for (const kind of ["dragover", "drop"]) {
  addEventListener(kind, (event) => event.preventDefault());
}
