/** Which layers of tiles lack some of them where it matters, as when the connection is lost. */
import { tileBounds } from "mapwright/lib/score-grid.js";

/** @param {() => void} onChange something is missing that was there, or the other way round */
export function watchTiles(onChange) {
  const followed = new Map(); // name -> {layer, failed: key -> bounds}
  const key = ({ z, x, y }) => `${z}/${x}/${y}`;

  window.addEventListener("online", () => followed.forEach(({ layer, failed }) => failed.size && layer.redraw()));

  return {
    follow(name, layer) {
      const failed = new Map();
      followed.set(name, { layer, failed });
      layer.on("tileerror", ({ coords }) => {
        failed.set(key(coords), tileBounds(coords));
        onChange();
      });
      layer.on("tileload tileunload", ({ coords }) => failed.delete(key(coords)) && onChange());
    },
    /** Names of the layers that lack a tile within these bounds. */
    missing: (bounds) =>
      [...followed]
        .filter(([, { failed }]) => [...failed.values()].some((one) => bounds.overlaps(one)))
        .map(([name]) => name),
    loadAgain: () => followed.forEach(({ layer }) => layer.redraw()),
  };
}
