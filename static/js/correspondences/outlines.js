/** Footprints of a tile as lines on a map: where the map has them, or where a transform brings them. */
/* global L */
import { LINES } from "mapwright/lib/map.js";
import { applyTo, toLatLng } from "mapwright/control-points/places.js";

/**
 * @param {L.Map} map
 * @param {string} style one of LINES
 */
export function createOutlines(map, style) {
  const casing = { ...LINES[style], color: "#10181c", weight: LINES[style].weight + 2, opacity: 0.7, dashArray: null };
  const lines = [casing, LINES[style]].map((options) =>
    L.polyline([], { ...options, pane: "outlines", interactive: false, smoothFactor: 0.5 }),
  );
  return {
    /** Rings in pixels of the tile; moved by the matrix where there is one. */
    draw(tile, rings, matrix = null) {
      const moved = matrix ? rings.map((ring) => ring.map((corner) => applyTo(matrix, corner))) : rings;
      const latlngs = moved.map((ring) => ring.map((corner) => toLatLng(tile, corner)));
      for (const line of lines) line.setLatLngs(latlngs).addTo(map);
    },
    clear() {
      for (const line of lines) line.setLatLngs([]);
    },
  };
}
