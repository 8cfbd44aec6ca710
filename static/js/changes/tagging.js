/** The tag form of a building that is added or changed: its kind, its fields, and whatever else, checked as OSM takes it. */
import { el } from "mapwright/lib/dom.js";
import { askDialog } from "mapwright/lib/forms.js";
import { mappedTags } from "mapwright/changes/mapped-tags.js";
import { fieldInput } from "mapwright/changes/preset-fields.js";
import { presetForm } from "mapwright/changes/preset-form.js";
import { loadPresets } from "mapwright/changes/presets.js";
import { checked, tagRows } from "mapwright/changes/tag-rows.js";
import { valueProblem } from "mapwright/changes/tag-rules.js";

const LEVELS = {
  key: "building:levels",
  type: "number",
  label: "Levels above the ground",
  options: [],
  custom_values: true,
};
const OFFERED = ["building", LEVELS.key];

const labelled = (text, input) => el("label", { class: "field" }, el("span", { text }), input);

/** The form with common values alone, where OSM's presets can't be had; `why` says so. */
function plainForm({ mapped, before, why, values }) {
  const about = el("p", { class: "small muted", role: "status" });
  const kind = checked(
    el("input", { list: "building-values", value: before.building ?? mapped.building ?? "yes", required: true }),
    (text) => valueProblem("building", text),
  );
  const tell = () => {
    about.textContent = values.find(({ value }) => value === kind.value.trim())?.about ?? "";
  };
  kind.addEventListener("input", tell);
  tell();
  const levels = fieldInput(LEVELS, before, mapped);
  const rows = tagRows(mapped);
  const others = mappedTags(mapped);
  others.draw(OFFERED, before);
  for (const [key, value] of Object.entries(before))
    if (!OFFERED.includes(key) && !(key in mapped)) rows.add(key, value);
  const offered = values.map(({ value, label }) => el("option", { value, label }));
  return {
    body: [
      el("p", { class: "note note-warn", text: `Common values only. ${why}` }),
      labelled("Kind of building", kind),
      el("datalist", { id: "building-values" }, ...offered),
      about,
      levels.node,
      others.node,
      ...rows.nodes,
      el("p", { class: "small muted", text: "Every other tag that it has stays." }),
    ],
    focus: kind,
    read: () => [["building", kind.value.trim()], ...Object.entries(levels.read()), ...others.read(), ...rows.read()],
  };
}

/**
 * Ask for tags. Resolves to {key: value} of what is to be set, "" for what is taken off, without what the building has; null
 * where one goes back.
 * @param {Object} subject the candidate
 * @param {Object} before tags set so far
 * @param {Array<{value: string, label: string, about: string}>} values common values of `building`
 */
export async function askTags(subject, before, values) {
  const mapped = subject.footprint?.tags ?? {};
  const isNew = !subject.footprint;
  const found = await loadPresets();
  const form = found.presets
    ? presetForm({ mapped, before, isNew, found, values })
    : plainForm({ mapped, before, why: found.why, values });
  const yes = await askDialog({ title: "Tags of the building", yes: "Set them", focus: form.focus, body: form.body });
  if (!yes) return null;
  const plainNew = (key, value) => isNew && key === "building" && value === "yes";
  const says = ([key, value]) => (value === null ? key in mapped : value && mapped[key] !== value);
  return Object.fromEntries(
    form
      .read()
      .filter((pair) => pair[0] && says(pair) && !plainNew(...pair))
      .map(([key, value]) => [key, value ?? ""]),
  );
}
