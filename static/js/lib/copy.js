/** A button that copies a text; where a browser does not let it, the text is shown to be copied by hand. */
import { el } from "mapwright/lib/dom.js";
import { notify } from "mapwright/lib/notices.js";

/** Copy a text, or show it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(`Copied: ${text}`, { kind: "good" });
  } catch {
    notify(text, { seconds: 30 }); // to be copied by hand
  }
}

export const copyButton = (text, label) =>
  el("button", {
    type: "button",
    class: "button button-small",
    text: label,
    title: text,
    on: { click: () => copy(text) },
  });
