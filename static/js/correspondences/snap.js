/** What a point may snap to: corners of footprints on the map, edges in the image. */
import { imageUrl, tileUrl } from "mapwright/lib/tiles.js";
import { distance } from "mapwright/correspondences/places.js";

const PX = 256;
const SAMPLED = 512;
/** Steps of brightness, of 255, that are weaker than this or than the tile's mean one are no edges. */
const WEAKEST = 3;

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

/**
 * Edges of a picture that shows one tile.
 * @param {ImageData} picture square
 * @returns {{nearest: (place, reach) => ?[number, number]}} places in pixels of the tile at 256 px
 */
export function edgesOf(picture) {
  const { width, height } = picture;
  const grey = brightness(picture);
  const scale = width / PX;
  const slope = (x, y) => {
    const at = y * width + x;
    const across = (row) => grey[at + row * width + 1] - grey[at + row * width - 1];
    const down = (column) => grey[at + width + column] - grey[at - width + column];
    return [(across(-1) + 2 * across(0) + across(1)) / 4, (down(-1) + 2 * down(0) + down(1)) / 4];
  };
  const strength = (x, y) => (x < 1 || y < 1 || x > width - 2 || y > height - 2 ? 0 : Math.hypot(...slope(x, y)));

  /** What counts as an edge on this tile; every third pixel each way tells as much as all. */
  function weakest() {
    let sum = 0;
    let count = 0;
    for (let y = 1; y < height - 1; y += 3)
      for (let x = 1; x < width - 1; x += 3) [sum, count] = [sum + strength(x, y), count + 1];
    return Math.max(WEAKEST, sum / count);
  }
  const least = weakest();

  /** Along the slope, to where a parabola through three strengths has its top. */
  function refined(x, y) {
    const [dx, dy] = slope(x, y);
    const length = Math.hypot(dx, dy);
    const [sx, sy] = [Math.round(dx / length), Math.round(dy / length)];
    const [before, here, after] = [strength(x - sx, y - sy), strength(x, y), strength(x + sx, y + sy)];
    const bend = before - 2 * here + after;
    const by = bend < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (before - after)) / bend)) : 0;
    return [(x + 0.5 + by * sx) / scale, (y + 0.5 + by * sy) / scale];
  }

  return {
    nearest(place, reach) {
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
      return best && refined(...best);
    },
  };
}

/** The edges of a tile's image; null where it can't be had: nothing snaps then. */
export async function loadEdges(imagery, tile) {
  try {
    const picture = new Image();
    picture.src = tileUrl(imageUrl(imagery, SAMPLED), tile);
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [SAMPLED, SAMPLED];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0, SAMPLED, SAMPLED);
    return edgesOf(context.getImageData(0, 0, SAMPLED, SAMPLED));
  } catch {
    return null;
  }
}
