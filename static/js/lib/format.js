/** Numbers, dates and scores in words. */
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A day, or `fallback` where none is known. A plain date is a day everywhere, not midnight in one time zone. */
export function day(value, fallback = "not stated") {
  if (!value) return fallback;
  const date = /^\d{4}-\d\d-\d\d$/.test(value) ? new Date(`${value}T12:00:00`) : new Date(value);
  return Number.isNaN(date.getTime()) ? fallback : dateFormat.format(date);
}

export function moment(value, fallback = "never") {
  const date = value ? new Date(value) : null;
  return date && !Number.isNaN(date.getTime()) ? timeFormat.format(date) : fallback;
}

export const number = (value, digits = 0) =>
  Number(value).toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: digits });
export const percent = (share, digits = 0) => (Number.isFinite(share) ? `${number(share * 100, digits)} %` : "unknown");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${number(seconds / 3600, 1)} h`;
}

export function metres(value) {
  if (!Number.isFinite(value)) return "unknown";
  return value < 10 ? `${number(value, value < 1 ? 2 : 1)} m` : `${number(value)} m`;
}

export function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value, unit && value < 100 ? 1 : 0)} ${units[unit]}`;
}

/** "The machine ...": how sure a share between 0 and 1 is, in words; a model on trial never speaks of being sure. */
export function sureness(confidence, model = null) {
  if (model?.trial) return "has a guess";
  if (confidence >= 0.9) return "is very sure";
  if (confidence >= 0.75) return "is fairly sure";
  if (confidence >= 0.5) return "is unsure";
  return "guesses";
}

/** A value of an attribute as one says it: `very_dense` is "very dense", `l_shaped` "L-shaped". */
export const valueWords = (value) =>
  String(value ?? "")
    .replace(/^l_/, "L-")
    .replaceAll("_", " ");

/** `building_density` -> `Building density`. */
export const humanise = (name) => {
  const text = String(name)
    .replace(/[_-]+/g, " ")
    .trim()
    .replace(/\b(auroc|f1|iou)\b/gi, (word) => word.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export const KINDS = {
  add: { label: "Missing from the map", question: "A building that the map lacks?", mark: "+" },
  remove: { label: "Gone from the ground", question: "A building that is gone?", mark: "−" },
  modify: { label: "Different shape", question: "A building with another shape?", mark: "△" },
  shifted: { label: "Drawn in the wrong place", question: "A building drawn in the wrong place?", mark: "→" },
};

/** A building that was said to stand as it is mapped: all that leaves is its check_date. */
export const STANDS = { label: "Still stands", mark: "✓" };

export const DECISIONS = {
  accept: "accepted",
  correct: "corrected",
  adjust: "corrected",
  reject: "rejected",
  cant_tell: "can't tell",
  image_offset: "image offset",
  bad_imagery: "bad imagery",
  too_old: "image too old",
  still_stands: "still stands",
};
