/** Forms that speak to the API: errors beside their fields, one request at a time. */
import { fieldErrors } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { notifyError } from "mapwright/lib/notices.js";

function clear(form) {
  for (const node of form.querySelectorAll(".error")) node.remove();
  for (const node of form.querySelectorAll("[aria-invalid]")) {
    node.removeAttribute("aria-invalid");
    node.removeAttribute("aria-describedby");
  }
}

/** Put each field's complaint beside it and the rest on top; the first bad field gets the focus. */
export function showErrors(form, error) {
  clear(form);
  const rest = [];
  let first = null;
  for (const [name, text] of fieldErrors(error)) {
    const input = form.elements.namedItem(name);
    if (!(input instanceof HTMLElement)) {
      rest.push(`${name}: ${text}`);
      continue;
    }
    const id = `error-${form.id}-${name}`;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.closest(".field").append(el("p", { class: "error", id, text }));
    first ??= input;
  }
  if (!first || rest.length)
    form.prepend(el("p", { class: "note note-bad error", role: "alert", text: rest.join(" ") || error.message }));
  first?.focus();
}

/** The button, or the one that was drawn in its place meanwhile; none where nothing is called so any more. */
function asDrawnNow(button) {
  if (button.isConnected) return button;
  if (button.id) return document.getElementById(button.id);
  const label = button.getAttribute("aria-label");
  return label && document.querySelector(`button[aria-label="${CSS.escape(label)}"]`);
}

/** A button that is off loses the keyboard: give it back, unless the person went on elsewhere. */
function standAgain(button) {
  if (![button, document.body].includes(document.activeElement)) return;
  const now = asDrawnNow(button);
  if (now) now.focus();
}

/** Run `work` with its button held meanwhile: a second press is none, and who stood on the button stands there again. */
export async function held(button, work) {
  if (button.disabled) return;
  const stood = document.activeElement === button;
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
    if (stood) standAgain(button);
  }
}

/** `work` as a handler of clicks that holds its button. */
export const holding = (work) => (event) => held(event.currentTarget, work);

/**
 * Run `send(form)` on submit, with the button held while it runs; until this module is here, the page's button is off.
 * While the form has `data-idle` there is nothing to send, and the button stays off.
 */
export function onSubmit(form, send) {
  form.querySelector("button[type=submit]").disabled = form.hasAttribute("data-idle");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    if (button.disabled || "sending" in form.dataset) return;
    const stood = document.activeElement === button;
    clear(form);
    button.disabled = true;
    form.dataset.sending = "";
    try {
      await send(form);
    } catch (error) {
      if (error.status === 400 || error.status === 409) showErrors(form, error);
      else notifyError(error);
    } finally {
      delete form.dataset.sending;
      button.disabled = form.hasAttribute("data-idle"); // there may be nothing left to send
      if (stood) standAgain(button);
    }
  });
}

/** Values of a form, without what was left empty. */
export const values = (form) =>
  Object.fromEntries([...new FormData(form)].filter(([, value]) => !(value instanceof File) && value !== ""));

/** Its "close" event is a task of its own: a key that comes before that would be lost on who still waits for the dialog. */
function onceShut(dialog, run) {
  const watch = new MutationObserver(() => {
    if (dialog.open) return;
    watch.disconnect();
    run();
  });
  watch.observe(dialog, { attributeFilter: ["open"] });
}

/**
 * Ask something in a dialog. Resolves to true on yes.
 * @param {{title: string, body: Array<Node|false>, yes: ?string, kind?: string, focus?: ?HTMLElement}} options without `yes` one can only go back;
 *   `focus` is what is asked first, else the button
 */
export function askDialog({ title, body, yes, kind = "main", focus = null }) {
  return new Promise((resolve) => {
    const back = el("button", { type: "submit", class: "button", value: "no", formnovalidate: true, text: "Back" });
    const accept = yes
      ? el("button", { type: "submit", class: `button button-${kind}`, value: "yes", text: yes })
      : null;
    const form = el(
      "form",
      { method: "dialog", class: "dialog-body" },
      el("h2", { text: title }),
      ...body.filter(Boolean),
      el("div", { class: "dialog-end" }, back, accept),
    );
    // By itself Enter in a field would press the first button, which goes back and loses what was filled in.
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !accept || !event.target.matches("input, select")) return;
      event.preventDefault();
      accept.click();
    });
    const dialog = el("dialog", { "aria-label": title }, form);
    document.body.append(dialog);
    onceShut(dialog, () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
    (focus ?? accept ?? back).focus();
  });
}

/** Ask before something that can't be taken back. Resolves to true on yes. */
export const confirmDialog = ({ text, ...options }) => askDialog({ ...options, body: [el("p", { text })] });
