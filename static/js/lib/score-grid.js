/** The score grid as a Leaflet layer: one cell per tile, drawn on canvas, with colour and pattern. */
/* global L */
import { classOf, paint } from "mapwright/lib/ramp.js";

/** Index scores `[[x, y, probability, final, difference], ...]` by address. */
export const indexScores = (scores) => new Map(scores.map((row) => [`${row[0]}/${row[1]}`, row]));

const PX = 256;

/**
 * @param {{zoom: number, scores: Array}} answer of /api/scans/{id}/scores/
 * @param {{opacity?: number}} [options]
 */
export function scoreGrid(answer, { opacity = 0.6 } = {}) {
  const index = indexScores(answer.scores);
  const Grid = L.GridLayer.extend({
    createTile(coords) {
      const canvas = document.createElement("canvas");
      canvas.width = PX;
      canvas.height = PX;
      const context = canvas.getContext("2d");
      const shift = answer.zoom - coords.z;
      if (shift < 0) drawPart(context, coords, -shift);
      else drawCells(context, coords, shift);
      return canvas;
    },
  });

  /** The map is closer than the grid: this tile is a part of one cell. */
  function drawPart(context, coords, shift) {
    const scale = 2 ** shift;
    const row = index.get(`${Math.floor(coords.x / scale)}/${Math.floor(coords.y / scale)}`);
    if (!row) return;
    const x = -(coords.x % scale) * PX;
    const y = -(coords.y % scale) * PX;
    paint(context, classOf(row[2]), x + 1, y + 1, PX * scale - 2, PX * scale - 2);
  }

  function drawCells(context, coords, shift) {
    const count = 2 ** shift;
    const px = PX / count;
    const cell = (x, y) => {
      const row = index.get(`${x}/${y}`);
      const gap = px > 6 ? 0.5 : 0;
      if (row)
        paint(
          context,
          classOf(row[2]),
          (x - coords.x * count) * px + gap,
          (y - coords.y * count) * px + gap,
          px - 2 * gap,
          px - 2 * gap,
        );
    };
    if (count * count > index.size) {
      for (const [x, y] of answer.scores)
        if (Math.floor(x / count) === coords.x && Math.floor(y / count) === coords.y) cell(x, y);
      return;
    }
    for (let x = 0; x < count; x += 1)
      for (let y = 0; y < count; y += 1) cell(coords.x * count + x, coords.y * count + y);
  }

  const layer = new Grid({ pane: "grid", opacity, tileSize: PX, maxZoom: 22 });
  return { layer, index, zoom: answer.zoom };
}

/** Address of the tile at a place. */
export function tileAt(latlng, zoom) {
  const point = L.CRS.EPSG3857.latLngToPoint(latlng, zoom).divideBy(256).floor();
  return { z: zoom, x: point.x, y: point.y };
}

/** Bounds of a tile. */
export function tileBounds({ z, x, y }) {
  const corner = (dx, dy) => L.CRS.EPSG3857.pointToLatLng(L.point(x + dx, y + dy).multiplyBy(256), z);
  return L.latLngBounds(corner(0, 0), corner(1, 1));
}
