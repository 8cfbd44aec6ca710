/** Control points of a tile under review, and the pure actions on them: what was proposed, what the person made of it. */

/**
 * @typedef {Object} Point
 * @property {number} number
 * @property {[number, number]} map where it lies on the map, pixels of the tile at 256 px
 * @property {[number, number]} image where the image shows it
 * @property {"fit"|"check"} role
 * @property {boolean} enabled
 * @property {?number} confidence the matcher's; null for a point that a person set
 *
 * @typedef {Object} Work
 * @property {string} kind shift, similarity, affine or homography
 * @property {Array<Point>} points in the order of their numbers
 */

const SIMPLEST = "shift";
export const KINDS = ["shift", "similarity", "affine", "homography"];

const asPoint = ({ number, map_xy: map, image_xy: image, role, enabled, confidence = null }) => ({
  number,
  map,
  image,
  role,
  enabled,
  confidence,
});

/** What the matcher proposed. */
export const proposedBy = ({ transform, points }) => ({
  kind: transform?.kind ?? SIMPLEST,
  points: points.map(asPoint),
});

/** Work as an answer left it, and nothing besides; the matcher's confidence comes from the proposal. */
export function fromPayload({ transform, points }, proposed) {
  const known = new Map(proposed.points.map((point) => [point.number, point.confidence]));
  return {
    kind: transform,
    points: points.map((point) => ({
      ...asPoint(point),
      confidence: point.confidence ?? known.get(point.number) ?? null,
    })),
  };
}

/** Work as a draft left it: the proposal, with the points that the draft says otherwise or more of. */
export function fromDraft(draft, proposed) {
  const { kind, points } = fromPayload(draft, proposed);
  const others = new Map(points.map((point) => [point.number, point]));
  const gone = new Set(draft.gone ?? []);
  const there = proposed.points.filter(({ number }) => !gone.has(number));
  const kept = there.map((point) => others.get(point.number) ?? point);
  return { kind, points: [...kept, ...points.filter(({ confidence }) => confidence === null)] };
}

/** What goes with an answer. */
export const payloadOf = ({ kind, points }) => ({
  transform: kind,
  points: points.map(({ number, map, image, role, enabled }) => ({
    number,
    map_xy: map,
    image_xy: image,
    role,
    enabled,
  })),
});

const signs = ({ points }) => new Map(points.map((point) => [point.number, JSON.stringify(point)]));

/**
 * What goes into a draft: the payload without the points that are as they were proposed, since a browser keeps many, and
 * the numbers of those that are `gone`.
 */
export function draftOf(work, proposed) {
  const before = signs(proposed);
  const points = work.points.filter((point) => before.get(point.number) !== JSON.stringify(point));
  const there = new Set(work.points.map(({ number }) => number));
  const gone = proposed.points.map(({ number }) => number).filter((number) => !there.has(number));
  return { ...payloadOf({ ...work, points }), gone };
}

/** Whether two states of the work say the same. */
export const same = (one, other) =>
  one === other || JSON.stringify(payloadOf(one)) === JSON.stringify(payloadOf(other));

export const pointOf = (work, number) => work.points.find((point) => point.number === number) ?? null;

/** A thousandth of a pixel says all there is to say; places end where the server takes no more. */
const tidy = (place, { nearest_px: least, farthest_px: most }) =>
  place.map((value) => Math.min(most, Math.max(least, Math.round(value * 1000) / 1000)));

/** Whether the server takes a point that lies there. */
export const within = (place, { nearest_px: least, farthest_px: most }) =>
  place.every((value) => value >= least && value <= most);

const change = (work, number, part) => ({
  ...work,
  points: work.points.map((point) => (point.number === number ? { ...point, ...part } : point)),
});

/** Put one end of a pair elsewhere. */
export function move(work, number, side, place, limits) {
  const point = pointOf(work, number);
  const at = tidy(place, limits);
  if (!point || (point[side][0] === at[0] && point[side][1] === at[1])) return work;
  return change(work, number, { [side]: at });
}

/** Move one end of a pair by pixels of the tile. */
export function nudge(work, number, side, [dx, dy], limits) {
  const [x, y] = pointOf(work, number)[side];
  return move(work, number, side, [x + dx, y + dy], limits);
}

export const nextNumber = (work) => Math.max(0, ...work.points.map(({ number }) => number)) + 1;

/** Whether there is room for another pair. */
export const hasRoom = (work, { points, number }) => work.points.length < points && nextNumber(work) <= number;

/** A pair that a person set. */
export function add(work, image, map, limits) {
  const point = { number: nextNumber(work), map: tidy(map, limits), image: tidy(image, limits) };
  return { ...work, points: [...work.points, { ...point, role: "fit", enabled: true, confidence: null }] };
}

export const toggle = (work, number) => change(work, number, { enabled: !pointOf(work, number).enabled });

export const swapRole = (work, number) =>
  change(work, number, { role: pointOf(work, number).role === "fit" ? "check" : "fit" });

/** The matcher's points are only disabled; one that a person set goes. */
export const remove = (work, number) => ({
  ...work,
  points: work.points.filter((point) => point.number !== number || point.confidence !== null),
});

export const choose = (work, kind) => (work.kind === kind ? work : { ...work, kind });

/** How many points the transform stands on, and how many check it. */
export function counts({ points }) {
  const enabled = points.filter((point) => point.enabled);
  const checks = enabled.filter(({ role }) => role === "check").length;
  return { fit: enabled.length - checks, check: checks };
}

/**
 * The points to show: those that a person set or changed, the one chosen, the worst, and the surest of the rest.
 * @param {{most: number, always: Array<number>}} options
 */
export function surest(work, proposed, { most, always }) {
  const before = signs(proposed);
  const kept = new Set(always);
  for (const point of work.points) if (before.get(point.number) !== JSON.stringify(point)) kept.add(point.number);
  const rest = work.points.filter(({ number }) => !kept.has(number));
  const sure = [...rest].sort((a, b) => b.confidence - a.confidence || a.number - b.number);
  for (const { number } of sure.slice(0, Math.max(0, most - kept.size))) kept.add(number);
  return work.points.filter(({ number }) => kept.has(number));
}
