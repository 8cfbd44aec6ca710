/** Short messages at the corner; errors stay until they are closed. */
import { byId, el } from "mapwright/lib/dom.js";

export function notify(text, { kind = "plain", seconds = 5, action = null, actions = action ? [action] : [] } = {}) {
  for (const shown of byId("notices").children) if (shown.querySelector("p")?.textContent === text) shown.remove();
  const close = el("button", { type: "button", class: "icon-button", "aria-label": "Close the message", text: "×" });
  const buttons = actions.map(({ label }) =>
    el("button", { type: "button", class: "button button-small", text: label }),
  );
  const notice = el("div", { class: `notice notice-${kind}` }, el("p", { text }), ...buttons, close);
  const remove = () => notice.remove();
  close.addEventListener("click", remove);
  buttons.forEach((button, index) =>
    button.addEventListener("click", () => {
      remove();
      actions[index].run();
    }),
  );
  byId("notices").append(notice);
  if (kind !== "bad") setTimeout(remove, seconds * 1000);
  return remove;
}

let signedOut = () => {};

/** The server knows the person again: what said otherwise goes. */
export function signedInAgain() {
  signedOut();
  signedOut = () => {};
}

/** Show an error of the API in words. */
export function notifyError(error) {
  if (error?.name === "AbortError") return null;
  if (error?.signedOut && error.code !== "other_person") {
    signedOut = notify("You are signed out. Sign in again in another tab; what you did here is kept.", { kind: "bad" });
    return signedOut;
  }
  if (!error?.code && error?.name !== "ConnectionError") console.error(error);
  return notify(error?.message || "Something went wrong on this page.", { kind: "bad" });
}
