/** A list of exits: each line a link or a button, and beside it what it is for. */
import { el } from "mapwright/lib/dom.js";

/** One line; `act` is a node. */
export const exportLine = (act, about) => el("li", {}, act, el("span", { class: "muted small", text: about }));

/** A line whose file is downloaded. */
export const fileLine = (href, text, about, main = false) =>
  exportLine(el("a", { class: `button button-small${main ? " button-main" : ""}`, href, download: true, text }), about);

/** The lines under a heading. */
export const exportList = (label, lines) =>
  el("ul", { class: "exports", "aria-label": label }, ...lines.filter(Boolean));
