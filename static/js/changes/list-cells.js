/** Numbers on the list's map where single marks would be too many: each opens its part of the map. */
/* global L */
import { el } from "mapwright/lib/dom.js";
import { number } from "mapwright/lib/format.js";
import { toBounds } from "mapwright/lib/map.js";

const SIDES = [28, 36, 44, 54];
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/** The larger the number the larger its disc, by powers of ten: 0 to 3. */
const sizeOf = (many) => Math.min(SIDES.length - 1, Math.max(0, Math.floor(Math.log10(many))));

/**
 * A number on the map that is reached by Tab and opened by Enter.
 * @param {{lon: number, lat: number, bbox: number[], number: number}} cell
 * @param {(cell: Object) => void} onOpen
 */
function mark(cell, onOpen) {
  const size = sizeOf(cell.number);
  const words = `${number(cell.number)} changes here: look closer`;
  const disc = el("button", {
    type: "button",
    class: `map-cell map-cell-${size}`,
    title: words,
    "aria-label": words,
    data: { place: cell.bbox.join() },
    text: short.format(cell.number),
  });
  const icon = L.divIcon({ className: "map-cell-place", html: disc, iconSize: [SIDES[size], SIDES[size]] });
  const marker = L.marker([cell.lat, cell.lon], { icon, keyboard: false, pane: "outlines", pmIgnore: true });
  marker.on("click", () => onOpen(cell));
  return marker;
}

/** Numbers in `layer`, the fullest first for who goes through them by Tab. */
export function drawCells(map, layer, cells) {
  const open = (cell) => {
    map.getContainer().focus({ preventScroll: true }); // the number goes away, and what had the focus with it
    const closer = Math.min(map.getMaxZoom(), Math.max(map.getZoom() + 1, map.getBoundsZoom(toBounds(cell.bbox))));
    map.setView([cell.lat, cell.lon], closer);
  };
  for (const cell of cells) mark(cell, open).addTo(layer);
}

/** Draw the map anew: who stands on a number stays on the one at its place, on the map where there is none any more. */
export function keepingPlace(map, draw) {
  const container = map.getContainer();
  const stood = container.contains(document.activeElement) ? document.activeElement.dataset.place : undefined;
  draw();
  if (stood === undefined) return;
  const there = [...container.querySelectorAll(".map-cell")].find((one) => one.dataset.place === stood);
  (there ?? container).focus({ preventScroll: true });
}
