/** The outlines of a group on the map: moved as one, by a real drag on any of them; a click takes one out or in. */
/* global L */
import { moveShape, offsetDegrees } from "mapwright/changes/shapes.js";

const CASING = { color: "#10181c", opacity: 0.8, fill: false, interactive: false };
const CHOSEN = { color: "#ffb000", weight: 3, opacity: 1, fillColor: "#ffb000", fillOpacity: 0.15, dashArray: null };
const UNCHOSEN = { color: "#c9d2cf", weight: 2, opacity: 1, fillColor: "#c9d2cf", fillOpacity: 0.05, dashArray: "4 5" };
const STAYS = { color: "#c9d2cf", weight: 1.5, opacity: 0.9, fill: false, dashArray: "1 5", interactive: false };
const BEFORE = { color: "#ffb000", weight: 1.5, opacity: 0.9, fill: false, dashArray: "3 5", interactive: false };
const CLICK_PX = 4;

const positions = ({ type, coordinates }) => L.GeoJSON.coordsToLatLngs(coordinates, type === "Polygon" ? 1 : 2);

/**
 * Draw the members of a group.
 * @param {L.Map} map
 * @param {Array} members with `geometry` as it is before the move
 * @param {{onDrag: Function, onDragged: Function, onToggle: Function}} on metres to the east and north since the drag began
 */
export function drawGroup(map, members, { onDrag, onDragged, onToggle }) {
  const layers = L.layerGroup().addTo(map);
  const shapes = new Map();
  let grip = null;

  const line = (geometry, style) =>
    L.polygon(positions(geometry), { pane: "outlines", pmIgnore: true, bubblingMouseEvents: false, ...style }).addTo(
      layers,
    );

  for (const { item, geometry, standing } of members) {
    if (standing) line(geometry, STAYS);
    else
      shapes.set(item, {
        geometry,
        before: line(geometry, BEFORE),
        casing: line(geometry, { ...CASING, weight: 5.5 }),
        shape: line(geometry, { ...CHOSEN, className: "group-shape" }),
      });
  }

  /** Metres to the east and to the north between two places of the pointer. */
  function between(from, event) {
    const at = map.mouseEventToLatLng(event);
    const [east, north] = offsetDegrees(1, 1, from.lat);
    return [(at.lng - from.lng) / east, (at.lat - from.lat) / north];
  }

  function take(item, element, event) {
    if (event.button) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    grip = { item, from: map.mouseEventToLatLng(event), x: event.clientX, y: event.clientY, moving: false };
  }

  function pull(event) {
    if (!grip) return;
    grip.moving ||= Math.hypot(event.clientX - grip.x, event.clientY - grip.y) >= CLICK_PX;
    if (grip.moving) onDrag(...between(grip.from, event));
  }

  function letGo(event) {
    if (!grip) return;
    const { item, from, moving } = grip;
    grip = null;
    if (moving) onDragged(...between(from, event));
    else onToggle(item);
  }

  for (const [item, { shape }] of shapes) {
    const element = shape.getElement();
    element.dataset.item = String(item);
    // The map must not be dragged along, with whichever events it listens for.
    L.DomEvent.on(element, "mousedown touchstart", L.DomEvent.stopPropagation);
    element.addEventListener("pointerdown", (event) => take(item, element, event));
    element.addEventListener("pointermove", pull);
    element.addEventListener("pointerup", letGo);
    element.addEventListener("pointercancel", () => {
      grip = null;
      onDrag(0, 0);
    });
  }

  return {
    /** Where everything lies, and what is chosen; `at` is the one that the keyboard stands on. */
    show({ east, north, chosen }, at = null) {
      for (const [item, { geometry, before, casing, shape }] of shapes) {
        const taken = chosen.includes(item);
        const where = positions(taken ? moveShape(geometry, east, north) : geometry);
        [casing, shape].forEach((layer) => layer.setLatLngs(where));
        shape.setStyle(taken ? CHOSEN : UNCHOSEN);
        casing.setStyle(item === at ? { color: "#ffffff", weight: 8 } : { color: "#10181c", weight: 5.5 });
        before.setStyle({ opacity: taken ? 0.9 : 0 });
      }
    },
    bounds: () =>
      L.latLngBounds([...shapes.values()].flatMap(({ shape, before }) => [shape.getBounds(), before.getBounds()])),
    remove: () => layers.remove(),
  };
}
