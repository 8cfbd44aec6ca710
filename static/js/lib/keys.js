/** Keys of a page: one registry, from which `?` shows its card. */
import { el } from "mapwright/lib/dom.js";

const bindings = [];
let dialog = null;

const typing = (target) =>
  target.closest?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]");

/**
 * Bind a key.
 * @param {string} key as in KeyboardEvent.key, lower case for letters
 * @param {string} label what it does, for the card
 * @param {Function} run called on press
 * @param {{group?: string, release?: Function, shown?: string, when?: Function, ctrl?: boolean}} [options] `release` makes it a key to hold
 * @returns {Function} takes the binding away again
 */
export function bindKey(key, label, run, options = {}) {
  const binding = { key, label, run, group: "This page", ...options };
  bindings.push(binding);
  return () => bindings.splice(bindings.indexOf(binding), 1);
}

const nameOf = (event) => (event.key.length === 1 ? event.key.toLowerCase() : event.key);

/** The binding that holds now: one with a condition that is met goes before the plain ones, newer before older. */
function find(event) {
  const ctrl = event.ctrlKey || event.metaKey;
  if (event.altKey) return null;
  const fitting = bindings.filter((b) => b.key === nameOf(event) && Boolean(b.ctrl) === ctrl);
  return fitting.findLast((b) => b.when?.(event)) ?? fitting.findLast((b) => !b.when);
}

function onDown(event) {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (typing(event.target) && event.key !== "Escape") return;
  const binding = find(event);
  if (!binding) return;
  if (["Enter", " "].includes(event.key) && event.target.closest?.("button, a, summary")) return;
  event.preventDefault();
  if (binding.release && event.repeat) return;
  if (event.repeat && !binding.repeats) return;
  binding.run(event);
}

function onUp(event) {
  for (const binding of bindings) if (binding.release && binding.key === nameOf(event)) binding.release(event);
}

function releaseAll() {
  for (const binding of bindings) binding.release?.();
}

const shownKey = (binding) =>
  binding.shown ??
  `${binding.ctrl ? "Ctrl " : ""}${binding.key === " " ? "Space" : binding.key.length === 1 ? binding.key.toUpperCase() : binding.key.replace("Arrow", "")}`;

/** The card of every key that this page knows. */
export function showKeys() {
  dialog?.remove();
  const groups = grouped();
  const body = el("div", { class: "key-groups" });
  for (const [name, members] of groups) {
    const list = el("dl");
    for (const binding of members) {
      if (binding.hidden) continue;
      list.append(
        el(
          "dt",
          {},
          ...shownKey(binding)
            .split(" ")
            .flatMap((part) => [el("kbd", { text: part }), " "]),
        ),
        el("dd", { text: binding.label + (binding.release ? " (hold)" : "") }),
      );
    }
    body.append(el("section", { class: "key-group" }, el("h3", { text: name }), list));
  }
  const close = el("button", { type: "button", class: "button", text: "Close", on: { click: () => dialog.close() } });
  dialog = el(
    "dialog",
    { id: "keys-card", "aria-labelledby": "keys-title" },
    el(
      "div",
      { class: "dialog-body" },
      el("h2", { id: "keys-title", text: "Keys of this page" }),
      body,
      el("div", { class: "dialog-end" }, close),
    ),
  );
  document.body.append(dialog);
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "?") return;
    event.preventDefault(); // or the same press would open it again
    dialog.close();
  });
  dialog.showModal();
  close.focus();
}

/** Bindings by group; those of every page come last. */
function grouped() {
  const groups = new Map();
  const everywhere = (binding) => Number(binding.group === "Everywhere");
  for (const binding of [...bindings].sort((a, b) => everywhere(a) - everywhere(b)))
    groups.set(binding.group, [...(groups.get(binding.group) ?? []), binding]);
  return groups;
}

/** Start listening; called once by the shell. */
export function listenToKeys() {
  bindKey("?", "Show or hide this card", showKeys, { group: "Everywhere" });
  document.addEventListener("keydown", onDown);
  document.addEventListener("keyup", onUp);
  window.addEventListener("blur", releaseAll);
}
