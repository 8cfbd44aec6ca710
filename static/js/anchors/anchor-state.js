/** An anchor under review, and the pure actions on it: what was proposed, what the person has changed. */

/**
 * @typedef {Object} Work
 * @property {Object<string, string>} proposed
 * @property {string} proposedSummary
 * @property {Object<string, string>} changes attributes with another value than proposed
 * @property {string} summary
 */

export function begin(subject, draft = {}) {
  const changes = Object.fromEntries(
    Object.entries(draft.attributes ?? {}).filter(
      ([name, value]) => name in subject.attributes && subject.attributes[name] !== value,
    ),
  );
  return {
    proposed: subject.attributes,
    proposedSummary: subject.summary,
    changes,
    summary: draft.summary ?? subject.summary,
  };
}

export const valueOf = (work, name) => work.changes[name] ?? work.proposed[name];

/** Give an attribute a value; its proposed one is no change. */
export function choose(work, name, value) {
  const others = Object.fromEntries(Object.entries(work.changes).filter(([other]) => other !== name));
  return { ...work, changes: value === work.proposed[name] ? others : { ...others, [name]: value } };
}

export const write = (work, summary) => ({ ...work, summary });

export const wordsIn = (text) => text.split(/\s+/).filter(Boolean).length;

export const summaryChanged = (work) => work.summary.trim() !== work.proposedSummary;

/** How many things differ from the proposal. */
export const differences = (work) => Object.keys(work.changes).length + Number(summaryChanged(work));

/** Attributes of which both or neither are "none": what is not there has no size. */
const TOGETHER = [
  ["building_density", "dominant_building_size"],
  ["building_density", "building_arrangement"],
  ["building_density", "outline_complexity"],
  ["road_density", "road_layout"],
];

/** Two attributes that can't both hold, of which the person changed one at least; null: there are none. */
export const contradiction = (work) =>
  TOGETHER.find(
    (pair) =>
      pair.every((name) => name in work.proposed) &&
      pair.some((name) => name in work.changes) &&
      new Set(pair.map((name) => valueOf(work, name) === "none")).size === 2,
  ) ?? null;

/** What goes with a correction. */
export const correction = (work) => ({
  attributes: { ...work.proposed, ...work.changes },
  summary: summaryChanged(work) ? work.summary.trim().replace(/\s+/g, " ") : work.proposedSummary,
});

/** What a draft keeps: nothing where nothing is changed. */
export const asDraft = (work) => ({
  attributes: Object.keys(work.changes).length ? work.changes : null,
  summary: summaryChanged(work) ? work.summary : null,
});
