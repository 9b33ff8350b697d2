// What pages do by script, beyond what they do without: dialogs, copying, showing and saving secrets, selecting all, uploads, keys.
"use strict";
const policy = trustedTypes?.createPolicy("postern", { createHTML: (html) => html });
const parse = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
const all = (selector, within = document) => within.querySelectorAll(selector);

// The part of another page that fits a dialog. Whatever else that page is (signing in, an error) is opened as it is.
async function open(link) {
  const answer = await fetch(link.href, { headers: { accept: "text/html" } });
  const part = answer.ok && parse(await answer.text()).querySelector("[data-dialog-part]");
  if (!part || answer.redirected) return location.assign(link.href);
  const dialog = document.createElement("dialog");
  const form = part.querySelector("form");
  if (form && !form.getAttribute("action")) form.setAttribute("action", link.href);
  dialog.setAttribute("aria-label", part.querySelector("h1").textContent);
  dialog.append(document.adoptNode(part));
  dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
  document.body.append(dialog);
  enhance(dialog);
  dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? dialog.querySelector("input:not([type=hidden]), select"))?.focus();
}

async function copy(button, text) {
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "✓";
    setTimeout(() => { button.textContent = said; }, 1500);
  } catch {
    getSelection().selectAllChildren(button.parentElement);
  }
}

// A table is text with a line for each row; no cell begins a formula where a spreadsheet opens it.
const cell = (it) => `"${it.textContent.trim().replace(/\s+/g, " ").replace(/^[=+@-]/, "'$&").replaceAll('"', '""')}"`;
const line = (row) => [...row.cells].map(cell).join() + "\r\n";
const text = (id) => {
  const it = document.getElementById(id);
  return it.rows ? [...it.closest("table").rows].map(line).join("") : it.value ?? it.textContent;
};

// What a part of a page can do once it is there.
function enhance(part) {
  for (const it of all("[data-mask]", part)) it.classList.add("masked");
  for (const it of all("[data-show], [data-save], [data-keys]", part)) it.hidden = false;
  for (const it of all("[data-absolute]", part)) it.textContent = it.href;
  for (const it of all("[data-must-be]", part)) {
    const button = it.form.querySelector("button");
    const look = () => { button.disabled = it.value !== it.dataset.mustBe; };
    it.addEventListener("input", look);
    look();
  }
}

document.addEventListener("click", (event) => {
  const it = event.target.closest("a, button, summary");
  for (const drop of all(".drop[open]")) if (!drop.contains(event.target)) drop.open = false;
  if (!it || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { copy: given, copyOf, show, save } = it.dataset;
  if (it.matches("a[data-dialog]")) { event.preventDefault(); open(it); }
  else if (it.matches("[data-keys]")) keys();
  else if (it.matches("[data-close]") && it.closest("dialog")) { event.preventDefault(); it.closest("dialog").close(); }
  else if (given) copy(it, given);
  else if (copyOf) copy(it, text(copyOf));
  else if (show) {
    const isHidden = document.getElementById(show).classList.toggle("masked");
    [it.textContent, it.dataset.hide] = [it.dataset.hide, it.textContent];
    it.setAttribute("aria-pressed", String(!isHidden));
  } else if (save) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text(save)], { type: "text/plain" }));
    link.download = it.dataset.name;
    link.click();
    URL.revokeObjectURL(link.href);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("#keys input")) localStorage.setItem("keys", event.target.checked ? "on" : "off");
  const name = event.target.dataset?.all;
  if (name) for (const it of all(`input[name="${name}"]`)) it.checked = event.target.checked;
});

// Keys: / to search, ? for help, g and a letter to go somewhere, Escape to close a menu. All but Escape can be switched off.
let goes = false;
const areOff = () => localStorage.getItem("keys") === "off";
function keys() {
  const help = document.getElementById("keys");
  help.querySelector("input").checked = !areOff();
  if (!help.open) help.showModal();
}
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const { key } = event, on = !areOff() && !document.querySelector("dialog[open]");
  if (on && key === "?") document.querySelector("[data-keys]")?.click();
  if (on && key === "/") { const it = document.getElementById("q"); if (it) { event.preventDefault(); it.focus(); } }
  if (on && goes && key.length === 1) document.querySelector(`#nav a[data-key="${CSS.escape(key)}"]`)?.click();
  goes = key === "g";
  if (key === "Escape") for (const drop of all(".drop[open]")) { drop.open = false; drop.firstElementChild.focus(); }
});

// Parts that change by themselves: the page is read again, for ten minutes, and what has the same id takes its place.
for (const { id, dataset } of all("[data-live]")) {
  const until = Date.now() + 600_000;
  const timer = setInterval(async () => {
    if (Date.now() > until) return clearInterval(timer);
    const here = document.getElementById(id);
    if (document.hidden || document.querySelector("dialog[open]") || here.contains(document.activeElement)) return;
    const answer = await fetch(`${location.pathname}?live=1`).catch(() => null);
    const now = answer?.ok && !answer.redirected && parse(await answer.text()).getElementById(id);
    if (now && now.innerHTML !== here.innerHTML) here.replaceWith(document.adoptNode(now));
  }, dataset.live * 1000);
}

// A passkey: the device is asked, and what it answers is sent with the form. Whoever says no may try once more.
document.addEventListener("submit", async (event) => {
  const form = event.target, { passkey, options } = form.dataset;
  if (!passkey) return;
  event.preventDefault();
  const failed = form.querySelector("[role=alert]");
  failed.hidden = true;
  try {
    const asked = JSON.parse(options), read = PublicKeyCredential;
    const publicKey = passkey === "create" ? read.parseCreationOptionsFromJSON(asked) : read.parseRequestOptionsFromJSON(asked);
    form.elements.answer.value = JSON.stringify(await navigator.credentials[passkey]({ publicKey }));
    form.submit();
  } catch (error) {
    console.warn(error);
    failed.hidden = false;
  }
});

// Files go up one after the other, in parts: each may pause, goes on where it was, and leaves nothing behind when it is given up.
const queue = [];
let busy = false;

const ask = (it, what, body) => new Promise((done, fail) => {
  const { upload, prefix, part } = it.form.dataset, asked = it.asked = new XMLHttpRequest();
  const words = { key: prefix + it.file.name, type: it.file.type, upload: it.upload ?? "", number: it.at / part + 1 };
  asked.open("POST", `${upload}${what}?${new URLSearchParams(words)}`);
  asked.upload.onprogress = ({ loaded }) => progress(it, it.at + loaded);
  // Whoever must sign in first, or give a key, is sent to a page that says so.
  const isDone = () => asked.status < 300 && asked.responseURL.includes(`${what}?`);
  asked.onload = () => isDone() ? done(asked.responseText) : fail(parse(asked.responseText).querySelector("[role=alert], h1")?.textContent ?? asked.status);
  asked.onerror = asked.onabort = () => fail("");
  asked.send(body);
});

function progress(it, sent) {
  it.sent = Math.min(sent, it.file.size);
  it.row.querySelector("progress").value = it.sent / it.file.size || 0;
  const sum = (of) => queue.reduce((all, one) => all + of(one), 0), whole = sum((one) => one.sent) / sum((one) => one.file.size) || 0;
  it.form.querySelector("[role=status] progress").value = whole;
  it.form.querySelector("output").textContent = `${Math.floor(whole * 10)}0 %`;
}

async function carry(it) {
  const part = Number(it.form.dataset.part), { file } = it;
  try {
    it.upload ??= file.size > part ? await ask(it, "begin") : "";
    for (; it.at < file.size || !it.at; it.at += part) await ask(it, "part", file.slice(it.at, it.at + part));
    if (it.upload) await ask(it, "finish");
    progress(it, file.size);
    it.isOver = true;
    for (const button of all("button", it.row)) button.remove();
  } catch (why) {
    if (!it.rests && !it.isOver) rest(it);
    it.row.querySelector("em").textContent = why;
  }
}

function rest(it) {
  const button = it.row.querySelector("[data-go]");
  [button.textContent, button.dataset.go] = [button.dataset.go, button.textContent];
  it.rests = !it.rests;
  if (it.rests) it.asked?.abort();
}

async function run() {
  if (busy) return;
  busy = true;
  for (let it; (it = queue.find((one) => !one.isOver && !one.rests)); ) await carry(it);
  busy = false;
  if (queue.length && queue.every((one) => one.isOver)) location.reload();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.upload) return;
  event.preventDefault();
  form.querySelector("[role=status]").hidden = false;
  for (const file of form.elements.file.files) {
    const row = form.querySelector("template").content.firstElementChild.cloneNode(true);
    const it = { form, file, row, at: 0, sent: 0 };
    row.querySelector("span").textContent = file.name;
    row.querySelector("[data-go]").onclick = () => { rest(it); run(); };
    row.querySelector("[data-cancel]").onclick = () => {
      it.isOver = true;
      it.asked?.abort();
      if (it.upload) ask(it, "give-up").catch(() => {});
      queue.splice(queue.indexOf(it), 1);
      row.remove();
    };
    form.querySelector("ul").append(row);
    queue.push(it);
  }
  form.reset();
  run();
});

// Records as they come, the latest first; a page keeps a few hundred. Who pauses goes on where he was.
for (const button of all("[data-tail]")) {
  const rows = document.getElementById(button.dataset.to);
  button.hidden = !rows;
  let source, last;
  const add = (html) => {
    rows.prepend(document.adoptNode(parse(`<table>${html}</table>`).querySelector("tr")));
    while (rows.rows.length > 300) rows.lastElementChild.remove();
  };
  button.onclick = () => {
    [button.textContent, button.dataset.stop] = [button.dataset.stop, button.textContent];
    button.setAttribute("aria-pressed", String(!source));
    if (source) { source.close(); source = undefined; return; }
    source = new EventSource(button.dataset.tail + (last ? `&after=${last}` : ""));
    source.onmessage = (event) => { last = event.lastEventId; add(event.data); };
    source.addEventListener("skipped", (event) => add(`<tr><td colspan="9">${event.data}</td></tr>`));
  };
}

enhance(document);
