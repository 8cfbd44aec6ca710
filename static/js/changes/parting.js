/** Two buildings for one, or one for two, while a shape is adjusted: a cut by corners or clicks, a neighbour to join. */
/* global L */
import { meeting } from "mapwright/changes/drawing.js";
import { corners, offsetDegrees } from "mapwright/changes/shapes.js";

const LINE = { color: "#ffffff", weight: 4, dashArray: "8 5", pane: "outlines", interactive: false, pmIgnore: true };
const TAKEN = {
  color: "#ffb000",
  weight: 3,
  fillColor: "#ffb000",
  fillOpacity: 0.25,
  interactive: false,
  pmIgnore: true,
};
const ADJOINS_M = 0.3;
const CORNER_PX = 14;
const BEYOND_M = 0.5;
const STILL_PX = 4;

/** The shape alone, and what a person made of it besides. */
export function parted(geometry) {
  const { cut, merge, ...shape } = geometry ?? {};
  return { shape: geometry ? shape : null, parts: { ...(cut && { cut }), ...(merge && { merge }) } };
}

/** Metres between a shape and a neighbour's, up to `within`; Infinity where they are further apart. */
function gap(one, other, within) {
  const found = [
    ...corners(one).map((corner) => meeting(corner, [other], within)),
    ...corners(other).map((corner) => meeting(corner, [one], within)),
  ].filter(Boolean);
  return found.reduce((least, by) => Math.min(least, Math.hypot(...by)), Infinity);
}

/** Ways beside the shape that can become one with it, the nearest first. */
export function adjoining(geometry, neighbours) {
  return neighbours
    .filter(({ key, geometry: { type, coordinates } }) => {
      return key?.startsWith("way/") && type === "Polygon" && coordinates.length === 1;
    })
    .map((one) => ({ ...one, away: gap(geometry, one.geometry, ADJOINS_M) }))
    .filter(({ away }) => away < Infinity)
    .sort((one, other) => one.away - other.away);
}

/** Moved on from one place, away from another, by metres. */
function beyond([lon, lat], [fromLon, fromLat], metres) {
  const [east, north] = offsetDegrees(1, 1, lat);
  const [x, y] = [(lon - fromLon) / east, (lat - fromLat) / north];
  const length = Math.hypot(x, y) || 1;
  return [lon + (x / length) * metres * east, lat + (y / length) * metres * north];
}

/**
 * @param {L.Map} map
 * @param {Object} on
 * @param {() => Object} on.present the shape as it stands
 * @param {() => ?Array<number>} on.corner the chosen corner's place
 * @param {() => ?Array<Object>} on.around the buildings around as {key, geometry}; null: not known yet
 * @param {(shape) => void} on.keep
 * @param {(text) => void} on.refuse
 * @param {() => void} on.redraw
 */
export function createParting(map, { present, corner, around, keep, refuse, redraw }) {
  const container = map.getContainer();
  let from; // undefined: no cut is being drawn; null: it has no beginning yet
  let pressed = null;
  let drawn = [];

  function end(to) {
    const [start, stop] = [from, to];
    from = undefined;
    if (start.place.join() === stop.place.join()) {
      redraw();
      return refuse("A cut ends in another place than where it begins.");
    }
    const first = start.corner ? start.place : beyond(start.place, stop.place, BEYOND_M);
    const last = stop.corner ? stop.place : beyond(stop.place, start.place, BEYOND_M);
    keep({ ...parted(present()).shape, cut: [first, last] });
    return redraw(); // also where nothing came of it: Esc would leave more than the cut
  }

  function at(place) {
    if (from) return end(place);
    from = place;
    return redraw();
  }

  /** Begin a cut at the chosen corner, or end it there; without a corner its two ends are clicked. */
  function cut() {
    const { type, coordinates } = present();
    if (type !== "Polygon" || coordinates.length > 1)
      return refuse("Only one outline without courtyards is cut in two: fill them first.");
    const place = corner();
    if (place) return at({ place, corner: true });
    from = from === undefined ? null : undefined;
    return redraw();
  }

  /** The corner that was clicked, else the place. */
  function placeOf(event) {
    const here = map.mouseEventToContainerPoint(event);
    const near = corners(present())
      .map(({ position: [lon, lat] }) => ({
        place: [lon, lat],
        away: here.distanceTo(map.latLngToContainerPoint([lat, lon])),
      }))
      .sort((one, other) => one.away - other.away)[0];
    if (near.away <= CORNER_PX) return { place: near.place, corner: true };
    const { lng, lat } = map.mouseEventToLatLng(event);
    return { place: [lng, lat], corner: false };
  }

  const down = ({ clientX, clientY }) => (pressed = [clientX, clientY]);
  function click(event) {
    if (from === undefined || event.target.closest("button, a, .leaflet-control")) return;
    if (!pressed || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > STILL_PX) return;
    event.stopPropagation();
    at(placeOf(event));
  }
  container.addEventListener("pointerdown", down, true);
  container.addEventListener("click", click, true);

  /** Make it one with the nearest neighbour, then with the next one, then with none. */
  function merge() {
    const known = around();
    if (!known) return refuse("The buildings around are not loaded yet: try again in a moment.");
    const { shape } = parted(present());
    const beside = adjoining(shape, known);
    if (!beside.length)
      return refuse("No single building has a wall in common with this one: join corners with J first.");
    const next = beside[beside.findIndex(({ key }) => key === present().merge) + 1];
    return keep(next ? { ...shape, merge: next.key } : shape);
  }

  function draw() {
    drawn.forEach((layer) => layer.remove());
    const { cut: line, merge: key } = present();
    const taken = key && (around() ?? []).find((one) => one.key === key);
    const toLatLng = ([lon, lat]) => [lat, lon];
    drawn = [
      line && L.polyline(line.map(toLatLng), LINE),
      from && L.circleMarker(toLatLng(from.place), { ...LINE, dashArray: null, radius: 7 }),
      taken && L.geoJSON(taken.geometry, { style: { ...TAKEN, pane: "outlines" }, ...TAKEN }),
    ].filter(Boolean);
    drawn.forEach((layer) => layer.addTo(map));
  }

  return {
    cut,
    merge,
    draw,
    /** What the bar says of it; "" where there is nothing to say. */
    words() {
      if (from === null) return "Cut: click where it begins, beside or on the outline";
      if (from) return "Cut: choose the corner where it ends and press K, or click there; Esc leaves it";
      const { cut: line, merge: key } = present();
      if (line) return "Cut in two: the larger part stays this building; U takes the cut back";
      return key ? `Becomes one with ${key}: G goes on to the next one, or to none` : "";
    },
    /** Whether a cut was being drawn, which ends by this. */
    stop() {
      const was = from !== undefined;
      from = undefined;
      if (was) redraw();
      return was;
    },
    leave() {
      container.removeEventListener("pointerdown", down, true);
      container.removeEventListener("click", click, true);
      drawn.forEach((layer) => layer.remove());
    },
  };
}
