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

/** The address of one tile of a template. */
export const tileUrl = (template, { z, x, y }) => template.replace("{z}", z).replace("{x}", x).replace("{y}", y);
