/** Pure actions on GeoJSON polygons: move a corner, put one in, take one out, move the whole shape. */

const EARTH_M = 6378137;
const toRad = (degrees) => (degrees * Math.PI) / 180;

/** Degrees of longitude and latitude for metres to the east and to the north, at a latitude. */
export const offsetDegrees = (east, north, latitude) => [
  ((east / (EARTH_M * Math.cos(toRad(latitude)))) * 180) / Math.PI,
  ((north / EARTH_M) * 180) / Math.PI,
];

/** Rings of a Polygon or MultiPolygon, as [part, ring] paths. */
const polygons = (geometry) => (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates);
const rebuild = (geometry, parts) => ({
  type: geometry.type,
  coordinates: geometry.type === "Polygon" ? parts[0] : parts,
});

/** Every corner as {part, ring, index, position}; the closing repetition is left out. */
export function corners(geometry) {
  return polygons(geometry).flatMap((rings, part) =>
    rings.flatMap((ring, r) => ring.slice(0, -1).map((position, index) => ({ part, ring: r, index, position }))),
  );
}

/** The same shape with every ring, without its closing repetition, changed by `change`. */
export const mapCorners = (geometry, change) =>
  rebuild(
    geometry,
    polygons(geometry).map((rings) => rings.map((ring) => close(change(ring.slice(0, -1))))),
  );

const close = (ring) => [...ring, ring[0]];

function changeRing(geometry, { part, ring }, change) {
  const parts = polygons(geometry).map((rings, p) =>
    rings.map((one, r) => (p === part && r === ring ? close(change(one.slice(0, -1))) : one)),
  );
  return rebuild(geometry, parts);
}

/** The same shape with the rings of one part changed. */
export const withRings = (geometry, part, change) =>
  rebuild(
    geometry,
    polygons(geometry).map((rings, p) => (p === part ? change(rings) : rings)),
  );

/** The same shape with every place of one ring changed. */
export const mapRing = (geometry, path, change) => changeRing(geometry, path, (ring) => ring.map(change));

const moved = ([lon, lat], east, north) => {
  const [dlon, dlat] = offsetDegrees(east, north, lat);
  return [lon + dlon, lat + dlat];
};

export const moveCorner = (geometry, corner, east, north) =>
  changeRing(geometry, corner, (ring) =>
    ring.map((position, index) => (index === corner.index ? moved(position, east, north) : position)),
  );

/** A new corner in the middle of the side that starts at `corner`. */
export function splitSide(geometry, corner) {
  return changeRing(geometry, corner, (ring) => {
    const [a, b] = [ring[corner.index], ring[(corner.index + 1) % ring.length]];
    return [
      ...ring.slice(0, corner.index + 1),
      [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2],
      ...ring.slice(corner.index + 1),
    ];
  });
}

/** Without this corner; a triangle keeps its corners. */
export const removeCorner = (geometry, corner) =>
  changeRing(geometry, corner, (ring) => (ring.length > 3 ? ring.filter((_, index) => index !== corner.index) : ring));

export const moveShape = (geometry, east, north) =>
  rebuild(
    geometry,
    polygons(geometry).map((rings) => rings.map((ring) => ring.map((position) => moved(position, east, north)))),
  );

const turn = ([ax, ay], [bx, by], [cx, cy]) => Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));
const cross = ([a, b], [c, d]) => turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;

/** Whether any two sides of the shape cross. */
export function crosses(geometry) {
  const sides = polygons(geometry).flatMap((rings) =>
    rings.flatMap((ring) => ring.slice(1).map((end, index) => [ring[index], end])),
  );
  return sides.some((one, index) => sides.slice(index + 1).some((other) => cross(one, other)));
}

/** Area in square metres, on a plane at the shape's latitude. */
export function areaM2(geometry) {
  return polygons(geometry).reduce(
    (sum, [outer, ...holes]) => sum + ringArea(outer) - holes.reduce((part, hole) => part + ringArea(hole), 0),
    0,
  );
}

function ringArea(ring) {
  const scale = Math.cos(toRad(ring[0][1]));
  let twice = 0;
  for (let i = 0; i < ring.length - 1; i += 1) {
    const [x0, y0] = [toRad(ring[i][0] - ring[0][0]) * EARTH_M * scale, toRad(ring[i][1] - ring[0][1]) * EARTH_M];
    const [x1, y1] = [
      toRad(ring[i + 1][0] - ring[0][0]) * EARTH_M * scale,
      toRad(ring[i + 1][1] - ring[0][1]) * EARTH_M,
    ];
    twice += x0 * y1 - x1 * y0;
  }
  return Math.abs(twice) / 2;
}
