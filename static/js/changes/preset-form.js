/** The tag form by OSM's presets: a kind that is found by words, its fields, more fields, and any other tag. */
import { el, fill } from "mapwright/lib/dom.js";
import { fieldInput } from "mapwright/changes/preset-fields.js";
import { mappedTags } from "mapwright/changes/mapped-tags.js";
import { presetSearch } from "mapwright/changes/preset-search.js";
import { choicesOf, matchPreset, switched } from "mapwright/changes/presets.js";
import { tagRows } from "mapwright/changes/tag-rows.js";
import { isAddress } from "mapwright/changes/tag-rules.js";

const PREFIXED = ["multiCombo", "manyCombo"];

/** The keys that a field sets. */
function keysOf({ type, key, keys, options }) {
  if (!PREFIXED.includes(type)) return [key];
  return keys.length ? keys : options.map(({ value }) => key + value);
}

/** The kind that a building is by its tags. */
function kindOf({ presets, fields }, choices, tags) {
  const preset = matchPreset(presets, tags) ?? presets.find(({ id }) => id === "building");
  const told = Object.fromEntries(Object.keys(preset.tags).map((key) => [key, tags[key] ?? preset.add_tags[key]]));
  const same = (one) =>
    Object.keys(one.tags).length === Object.keys(told).length &&
    Object.entries(told).every(([key, value]) => one.tags[key] === value);
  const label = fields.building?.options.find(({ value }) => value === tags.building)?.label;
  const name = preset.id === "building" ? (label ?? tags.building ?? preset.name) : preset.name;
  return choices.find(same) ?? { id: "as-mapped", preset, name, tags: told, terms: [] };
}

/** Fields of a kind: those asked for or with a tag, the rest, and names of those that are edited elsewhere. */
function fieldsOf({ fields }, kind, tags) {
  const { preset } = kind;
  const known = new Set(["building", ...Object.keys(preset.tags).filter((key) => preset.tags[key] !== "*")]);
  const asked = [];
  const more = [];
  for (const id of [...preset.fields, ...preset.more_fields]) {
    const field = fields[id];
    if (!field.here || keysOf(field).every((key) => known.has(key))) continue;
    keysOf(field).forEach((key) => known.add(key));
    (preset.fields.includes(id) || keysOf(field).some((key) => key in tags) ? asked : more).push(field);
  }
  const corrected = ({ type }) => type === "address" && Object.keys(tags).some(isAddress);
  const elsewhere = preset.fields.map((id) => fields[id]).filter((field) => !field.here && !corrected(field));
  return {
    asked,
    more,
    known: [...known, ...Object.keys(preset.tags)],
    elsewhere: elsewhere.map(({ label }) => label),
  };
}

/** The tags once these are set; an empty value takes one off. */
const applied = (mapped, said) =>
  Object.fromEntries(Object.entries({ ...mapped, ...said }).filter(([, value]) => value));

/** What the map has of the kind that is left, and keeps. */
function leftover(first, kind, mapped) {
  if (kind.id === first.id) return "";
  const gone = Object.keys(first.preset.remove_tags).filter(
    (key) => key !== "building" && mapped[key] && !(key in kind.tags),
  );
  return gone.length ? `The map keeps ${gone.join(", ")}: take it off in iD or JOSM where it no longer holds.` : "";
}

/**
 * @param {{mapped: Object, before: Object, isNew: boolean, found: Object, values: Array}} options `before`: tags set so far;
 *   `isNew`: it is not in the map; `found`: the presets; `values`: common kinds with a sentence each
 * @returns {{body: Node[], focus: HTMLElement, read: Function}} `read()` gives [key, value] pairs, null for what is taken off
 */
export function presetForm({ mapped, before, isNew, found, values }) {
  const part = ({ preset }) => preset.id === "building_part";
  const choices = choicesOf(found).filter((choice) => isNew || !part(choice));
  const start = kindOf(found, choices, applied(mapped, before));
  const about = el("p", { class: "small muted", role: "status" });
  const shown = el("div", { class: "preset-fields" });
  const rest = el("div", { class: "preset-fields" });
  const summary = el("summary");
  const more = el("details", { class: "preset-more" }, summary, rest);
  const elsewhere = el("p", { class: "small muted" });
  const rows = tagRows(mapped);
  const others = mappedTags(mapped);
  let tags = { ...before };
  let kind = start;
  let inputs = [];

  function collect() {
    for (const [key, value] of [...inputs.flatMap(({ read }) => Object.entries(read())), ...others.read()])
      if (value === null) tags[key] = "";
      else if (value && value !== mapped[key]) tags[key] = value;
      else delete tags[key];
  }

  function draw() {
    const known = fieldsOf(found, kind, { ...mapped, ...tags });
    const back = rows.takeOut(known.known);
    for (const [key, value] of back) if (value) tags[key] = value;
    others.draw(known.known, tags);
    const unknown = Object.keys(tags).filter((key) => !known.known.includes(key) && !(key in mapped));
    for (const key of unknown) {
      rows.add(key, tags[key]);
      delete tags[key];
    }
    const made = (field) => fieldInput(field, tags, mapped);
    const [asked, folded] = [known.asked.map(made), known.more.map(made)];
    inputs = [...asked, ...folded];
    fill(shown, ...asked.map(({ node }) => node));
    fill(rest, ...folded.map(({ node }) => node));
    summary.textContent = `More fields (${folded.length})`;
    more.hidden = folded.length === 0;
    const value = kind.tags.building;
    const sentence = values.find((one) => one.value === value)?.about ?? "";
    about.textContent = [sentence, leftover(start, kind, mapped)].filter(Boolean).join(" ");
    const names = known.elsewhere.join(", ");
    elsewhere.textContent = names ? `Edited in iD or JOSM: ${names}. ` : "";
    elsewhere.append(`Every other tag that it has stays. Kinds and fields: OpenStreetMap’s presets ${found.version}.`);
  }

  const search = presetSearch({
    choices,
    any: found.presets.find(({ id }) => id === "building"),
    start,
    onChoose(choice) {
      collect();
      tags = switched(tags, kind.preset, choice.tags);
      kind = choice;
      draw();
    },
  });
  // What is wrong in a folded part could not be shown there.
  more.addEventListener("invalid", () => (more.open = true), true);
  draw();
  const label = el("label", { for: search.input.id, text: "Kind of building" });
  return {
    body: [
      el("div", { class: "field" }, label, search.node),
      about,
      shown,
      more,
      !isNew && others.node,
      ...rows.nodes,
      elsewhere,
    ],
    focus: search.input,
    read() {
      collect();
      return [...Object.entries(tags).map(([key, value]) => [key, value || null]), ...rows.read()];
    },
  };
}
