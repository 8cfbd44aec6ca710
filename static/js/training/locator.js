/** A locator on the training page: what there is to learn from, and what its comparison rests on. */
import { el, facts } from "mapwright/lib/dom.js";
import { number, plural } from "mapwright/lib/format.js";

/** Nodes that say what is there to learn from, and, where nothing looks for images, what to do. */
export function locatorsAhead(data) {
  const { images, regions, weights } = data;
  const fresh = data.model ? ` ${number(data.new)} of them ${data.new === 1 ? "is" : "are"} new to it.` : "";
  return [
    weights
      ? el("p", { class: "small", text: `In use: ${data.in_use}.` })
      : el("p", { class: "note note-warn", text: `Looks for images: ${data.in_use}.` }),
    el("p", {
      class: "small",
      text: images
        ? `${plural(images, "image")} of ${plural(regions, "region")} to learn from.${fresh}`
        : "No region has imagery yet: import some first.",
    }),
    facts([["Kept for comparing", "one block of ground in four"]]),
  ];
}

/** What both locators were given. */
export function locatorsGround({ blocks = 0, queries = 0, bases = 0 }) {
  return `Both looked for the same ${plural(queries, "picture")} of ${plural(blocks, "block")} that no locator learns, turned, scaled and in another light, among ${plural(bases, "base")}.`;
}
