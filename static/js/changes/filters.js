/** The filters of changes as an address holds them: read, said in words as chips, sent with a claim. */
import { el, fill } from "mapwright/lib/dom.js";
import { day, KINDS, number, percent } from "mapwright/lib/format.js";

/** What the queue knows of; the list knows `ONLY_LISTS` besides. */
const FILTERS = [
  "kind",
  "lot",
  "min_confidence",
  "max_confidence",
  "area",
  "min_square_m",
  "max_square_m",
  "tag",
  "found_from",
  "found_to",
  "captured_from",
  "captured_to",
  "model",
  "scan",
];
const MANY = ["kind", "tag"];
export const LOTS = { near_certain: "Near-certain", judgement: "Judgement calls" };

const between = (low, high, say) => {
  if (low && high) return `${say(low)} to ${say(high)}`;
  return low ? `from ${say(low)}` : `up to ${say(high)}`;
};
const RANGES = [
  ["Confidence", "confidence", (value) => percent(Number(value))],
  ["Size", "square_m", (value) => `${number(value)} m²`],
];
const DAYS = [
  ["Found", "found"],
  ["Image of", "captured"],
];

/** Of an address's query the filters that the queue has too. */
export function filtersIn(search) {
  const given = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const name of FILTERS) for (const value of given.getAll(name)) if (value) kept.append(name, value);
  return kept;
}

/** The same as a claim says what it wants; null where anything will do. */
export function wantedOf(filters) {
  const wanted = {};
  for (const name of new Set(filters.keys()))
    wanted[name] = MANY.includes(name) ? filters.getAll(name) : filters.get(name);
  return Object.keys(wanted).length ? wanted : null;
}

/** [words, names of the parameters, value of one of several] of every filter. */
function said(filters) {
  const words = [];
  for (const kind of filters.getAll("kind")) words.push([KINDS[kind]?.label ?? kind, ["kind"], kind]);
  if (filters.has("lot")) words.push([LOTS[filters.get("lot")] ?? filters.get("lot"), ["lot"]]);
  for (const [what, name, say] of RANGES) {
    const [low, high] = [filters.get(`min_${name}`), filters.get(`max_${name}`)];
    if (low || high) words.push([`${what} ${between(low, high, say)}`, [`min_${name}`, `max_${name}`]]);
  }
  for (const [what, name] of DAYS) {
    const [low, high] = [filters.get(`${name}_from`), filters.get(`${name}_to`)];
    if (low || high) words.push([`${what} ${between(low, high, day)}`, [`${name}_from`, `${name}_to`]]);
  }
  if (filters.has("area")) words.push(["In the drawn area", ["area"]]);
  for (const tag of filters.getAll("tag")) words.push([`Tag ${tag}`, ["tag"], tag]);
  if (filters.has("model")) words.push([`Model ${filters.get("model")}`, ["model"]]);
  if (filters.has("scan")) words.push([`Scan ${filters.get("scan")}`, ["scan"]]);
  return words;
}

function without(filters, names, value) {
  const rest = new URLSearchParams(filters);
  for (const name of names) {
    if (value === undefined) rest.delete(name);
    else {
      const others = rest.getAll(name).filter((one) => one !== value);
      rest.delete(name);
      others.forEach((one) => rest.append(name, one));
    }
  }
  return rest;
}

/**
 * Every filter as a chip that takes it away.
 * @param {HTMLElement} node
 * @param {URLSearchParams} filters
 * @param {(rest: URLSearchParams) => void} onRest the filters without the one whose chip was pressed
 */
export function drawChips(node, filters, onRest) {
  fill(
    node,
    ...said(filters).map(([text, names, value]) =>
      el(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-label": `Without: ${text}`,
          on: { click: () => onRest(without(filters, names, value)) },
        },
        text,
        el("span", { "aria-hidden": "true", text: "×" }),
      ),
    ),
  );
  node.hidden = !node.children.length;
}
