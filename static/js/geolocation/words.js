/** States of images without a place, in words. */
import { el } from "mapwright/lib/dom.js";
import { humanise } from "mapwright/lib/format.js";

const BADGES = {
  uploaded: ["badge", "Waiting"],
  searching: ["badge badge-busy", "Being looked for"],
  candidates: ["badge badge-warn", "To confirm"],
  placed: ["badge badge-good", "Placed"],
  not_found: ["badge badge-warn", "Not found"],
  rejected: ["badge", "None was right"],
  failed: ["badge badge-bad", "Not usable"],
};

export function imageBadge(state) {
  const [className, text] = BADGES[state] ?? ["badge", humanise(state)];
  return el("span", { class: className, text });
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Warnings as one note; null where there are none. */
export function warningsNote(warnings) {
  if (!warnings.length) return null;
  return el(
    "div",
    { class: "note note-warn", role: "note" },
    ...warnings.map((text) => el("p", { text: sentence(text) })),
  );
}

/** The regions as options of a select, after those that it has. */
export function fillRegions(select, regions, chosen = null) {
  select.append(...regions.map((region) => el("option", { value: String(region.id), text: region.name })));
  if (chosen !== null) select.value = String(chosen);
}
