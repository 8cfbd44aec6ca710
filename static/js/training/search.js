/** A search model on the training page: what there is to learn from, and what its comparison rests on. */
import { el, facts } from "mapwright/lib/dom.js";
import { number, plural } from "mapwright/lib/format.js";

/** Nodes that say what is there to learn from, and, where nothing finds places, what to do. */
export function searchAhead(data) {
  const { images, regions, landmarks, weights } = data;
  const fresh = data.model ? ` ${number(data.new)} of the images ${data.new === 1 ? "is" : "are"} new to it.` : "";
  return [
    weights
      ? el("p", { class: "small", text: `In use: ${data.in_use}.` })
      : el("p", { class: "note note-warn", text: `Finds places: ${data.in_use}.` }),
    el("p", {
      class: "small",
      text: images
        ? `${plural(images, "image")} of ${plural(regions, "region")}, their maps and ${plural(landmarks, "landmark")} to learn from.${fresh}`
        : "No region has imagery yet: import some first.",
    }),
    facts([["Kept for comparing", "one block of ground in four"]]),
  ];
}

/** What both models were given. */
export function searchGround({ tiles = 0, places = 0, texts = 0 }) {
  return `Both were asked about the same ${plural(tiles, "tile")} of ${plural(places, "place")} that no model learns, with ${plural(texts, "sentence")}.`;
}
