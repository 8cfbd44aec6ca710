/** Where the item on the screen lies, as people and other maps take it. */
import { copy } from "mapwright/lib/copy.js";
import { afterMouse, byId, el } from "mapwright/lib/dom.js";
import { placeOf } from "mapwright/lib/tiles.js";

const button = el("button", {
  type: "button",
  class: "quiet-link",
  title: "Copy the coordinates",
  on: { click: afterMouse(() => copy(button.value)) },
});
let held = false; // the keyboard was on it when the item before it went, and nobody went elsewhere since
for (const act of ["focusin", "keydown", "pointerdown"])
  document.addEventListener(act, () => (held = false), { capture: true });

/**
 * Show the place of an item in `#where`: to be copied, and no way to its page, which tells what a reviewer is not to know before
 * answering. The button stays from item to item, and the keyboard on it.
 * @param {{tile: Object, streets: string[]}} subject
 * @returns {string} the place in words
 */
export function showPlace({ tile, streets }) {
  const words = streets.length ? `${placeOf(tile)} on ${streets.join(", ")}` : placeOf(tile);
  button.value = placeOf(tile);
  button.textContent = words;
  if (!button.isConnected) byId("where").append(button);
  byId("where").hidden = false;
  if (held && [document.body, null].includes(document.activeElement)) button.focus();
  held = false;
  return words;
}

export function hidePlace() {
  held ||= document.activeElement === button;
  byId("where").hidden = true;
}
