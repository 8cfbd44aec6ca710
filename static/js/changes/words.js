/** What the machine found, in words a person can weigh. */
import { humanise, metres, number, percent } from "mapwright/lib/format.js";
import { classOf } from "mapwright/lib/ramp.js";

const strength = (value) => (value >= 0.8 ? "strong" : value >= 0.6 ? "fair" : value >= 0.4 ? "weak" : "hardly any");

const WORDS = {
  area_m2: (value) => ["Area", `${number(value)} m²`],
  mean_evidence: (value) => ["Looks like a building", `${strength(value)} (${percent(value)})`],
  iou_with_map: (value) => ["Overlap with the map", percent(value)],
  moved_m: (value) => (value >= 0.5 ? ["Moved by", metres(value)] : null),
  overlap: () => null,
  shift_confidence: () => null,
  counterfactual: () => null,
  shift_m: (value) => (value >= 0.5 ? ["Offset from the map", metres(value)] : null),
  tile_probability: () => null,
  tile_probability_after: () => null,
};

/** Rows [term, words] of a candidate's evidence. */
export function evidenceRows(subject) {
  const evidence = subject.evidence ?? {};
  const rows = Object.entries(evidence).map(([name, value]) => (WORDS[name] ? (Number.isFinite(value) ? WORDS[name](value) : null) : [humanise(name), typeof value === "number" ? number(value, 2) : String(value)]));
  return [...rows.filter(Boolean), ...tileRows(subject, evidence)];
}

function tileRows(subject, evidence) {
  const before = subject.probability ?? evidence.tile_probability;
  if (!Number.isFinite(before)) return [];
  const rows = [["Image and map here", `${classOf(before).label.toLowerCase()} (${percent(before)})`]];
  const after = evidence.tile_probability_after;
  if (Number.isFinite(after) && Math.abs(after - before) >= 0.005) rows.push(["With this change", `${classOf(after).label.toLowerCase()} (${percent(after)})`]);
  return rows;
}

export const ACCEPT = { add: "Add it", remove: "Remove it", modify: "Take this shape", shifted: "Move it" };

/** Reasons that make sense for a kind, in the order of their keys. */
export const REASONS = {
  add: ["not_a_building", "already_mapped", "wrong_shape", "temporary", "under_construction", "other"],
  remove: ["still_there", "temporary", "under_construction", "other"],
  modify: ["shape_is_fine", "wrong_shape", "not_a_building", "under_construction", "other"],
  shifted: ["shape_is_fine", "wrong_shape", "not_a_building", "other"],
};
