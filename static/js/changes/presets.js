/** OSM's presets of buildings in the browser: fetched once, matched with tags, found by words. */
import { api } from "mapwright/lib/api.js";

let asked = null;

/** The language of the person's browser, as the server takes it. */
const language = () => (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$/.test(navigator.language) ? navigator.language : "en");

/**
 * The presets and their fields; where they can't be had, `{why}` says so, and asking again tries again.
 * @returns {Promise<{presets: Array, fields: Object, version: string}|{why: string}>}
 */
export function loadPresets() {
  asked ??= api.get(`/api/building-presets/?language=${language()}`).catch((error) => {
    asked = null;
    return { why: error.message };
  });
  return asked;
}

const fits = (wanted, value) => value !== undefined && (wanted === "*" || wanted === value);

/** The preset that says most of what these tags say; null where none fits. */
export function matchPreset(presets, tags) {
  let best = null;
  let most = 0;
  for (const preset of presets) {
    const pairs = Object.entries(preset.tags);
    if (!pairs.every(([key, wanted]) => fits(wanted, tags[key]))) continue;
    const said = pairs.reduce((sum, [, wanted]) => sum + (wanted === "*" ? 1 : 2), 0);
    if (said > most) [best, most] = [preset, said];
  }
  return best;
}

/**
 * What can be chosen as the kind of a building: presets, and values of `building` that have none of their own.
 * @returns {Array<{id: string, preset: Object, name: string, tags: Object, terms: string[]}>}
 */
export function choicesOf({ presets, fields }) {
  const offered = presets.filter(({ searchable }) => searchable);
  const known = new Set(presets.map(({ tags }) => tags.building));
  const any = presets.find(({ id }) => id === "building");
  const others = (fields.building?.options ?? []).filter(({ value }) => value !== "yes" && !known.has(value));
  return [
    ...offered.map((preset) => ({ ...preset, preset, tags: preset.add_tags })),
    ...others.map(({ value, label }) => ({
      id: `value/${value}`,
      preset: any,
      name: label,
      tags: { building: value },
      terms: [],
    })),
  ];
}

/** Small letters without accents, as words are compared. */
export const folded = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .trim();

/** How well a choice answers to a text; 0: not at all. */
function rank({ name, tags, terms }, text) {
  const called = folded(name);
  const values = Object.values(tags);
  if (called === text || values.includes(text)) return 6;
  if (called.startsWith(text)) return 5;
  if (called.split(/[\s-]+/).some((word) => word.startsWith(text))) return 4;
  if (values.some((value) => value.startsWith(text.replaceAll(" ", "_")))) return 3;
  const others = terms.map(folded);
  if (others.some((term) => term.startsWith(text))) return 2;
  const written = Object.entries(tags).map((pair) => pair.join("="));
  return [called, ...others, ...written].some((one) => one.includes(text)) ? 1 : 0;
}

/** Choices that a text finds, the best first; all of them, the common ones first, where there is none. */
export function findChoices(choices, typed) {
  const text = folded(typed);
  if (!text) return choices;
  return choices
    .map((choice, place) => ({ choice, place, rank: rank(choice, text) }))
    .filter((one) => one.rank > 0)
    .sort((one, other) => other.rank - one.rank || one.place - other.place)
    .map(({ choice }) => choice);
}

/** The choice whose name or value of `building` a text is; null where it is none. */
export function choiceNamed(choices, typed) {
  const text = folded(typed);
  const named = choices.find(({ name }) => folded(name) === text);
  return named ?? choices.find(({ tags }) => Object.keys(tags).length === 1 && tags.building === text) ?? null;
}

/** Tags to be set once one kind is left for another: what the old one brought goes, what the new one brings comes. */
export function switched(tags, left, chosen) {
  const gone = Object.entries(left?.remove_tags ?? {});
  const kept = Object.entries(tags).filter(
    ([key, value]) => value === "" || !gone.some(([name, wanted]) => name === key && fits(wanted, value)),
  );
  return { ...Object.fromEntries(kept), ...chosen };
}
