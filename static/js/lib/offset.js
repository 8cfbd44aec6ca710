/** How far image and map lie apart, in words and as an arrow; and the image shown moved onto the map. */
import { el } from "mapwright/lib/dom.js";
import { metres, number, percent } from "mapwright/lib/format.js";

const NAMES = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
const ARROWS = ["↑", "↗", "→", "↘", "↓", "↙", "←", "↖"];
const EQUATOR_PX_M = 156543.03392804097;
/** Less is what digitising and orthophotos differ by anyway. */
export const NOTABLE_M = 0.5;
const SURE = 0.5;

const eighth = (east, north) => Math.round(((Math.atan2(east, north) * 180) / Math.PI + 360) / 45) % 8;
export const direction = (east, north) => NAMES[eighth(east, north)];
export const arrow = (east, north) => ARROWS[eighth(east, north)];

/** The shift in a record's figures, where it is far and sure enough to matter; else null. */
export function notableShift({ shift_east_m: east, shift_north_m: north, shift_confidence: confidence } = {}) {
  if (![east, north, confidence].every(Number.isFinite)) return null;
  return Math.hypot(east, north) >= NOTABLE_M && confidence >= SURE ? { east, north, confidence } : null;
}

/** What `offset=` of iD's address takes so that the imagery comes to lie under the map: metres to the east and north. */
export const idOffset = ({ east, north }) => [-east, -north].map((value) => (value || 0).toFixed(2)).join(",");

/** An arrow and words, such as "↗ 2.4 m to the north-east (90 % sure)". */
export function shiftWords({ east, north, confidence }) {
  return el(
    "span",
    {},
    el("strong", { "aria-hidden": "true", text: `${arrow(east, north)} ` }),
    `${metres(Math.hypot(east, north))} to the ${direction(east, north)}`,
    el("span", { class: "muted", text: ` (${percent(confidence)} sure)` }),
  );
}

/** One calm sentence about a region's offset, from the API's `offset`. */
export function offsetSentence({ east_m: east, north_m: north, metres: length, tiles, of }) {
  return `The image lies ${metres(length)} to the ${direction(east, north)} of the map on ${number(tiles)} of ${number(of)} tiles. Suggestions are corrected for it: they fit the map as it is drawn.`;
}

/** The same as a notice with its arrow. */
export function offsetNote(offset) {
  return el(
    "p",
    { class: "note offset-note" },
    el("strong", { class: "offset-arrow", "aria-hidden": "true", text: arrow(offset.east_m, offset.north_m) }),
    el("span", { text: offsetSentence(offset) }),
  );
}

/**
 * Show a map's image moved by metres, so that it lies under the map as it is drawn.
 * @param {L.Map} map with the pane of that name
 * @param {string} name of the pane; its layers load `<name>EdgePx` more around, and what clips it asks for `<name>MovedPx`
 * @returns {(shift: ?{east: number, north: number}) => void} sets the shift; null puts the image where it lies
 */
export function createImageShift(map, name = "photo") {
  let shift = null;
  const pane = map.getPane(name);
  const [edge, moved] = [`${name}EdgePx`, `${name}MovedPx`];
  function draw() {
    const { east, north } = shift ?? { east: 0, north: 0 };
    const metrePx = 2 ** map.getZoom() / (EQUATOR_PX_M * Math.cos((map.getCenter().lat * Math.PI) / 180));
    const [x, y] = [Math.round(-east * metrePx), Math.round(north * metrePx)];
    map.options[edge] = Math.ceil(Math.hypot(east, north) * metrePx);
    map.options[moved] = { x, y };
    pane.style.transform = shift ? `translate(${x}px, ${y}px)` : "";
    map.fire("imagemoved");
  }
  map.on("zoomend viewreset moveend", draw);
  return (next) => {
    shift = next;
    draw();
  };
}
