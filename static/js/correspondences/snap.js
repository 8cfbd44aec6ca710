/** What a point may snap to: corners of footprints on the map, or in the picture of a scan; edges in the image. */
import { imageUrl, mapUrl, tileUrl } from "mapwright/lib/tiles.js";
import { distance } from "mapwright/control-points/places.js";

const PX = 256;
const SAMPLED = 512;
/** Steps of brightness, of 255, that are weaker than this or than the tile's mean one are no edges. */
const WEAKEST = 3;
/** A corner is looked for in so many pixels each way around its middle. */
const CORNER_PX = 2;

/** The corner nearest to a place, within reach; else null. */
export function nearestCorner(rings, place, reach) {
  let best = null;
  let least = reach;
  for (const ring of rings)
    for (const corner of ring) {
      const far = distance(corner, place);
      if (far <= least) [best, least] = [corner, far];
    }
  return best;
}

/** Brightness of a picture, smoothed by a binomial 3 x 3. */
function brightness({ data, width, height }) {
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i += 1)
    grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
  const pass = (from, step, count) => {
    const to = from.slice();
    for (let i = step; i < from.length - step; i += 1) {
      const at = step === 1 ? i % count : Math.floor(i / width);
      if (at > 0 && at < count - 1) to[i] = (from[i - step] + 2 * from[i] + from[i + step]) / 4;
    }
    return to;
  };
  return pass(pass(grey, 1, width), width, height);
}

/** Brightness of a picture and how it rises: (x, y) -> [to the east, to the south], pixels of the picture. */
function slopesOf(picture) {
  const { width } = picture;
  const grey = brightness(picture);
  return (x, y) => {
    const at = y * width + x;
    const across = (row) => grey[at + row * width + 1] - grey[at + row * width - 1];
    const down = (column) => grey[at + width + column] - grey[at - width + column];
    return [(across(-1) + 2 * across(0) + across(1)) / 4, (down(-1) + 2 * down(0) + down(1)) / 4];
  };
}

/** The mean of what is measured at pixels; every third each way tells as much as all. */
function meanOf({ width, height }, strength) {
  let sum = 0;
  let count = 0;
  for (let y = 1; y < height - 1; y += 3)
    for (let x = 1; x < width - 1; x += 3) [sum, count] = [sum + strength(x, y), count + 1];
  return sum / count;
}

/** The pixel within reach of a place that is strongest, and more so the nearer; null where none is above the least. */
function strongest(place, reach, scale, least, strength) {
  const [cx, cy] = place.map((value) => value * scale - 0.5);
  const radius = reach * scale;
  let best = null;
  let most = 0;
  for (let y = Math.ceil(cy - radius); y <= cy + radius; y += 1)
    for (let x = Math.ceil(cx - radius); x <= cx + radius; x += 1) {
      const far = Math.hypot(x - cx, y - cy);
      const strong = far > radius ? 0 : strength(x, y);
      const weighed = strong * (1 - (0.6 * far) / radius);
      if (strong > least && weighed > most) [best, most] = [[x, y], weighed];
    }
  return best;
}

/** How far from the middle of three strengths the top of the parabola through them lies. */
function topOf(before, here, after) {
  const bend = before - 2 * here + after;
  return bend < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (before - after)) / bend)) : 0;
}

/**
 * Edges of a picture that shows one tile.
 * @param {ImageData} picture square
 * @returns {{nearest: (place, reach) => ?[number, number]}} places in pixels of the tile at 256 px
 */
export function edgesOf(picture) {
  const { width, height } = picture;
  const scale = width / PX;
  const slope = slopesOf(picture);
  const strength = (x, y) => (x < 1 || y < 1 || x > width - 2 || y > height - 2 ? 0 : Math.hypot(...slope(x, y)));
  const least = Math.max(WEAKEST, meanOf(picture, strength));

  /** Along the slope, to where a parabola through three strengths has its top. */
  function refined(x, y) {
    const [dx, dy] = slope(x, y);
    const length = Math.hypot(dx, dy);
    const [sx, sy] = [Math.round(dx / length), Math.round(dy / length)];
    const by = topOf(strength(x - sx, y - sy), strength(x, y), strength(x + sx, y + sy));
    return [(x + 0.5 + by * sx) / scale, (y + 0.5 + by * sy) / scale];
  }

  return {
    nearest(place, reach) {
      const best = strongest(place, reach, scale, least, strength);
      return best && refined(...best);
    },
  };
}

/**
 * Corners of a picture that shows one tile: where brightness changes strongly whichever way one goes, by the smaller
 * eigenvalue of the structure tensor (Shi and Tomasi 1994). The border of what is transparent is none.
 * @param {ImageData} picture square
 * @returns {{nearest: (place, reach) => ?[number, number]}} places in pixels of the tile at 256 px
 */
export function cornersOf(picture) {
  const { width, height, data } = picture;
  const scale = width / PX;
  const margin = CORNER_PX + 2;
  const [east, south] = [new Float32Array(width * height), new Float32Array(width * height)];
  const slope = slopesOf(picture);
  for (let y = 1; y < height - 1; y += 1)
    for (let x = 1; x < width - 1; x += 1) [east[y * width + x], south[y * width + x]] = slope(x, y);
  const shown = (x, y) => data[4 * (y * width + x) + 3] > 127;

  function strength(x, y) {
    if (x < margin || y < margin || x >= width - margin || y >= height - margin) return 0;
    if (![-margin, margin].every((by) => shown(x + by, y) && shown(x, y + by))) return 0;
    let [xx, xy, yy] = [0, 0, 0];
    for (let dy = -CORNER_PX; dy <= CORNER_PX; dy += 1)
      for (let dx = -CORNER_PX; dx <= CORNER_PX; dx += 1) {
        const at = (y + dy) * width + x + dx;
        xx += east[at] * east[at];
        xy += east[at] * south[at];
        yy += south[at] * south[at];
      }
    const least = (xx + yy) / 2 - Math.hypot((xx - yy) / 2, xy);
    return Math.sqrt(Math.max(0, least)) / (2 * CORNER_PX + 1);
  }
  const least = Math.max(WEAKEST, 2 * meanOf(picture, strength));

  return {
    nearest(place, reach) {
      const best = strongest(place, reach, scale, least, strength);
      if (!best) return null;
      const [x, y] = best;
      const here = strength(x, y);
      const by = [
        topOf(strength(x - 1, y), here, strength(x + 1, y)),
        topOf(strength(x, y - 1), here, strength(x, y + 1)),
      ];
      return [(x + 0.5 + by[0]) / scale, (y + 0.5 + by[1]) / scale];
    },
  };
}

/** What `find` finds in the picture of a tile; null where that can't be had: nothing snaps then. */
async function found(url, tile, find) {
  try {
    const picture = new Image();
    picture.src = tileUrl(url, tile);
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [SAMPLED, SAMPLED];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0, SAMPLED, SAMPLED);
    return find(context.getImageData(0, 0, SAMPLED, SAMPLED));
  } catch {
    return null;
  }
}

/** The edges of a tile's image. */
export const loadEdges = (imagery, tile) => found(imageUrl(imagery, SAMPLED), tile, edgesOf);

/** The corners in the picture of a scan on a tile. */
export const loadCorners = (scan, tile) => found(mapUrl(scan, SAMPLED), tile, cornersOf);
