/** What a search says of itself: what was found, why nothing was, and what to do then. */
import { el, fill } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { filtersOf } from "mapwright/landmarks/query.js";

export const EXAMPLES = ["houses close together", "a river", "fields", "a large building with a car park"];

const ANYWAY = "Show the most alike all the same";

const WHAT = {
  words: (wish) => `“${wish.text}”`,
  gps: (wish) => wish.text,
  tile: (wish) => (wish.tile.address ? `tile ${wish.tile.address}` : "this tile"),
  photo: (wish) => wish.photo.name,
};

const shown = (answer, wish) => (WHAT[answer.kind] ?? WHAT[wish.kind] ?? WHAT.words)(wish);

/** One line that the live region says after each search. */
export function saidOf(answer, wish) {
  const parts = [];
  if (answer.results.length) parts.push(plural(answer.results.length, "tile"));
  if (answer.landmarks.length) parts.push(plural(answer.landmarks.length, "landmark"));
  if (!parts.length) return `Nothing found for ${shown(answer, wish)}.`;
  const joined = parts.join(" and ");
  const how = { gps: "near", tile: "like", photo: "like" }[answer.kind] ?? "for";
  if (answer.below && !answer.meant)
    return `${joined} most alike to ${shown(answer, wish)}; none is alike enough to be sure.`;
  const order = answer.kind === "gps" ? "the nearest first" : "the most alike first";
  return `${joined} ${how} ${shown(answer, wish)}, ${order}.`;
}

/**
 * The place that says why there is nothing, and what may help.
 * @param {HTMLElement} node
 * @param {?Object} answer null before anything was asked
 * @param {Object} wish
 * @param {{onWords: Function, onClear: Function, onAnyway: Function, readIn: Array<{name: string, href: string}>}} acts `readIn`: pages where tiles are
 *   made searchable, for those who may
 */
export function drawNothing(node, answer, wish, { onWords, onClear, onAnyway, readIn }) {
  node.hidden = Boolean(answer && (answer.results.length || answer.landmarks.length));
  if (node.hidden) return;
  const examples = el(
    "p",
    { class: "search-examples" },
    ...EXAMPLES.map((text) =>
      el("button", { type: "button", class: "button button-small", text, on: { click: () => onWords(text) } }),
    ),
  );
  if (!answer) {
    fill(
      node,
      el("h2", { text: "Find any place" }),
      el("p", {
        text: "Say in words what the ground looks like, give coordinates as lat, lon, drop a photo taken there, or open a tile and ask for more like it.",
      }),
      examples,
    );
    return;
  }
  const filtered = filtersOf(wish).length > 0;
  fill(
    node,
    el("h2", { text: "Nothing found" }),
    el("p", { text: sentence(answer.why_not || WHY[answer.kind] || WHY.text) }),
    answer.below && el("button", { type: "button", class: "button", text: ANYWAY, on: { click: onAnyway } }),
    filtered &&
      el("button", { type: "button", class: "button", text: "Search without the filters", on: { click: onClear } }),
    answer.model ? null : el("p", { class: "search-examples" }, ...readIn.map(toReadIn)),
    answer.model && wish.kind === "words" ? examples : null,
  );
}

const toReadIn = ({ name, href }) => el("a", { class: "button button-small", href, text: `Make ${name} searchable` });

export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.:?!]$/.test(text) ? "" : "."}`;

/** Where the server does not say more. */
const WHY = {
  text: "that means nothing here: say what can be seen from above, in plain words",
  gps: "no imagery lies there",
  photo: "no place here looks like the photo: try one with more of the ground in it",
  tile: "no other tile is like this one",
};
