/** What the machine found, in words a person can weigh. */
import { el } from "mapwright/lib/dom.js";
import { humanise, metres, number, percent } from "mapwright/lib/format.js";
import { idOffset, notableShift, shiftWords } from "mapwright/lib/offset.js";
import { classOf } from "mapwright/lib/ramp.js";
import { areaM2 } from "mapwright/changes/shapes.js";

const strength = (value) => (value >= 0.8 ? "strong" : value >= 0.6 ? "fair" : value >= 0.2 ? "weak" : "hardly any");

const reshapes = (kind) => ["modify", "shifted"].includes(kind);

/** [before, after] in m²: of the map's shape, and of what is accepted; nothing for what is new or goes. */
export function areas(subject, geometry) {
  if (!reshapes(subject.kind) || !subject.footprint) return [];
  return [areaM2(subject.footprint.geometry), areaM2(geometry ?? subject.geometry)];
}

/** Which model suggests it, and how it did where the errors are known. */
export function modelWords(model) {
  if (!model) return "";
  if (model.untuned) return `First look, untuned model: the percentages of general model ${model.id} are no odds here.`;
  const name = `Model ${model.id} (${model.preset})`;
  const on = model.measured;
  if (!on) return `${name} was not measured on enough tiles: its percentages are no odds.`;
  const found = `tells wrong tiles with ${percent(on.value)} (${percent(on.low)} to ${percent(on.high)}, ${on.tiles} tiles)`;
  return model.trial ? `${name} ${found}: its percentages are no odds.` : `${name} ${found}.`;
}

/** What each figure says; nothing where it says nothing. */
const WORDS = {
  mean_evidence: (value) => ["Looks like a building", `${strength(value)} (${percent(value)})`],
  moved_m: (value) => (value >= 0.5 ? ["Moved by", metres(value)] : null),
  area_m2: (value, kind) => (reshapes(kind) ? null : ["Area", `${number(value)} m²`]),
  more_m2: (value) => ["Of it not on the map", `${number(value)} m²`],
};
const DETAILS = {
  iou_with_map: (value, kind) =>
    ["modify", "shifted"].includes(kind) ? ["Overlap with the map's shape", percent(value)] : null,
};
const SILENT = new Set([
  "overlap",
  "shift_m",
  "shift_east_m",
  "shift_north_m",
  "shift_confidence",
  "shift_origin",
  "counterfactual",
  "tile_probability",
  "tile_probability_after",
]);

const rowsOf = (words, { kind, evidence }) =>
  Object.entries(words)
    .flatMap(([name, say]) => (Number.isFinite(evidence?.[name]) ? [say(evidence[name], kind)] : []))
    .filter(Boolean);
const agreement = (value) => `${classOf(value).label.toLowerCase()} (${percent(value)})`;

/** What the change would do to the tile's agreement, in words; "" where it was not measured. */
function effectWords(before, after) {
  if (!Number.isFinite(after)) return "";
  const difference = after - before;
  if (Math.abs(difference) < 0.1) return "; this change alone alters little of that";
  return `; with this change they ${difference > 0 ? "agree better" : "agree less"} (${percent(after)})`;
}

/** Rows [term, words] of what helps to decide. */
export function evidenceRows(subject, geometry = null) {
  const { evidence = {} } = subject;
  const [mapped, proposed] = areas(subject, geometry);
  const before = subject.probability ?? evidence.tile_probability;
  const after = evidence.tile_probability_after;
  const shift = notableShift(evidence);
  const resized = mapped ? [["Area", `${number(mapped)} → ${number(proposed)} m²`]] : [];
  const rows = [
    ...rowsOf(WORDS, subject),
    ...resized,
    ...(shift ? [["Image lies off the map", shiftWords(shift)]] : []),
    ...(shift && evidence.shift_origin === "verified" ? [["That offset is", "verified by people"]] : []),
  ];
  if (!Number.isFinite(before)) return rows;
  return [...rows, ["Image and map here", `${agreement(before)}${effectWords(before, after)}`]];
}

/** Rows [term, words] of the rest, for who wants to know. */
export function detailRows(subject) {
  const shift = notableShift(subject.evidence ?? {});
  const known = (name) => name in WORDS || name in DETAILS || SILENT.has(name);
  const others = Object.entries(subject.evidence ?? {}).filter(
    ([name, value]) => !known(name) && value !== "" && value !== 0,
  );
  return [
    ...rowsOf(DETAILS, subject),
    ...(shift ? [["This imagery in iD", el("code", { text: `offset=${idOffset(shift)}` })]] : []),
    ...others.map(([name, value]) => [humanise(name), typeof value === "number" ? number(value, 2) : String(value)]),
  ];
}

/** What is asked where a building has a part that the map lacks; other questions go by kind alone. */
export const PART_QUESTION = "A part of a building that is missing?";
export const isPart = ({ kind, evidence }) => kind === "modify" && Number.isFinite(evidence?.more_m2);

export const ACCEPT = { add: "Add it", remove: "Remove it", modify: "Take this shape", shifted: "Move it" };

/** Reasons that make sense for a candidate, in the order of their keys. */
export const reasonsOf = (subject) => (isPart(subject) ? REASONS.part : REASONS[subject.kind]);

/** What a reason means where its own name would mislead. */
const IN_OTHER_WORDS = {
  remove: { temporary: "Only hidden for a time", under_construction: "Being rebuilt" },
};

export const reasonWords = (kind, reason) => IN_OTHER_WORDS[kind]?.[reason] ?? humanise(reason);

const REASONS = {
  add: ["not_a_building", "already_mapped", "wrong_shape", "temporary", "under_construction", "other"],
  remove: ["still_there", "temporary", "under_construction", "other"],
  part: ["not_a_building", "separate_building", "wrong_shape", "temporary", "under_construction", "other"],
  modify: ["shape_is_fine", "wrong_shape", "not_a_building", "under_construction", "other"],
  shifted: ["shape_is_fine", "wrong_shape", "not_a_building", "other"],
};
