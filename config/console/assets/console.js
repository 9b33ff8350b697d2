// What pages do by script, beyond what they do without: dialogs, copying, showing and saving secrets, selecting all, keys.
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
  if (form && !form.getAttribute("action")) form.setAttribute("action", new URL(link.href).pathname);
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

const text = (id) => { const it = document.getElementById(id); return it.value ?? it.textContent; };

// What a part of a page can do once it is there.
function enhance(part) {
  for (const it of all("[data-mask]", part)) it.classList.add("masked");
  for (const it of all("[data-show], [data-save]", part)) it.hidden = false;
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
  const name = event.target.dataset?.all;
  if (name) for (const it of all(`input[name="${name}"]`)) it.checked = event.target.checked;
});

// Keys: / to search, Escape to close a menu.
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { const it = document.getElementById("q"); if (it) { event.preventDefault(); it.focus(); } }
  if (event.key === "Escape") for (const drop of all(".drop[open]")) { drop.open = false; drop.firstElementChild.focus(); }
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

enhance(document);
