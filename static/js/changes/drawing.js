/** Pure actions that help to draw: right angles, a turn of the whole, a corner brought to a neighbour. */
import { corners, mapCorners, offsetDegrees } from "mapwright/changes/shapes.js";

/** Walls that are off by more than this are meant to be oblique. */
const OBLIQUE = Math.tan((25 * Math.PI) / 180);

/** A plane around the shape's first corner: metres to the east and to the north, and back. */
function planeOf(geometry) {
  const [lon, lat] = corners(geometry)[0].position;
  const [east, north] = offsetDegrees(1, 1, lat);
  return {
    to: ([x, y]) => [(x - lon) / east, (y - lat) / north],
    from: ([x, y]) => [lon + x * east, lat + y * north],
  };
}

/** Turned to the left by an angle in radians. */
const spin = ([x, y], angle) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];

/** The direction of most of the walls, of those that stand square to it as well, in radians. */
function mainAngle(points) {
  let [cosine, sine] = [0, 0];
  points.forEach(([x, y], index) => {
    const [u, v] = points[(index + 1) % points.length];
    const [length, angle] = [Math.hypot(u - x, v - y), Math.atan2(v - y, u - x)];
    cosine += length * Math.cos(4 * angle);
    sine += length * Math.sin(4 * angle);
  });
  return Math.atan2(sine, cosine) / 4;
}

/** Give every run of walls along one axis one place across it: their mean, the longer ones counting more. */
function level(points, along, across) {
  const count = points.length;
  const runs = points.map((point, index) => {
    const next = points[(index + 1) % count];
    return Math.abs(next[across] - point[across]) <= OBLIQUE * Math.abs(next[along] - point[along]);
  });
  const levelled = points.map((point) => [...point]);
  runs.forEach((inRun, start) => {
    if (!inRun || runs[(start + count - 1) % count]) return;
    const members = [start];
    let [sum, weight] = [0, 0];
    for (let step = 0; step < count && runs[(start + step) % count]; step += 1) {
      const [at, next] = [(start + step) % count, (start + step + 1) % count];
      const length = Math.abs(points[next][along] - points[at][along]);
      sum += (length * (points[at][across] + points[next][across])) / 2;
      weight += length;
      members.push(next);
    }
    for (const member of members) levelled[member][across] = sum / weight;
  });
  return levelled;
}

/** The shape with right angles; walls that are clearly oblique stay so. */
export function squared(geometry) {
  const plane = planeOf(geometry);
  const angle = mainAngle(corners(geometry).map(({ position }) => plane.to(position)));
  return mapCorners(geometry, (ring) => {
    const points = ring.map((position) => spin(plane.to(position), -angle));
    return level(level(points, 0, 1), 1, 0).map((point) => plane.from(spin(point, angle)));
  });
}

/** The shape turned about its middle, degrees to the left. */
export function turned(geometry, degrees) {
  const plane = planeOf(geometry);
  const points = corners(geometry).map(({ position }) => plane.to(position));
  const middle = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
  return mapCorners(geometry, (ring) =>
    ring.map((position) => {
      const [x, y] = plane.to(position);
      const [u, v] = spin([x - middle[0], y - middle[1]], (degrees * Math.PI) / 180);
      return plane.from([u + middle[0], v + middle[1]]);
    }),
  );
}

/** The place on a wall that is nearest to the origin. */
function nearestOn([ax, ay], [bx, by]) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const share = length ? Math.min(1, Math.max(0, (-ax * (bx - ax) - ay * (by - ay)) / length)) : 0;
  return [ax + share * (bx - ax), ay + share * (by - ay)];
}

const closest = (points) =>
  points.reduce((best, point) => (!best || Math.hypot(...point) < Math.hypot(...best) ? point : best), null);

/** Where a corner meets the nearest of `others`: a corner of it within `within` metres, else its wall; null: none is near. */
export function meeting({ position }, others, within) {
  const [east, north] = offsetDegrees(1, 1, position[1]);
  const here = ([lon, lat]) => [(lon - position[0]) / east, (lat - position[1]) / north];
  const rings = others.flatMap(({ type, coordinates }) => (type === "Polygon" ? coordinates : coordinates.flat()));
  const walls = rings.flatMap((ring) => ring.slice(1).map((end, index) => [here(ring[index]), here(end)]));
  const near = (point) => point && Math.hypot(...point) <= within;
  const corner = closest(walls.map(([start]) => start));
  const found = near(corner) ? corner : closest(walls.map(([start, end]) => nearestOn(start, end)));
  return near(found) ? found : null;
}
