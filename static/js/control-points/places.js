/** Places on a tile, in its pixels at 256 px: where they lie on the globe, and where a transform brings them. */
/* global L */

const PX = 256;

/** Where a place [x, y] of a tile lies. */
export const toLatLng = ({ z, x, y }, [px, py]) => L.CRS.EPSG3857.pointToLatLng(L.point(x * PX + px, y * PX + py), z);

/** The place [x, y] of a tile at which something lies. */
export function toPlace({ z, x, y }, latlng) {
  const point = L.CRS.EPSG3857.latLngToPoint(latlng, z);
  return [point.x - x * PX, point.y - y * PX];
}

/**
 * A tile as both sides of its pairs see it: how places lie on a map. Other work has frames of its own.
 * @typedef {{toLatLng: Function, toPlace: Function, scale: (zoom) => number}} Frame `scale`: screen pixels for one of a place
 */
export function framesOfTile(tile) {
  const frame = {
    toLatLng: (place) => toLatLng(tile, place),
    toPlace: (latlng) => toPlace(tile, latlng),
    scale: (zoom) => 2 ** (zoom - tile.z),
  };
  return { image: frame, map: frame };
}

/** Where a 3 x 3 matrix brings a place. */
export function applyTo([[a, b, c], [d, e, f], [g, h, i]], [x, y]) {
  const w = g * x + h * y + i;
  return [(a * x + b * y + c) / w, (d * x + e * y + f) / w];
}

const multiply = (one, other) =>
  one.map((row) => other[0].map((_, column) => row.reduce((sum, value, k) => sum + value * other[k][column], 0)));

/** The matrix that undoes another. */
export function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const [x, y, z] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const scale = 1 / (a * x + b * y + c * z);
  return [
    [x * scale, (c * h - b * i) * scale, (b * f - c * e) * scale],
    [y * scale, (a * i - c * g) * scale, (c * d - a * f) * scale],
    [z * scale, (b * g - a * h) * scale, (a * e - b * d) * scale],
  ];
}

/**
 * The CSS transform that moves what is drawn on a map as a matrix moves places of a tile.
 * @param {Array} matrix 3 x 3, of places of the tile
 * @param {[number, number]} corner where the tile's north-west corner lies on the layer, screen pixels
 * @param {number} scale screen pixels for one of the tile's
 */
export function cssOf(matrix, [x, y], scale) {
  const there = [
    [scale, 0, x],
    [0, scale, y],
    [0, 0, 1],
  ];
  const [[a, c, e], [b, d, f], [p, q, r]] = multiply(multiply(there, matrix), inverse(there));
  return `matrix3d(${[a, b, 0, p, c, d, 0, q, 0, 0, 1, 0, e, f, 0, r].join(", ")})`;
}

export const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);
