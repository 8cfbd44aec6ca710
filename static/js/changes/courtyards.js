/** Pure actions on the holes of a shape: put one in, move one as a whole, fill one. */
import { corners, mapRing, offsetDegrees, withRings } from "mapwright/changes/shapes.js";

/** A new courtyard takes this share of the room around its middle. */
const SHARE = 0.5;
const LARGEST_M = 4;
const LEAST_ROOM_M = 1;
const STEPS = 24;

const parts = ({ type, coordinates }) => (type === "Polygon" ? [coordinates] : coordinates);

/** The holes of a shape, each as a path {part, ring}. */
export const courtyards = (geometry) =>
  parts(geometry).flatMap((rings, part) => rings.slice(1).map((_, index) => ({ part, ring: index + 1 })));

/** Metres to the east and to the north of a place. */
function planeAt([lon, lat]) {
  const [east, north] = offsetDegrees(1, 1, lat);
  return ([x, y]) => [(x - lon) / east, (y - lat) / north];
}

const sidesOf = (rings) => rings.flatMap((ring) => ring.slice(1).map((end, index) => [ring[index], end]));

function inside(rings, [x, y]) {
  let within = false;
  for (const [[ax, ay], [bx, by]] of sidesOf(rings))
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  return within;
}

/** Metres from a place to the nearest wall. */
function roomAt(rings, place) {
  const here = planeAt(place);
  return sidesOf(rings).reduce((least, [start, end]) => {
    const [[ax, ay], [bx, by]] = [here(start), here(end)];
    const square = (bx - ax) ** 2 + (by - ay) ** 2;
    const share = square ? Math.min(1, Math.max(0, (-ax * (bx - ax) - ay * (by - ay)) / square)) : 0;
    return Math.min(least, Math.hypot(ax + share * (bx - ax), ay + share * (by - ay)));
  }, Infinity);
}

/** The place in these rings with the most room around it, looked for on a grid. */
function roomiest(rings) {
  const [xs, ys] = [0, 1].map((axis) => rings[0].map((point) => point[axis]));
  const [west, south, east, north] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  let best = null;
  for (let i = 0.5; i < STEPS; i += 1)
    for (let j = 0.5; j < STEPS; j += 1) {
      const place = [west + ((east - west) * i) / STEPS, south + ((north - south) * j) / STEPS];
      const room = inside(rings, place) ? roomAt(rings, place) : 0;
      if (room && (!best || room > best.room)) best = { place, room };
    }
  return best;
}

/** The direction of the longest outer wall, in radians. */
function angleOf([outer], place) {
  const walls = sidesOf([outer]).map(([start, end]) => [planeAt(place)(start), planeAt(place)(end)]);
  const [[ax, ay], [bx, by]] = walls.reduce((longest, wall) => (lengthOf(wall) > lengthOf(longest) ? wall : longest));
  return Math.atan2(by - ay, bx - ax);
}
const lengthOf = ([[ax, ay], [bx, by]]) => Math.hypot(bx - ax, by - ay);

/**
 * The shape with a new square courtyard, along its longest wall.
 * @param {Object} geometry
 * @param {?Array<number>} at longitude and latitude of its middle; where no room is, the place with the most of it
 * @returns {?{geometry: Object, yard: {part: number, ring: number}}} null where no room is left
 */
export function withCourtyard(geometry, at) {
  const all = parts(geometry);
  const given = at ? all.findIndex((rings) => inside(rings, at)) : -1;
  const places = all.map((rings, part) => ({ part, ...roomiest(rings) })).filter(({ place }) => place);
  const chosen =
    given >= 0 && roomAt(all[given], at) >= LEAST_ROOM_M
      ? { part: given, place: at, room: roomAt(all[given], at) }
      : places.reduce((best, one) => (!best || one.room > best.room ? one : best), null);
  if (!chosen) return null;
  const { part, place, room } = chosen;
  const reach = Math.min(LARGEST_M, room * SHARE);
  const [east, north] = offsetDegrees(1, 1, place[1]);
  const angle = angleOf(all[part], place) + Math.PI / 4;
  const yard = [0, 1, 2, 3].map((quarter) => {
    const turn = angle - (quarter * Math.PI) / 2;
    return [place[0] + reach * Math.cos(turn) * east, place[1] + reach * Math.sin(turn) * north];
  });
  const next = withRings(geometry, part, (rings) => [...rings, [...yard, yard[0]]]);
  return { geometry: next, yard: { part, ring: all[part].length } };
}

/** The shape with this courtyard filled. */
export const filled = (geometry, { part, ring }) =>
  withRings(geometry, part, (rings) => rings.filter((_, index) => index !== ring));

/** The shape with this courtyard moved by metres, as it is. */
export const moveYard = (geometry, yard, east, north) =>
  mapRing(geometry, yard, ([lon, lat]) => {
    const [dlon, dlat] = offsetDegrees(east, north, lat);
    return [lon + dlon, lat + dlat];
  });

/** The number, among all corners, of the first one of a courtyard. */
export const firstCorner = (geometry, { part, ring }) =>
  corners(geometry).findIndex((corner) => corner.part === part && corner.ring === ring);
