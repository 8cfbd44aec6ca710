/** Addresses of tiles, with the version that lets the browser keep them for ever. */

/** Sharper tiles on a dense screen. */
const dense = () => (window.devicePixelRatio > 1.3 ? 512 : 256);

const query = ({ tile_version: version }, size) => `?size=${size}${version ? `&v=${encodeURIComponent(version)}` : ""}`;

/** @param {{id: number, tile_version: string}} imagery */
export const imageUrl = (imagery, size = dense()) =>
  `/tiles/image/${imagery.id}/{z}/{x}/{y}.webp${query(imagery, size)}`;

/** @param {{id: number, tile_version: string, tiles: ?string}} snapshot a scan of a map brings the address of its own */
export const mapUrl = (snapshot, size = dense()) =>
  `${snapshot.tiles ?? `/tiles/map/${snapshot.id}/{z}/{x}/{y}.png`}${query(snapshot, size)}`;

const DEGREES = 180 / Math.PI;

/** `27.70412, 85.30020`: the middle of a tile as people and other maps take it, latitude first. */
export function placeOf({ z, x, y }) {
  const count = 2 ** z;
  const lat = Math.atan(Math.sinh(Math.PI * (1 - (2 * (y + 0.5)) / count))) * DEGREES;
  return `${lat.toFixed(5)}, ${(((x + 0.5) / count) * 360 - 180).toFixed(5)}`;
}

/** The address of one tile of a template. */
export const tileUrl = (template, { z, x, y }) => template.replace("{z}", z).replace("{x}", x).replace("{y}", y);
