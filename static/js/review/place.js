/** Where the item on the screen lies, as people and other maps take it, with a way to its page. */
import { byId, el } from "mapwright/lib/dom.js";
import { placeOf } from "mapwright/lib/tiles.js";

/**
 * Show the place of an item in `#where`.
 * @param {number} region
 * @param {{tile: Object, streets: string[]}} subject
 * @returns {string} the place in words
 */
export function showPlace(region, { tile, streets }) {
  const words = streets.length ? `${placeOf(tile)} on ${streets.join(", ")}` : placeOf(tile);
  const href = `/regions/${region}/tiles/${tile.z}/${tile.x}/${tile.y}/`;
  const link = byId("where").querySelector("a") ?? el("a", { target: "_blank", rel: "noopener" });
  // The same link for every item, so that it keeps the focus.
  if (!link.isConnected) byId("where").append(link);
  Object.assign(link, { href, title: `${words}: open its page in another tab`, textContent: words });
  byId("where").hidden = false;
  return words;
}

export const hidePlace = () => (byId("where").hidden = true);
