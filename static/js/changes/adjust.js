/** The adjust mode: corners by mouse (Geoman) or keys, with undo and redo; it removes all that it added. */
/* global L */
import { begin, canRedo, canUndo, push, redo, undo } from "mapwright/lib/history.js";
import { bindKey } from "mapwright/lib/keys.js";
import { meeting, squared, turned } from "mapwright/changes/drawing.js";
import { createParting } from "mapwright/changes/parting.js";
import { courtyards, filled, firstCorner, moveYard, withCourtyard } from "mapwright/changes/courtyards.js";
import { corners, crosses, moveCorner, moveShape, removeCorner, splitSide } from "mapwright/changes/shapes.js";

const STYLE = { color: "#ffb000", weight: 3, fillColor: "#ffb000", fillOpacity: 0.12, pane: "outlines" };
const FINE_M = 0.25;
const COARSE_M = 1;
const FINE_DEGREES = 1;
const COARSE_DEGREES = 10;
const JOIN_WITHIN_M = 3;
const SNAP_PX = 12;
const EDITS = "pm:markerdragend pm:vertexadded pm:vertexremoved pm:dragend";

/**
 * Enter the mode.
 * @param {L.Map} map
 * @param {Object} on
 * @param {Object} on.geometry GeoJSON polygon to start from
 * @param {Object} on.proposed GeoJSON polygon to go back to
 * @param {?Object} on.mapped the map's own polygon, to start from instead
 * @param {?string} on.noYard why the shape can have no new courtyard
 * @param {() => Array<Object>} on.neighbours polygons that a corner can be joined to
 * @param {() => ?Array<Object>} on.around the same as {key, geometry}; null: not loaded yet
 * @param {Function} on.onChange
 * @param {Function} on.onDone
 * @param {Function} on.onCancel
 * @param {Function} on.onRefused
 * @returns {Object} leave, changed, and what the bar's buttons do
 */
export function enterAdjust(map, on) {
  const { geometry, proposed, mapped } = on;
  let history = begin(geometry);
  let layer = null;
  let selected = null; // a corner's number, or
  let yard = null; // a courtyard as a whole
  let mark = null;
  let pointer = null;

  const positions = () => corners(history.present);
  const sameYard = (one) => one.part === yard?.part && one.ring === yard?.ring;
  const yards = () => courtyards(history.present);
  /** What is chosen stays chosen as far as it is still there. */
  function settle() {
    if (selected !== null) selected = Math.min(selected, positions().length - 1);
    if (!yards().some(sameYard)) yard = null;
  }

  function draw() {
    const group = L.geoJSON(history.present, { style: STYLE, pane: "outlines", pmIgnore: false });
    [layer?.group, mark].forEach((old) => old && map.removeLayer(old));
    layer?.one.pm.disable();
    const one = group.getLayers()[0];
    layer = { group, one };
    group.addTo(map);
    one.pm.enable({
      allowSelfIntersection: false,
      snappable: true,
      snapDistance: SNAP_PX,
      hideMiddleMarkers: false,
      removeLayerBelowMinVertexCount: false,
    });
    one.on(EDITS, () => keep(one.toGeoJSON(9).geometry));
    one.on("pm:intersect", () => on.onRefused?.("The outline must not cross itself."));
    drawMark();
    parting.draw();
    on.onChange({
      geometry: history.present,
      canUndo: canUndo(history),
      canRedo: canRedo(history),
      corner: selected,
      corners: positions().length,
      yard: yard ? yards().findIndex(sameYard) : null,
      yards: yards().length,
      parting: parting.words(),
    });
  }

  function drawMark() {
    if (mark) map.removeLayer(mark);
    const style = { color: "#ffffff", weight: 3, fill: false, pane: "outlines", interactive: false, pmIgnore: true };
    const shown = positions().filter((one, index) => (yard ? sameYard(one) : index === selected));
    const places = shown.map(({ position: [lon, lat] }) => [lat, lon]);
    if (yard) mark = L.polygon(places, { ...style, weight: 7, opacity: 0.7 }).addTo(map);
    else mark = places.length ? L.circleMarker(places[0], { ...style, radius: 11 }).addTo(map) : null;
  }

  function keep(next) {
    if (JSON.stringify(next) === JSON.stringify(history.present)) return;
    if (crosses(next)) {
      on.onRefused?.("The outline must not cross itself.");
      queueMicrotask(draw);
      return;
    }
    history = push(history, next);
    settle();
    // Geoman still handles its own event: what it drew is replaced after it is through.
    queueMicrotask(draw);
  }

  function step(change) {
    const before = history;
    history = change(history);
    if (history === before) return;
    settle();
    draw();
  }

  function move(east, north, event) {
    const metres = event.shiftKey ? COARSE_M : FINE_M;
    const by = [east * metres, north * metres];
    if (yard) return keep(moveYard(history.present, yard, ...by));
    const corner = selected === null ? null : positions()[selected];
    return keep(corner ? moveCorner(history.present, corner, ...by) : moveShape(history.present, ...by));
  }

  function select(by) {
    const count = positions().length;
    if (yard) selected = firstCorner(history.present, yard);
    else selected = selected === null ? (by > 0 ? 0 : count - 1) : (selected + by + count) % count;
    yard = null;
    draw();
  }

  function chooseYard() {
    const all = yards();
    if (!all.length) return on.onRefused?.("This shape has no courtyard: H puts one in.");
    yard = all[(all.findIndex(sameYard) + 1) % all.length];
    selected = null;
    return draw();
  }

  function addYard() {
    if (on.noYard) return on.onRefused?.(on.noYard);
    const made = withCourtyard(history.present, pointer);
    if (!made) return on.onRefused?.("This shape has no room for a courtyard.");
    [selected, yard] = [null, made.yard];
    return keep(made.geometry);
  }

  const parting = createParting(map, {
    present: () => history.present,
    corner: () => (selected === null ? null : positions()[selected].position),
    around: on.around,
    keep,
    refuse: on.onRefused,
    redraw: draw,
  });
  const back = () => parting.stop() || on.onCancel();
  const follow = ({ latlng }) => (pointer = [latlng.lng, latlng.lat]);
  const forget = () => (pointer = null);
  map.on("mousemove", follow).on("mouseout", forget);

  /** Start again from another shape. */
  const startFrom = (other) => () => {
    if (!other || JSON.stringify(history.present) === JSON.stringify(other)) return;
    selected = yard = null;
    keep(other);
  };
  const [reset, fromMap] = [startFrom(proposed), startFrom(mapped)];
  const square = () => keep(squared(history.present));
  const turn = (sign) => (event) =>
    keep(turned(history.present, sign * (event.shiftKey ? COARSE_DEGREES : FINE_DEGREES)));

  function join(shape, corner) {
    const by = meeting(corner, on.neighbours(), JOIN_WITHIN_M);
    if (!by) on.onRefused?.(`No neighbour is within ${JOIN_WITHIN_M} m of this corner.`);
    return by ? moveCorner(shape, corner, ...by) : shape;
  }

  const withCorner = (action) => () =>
    selected === null
      ? on.onRefused?.("Choose a corner first, with N or P.")
      : keep(action(history.present, positions()[selected]));
  const takeOut = () => (yard ? keep(filled(history.present, yard)) : withCorner(removeCorner)());
  const group = { group: "While adjusting", when: () => true };
  const bindings = [
    ["Enter", "Keep the new shape", () => on.onDone(history.present)],
    ["Escape", "Back to the shape before", back, { shown: "Esc" }],
    ["u", "Undo the last step", () => step(undo)],
    ["z", "Undo the last step", () => step(undo), { ctrl: true, hidden: true }],
    ["y", "Redo", () => step(redo)],
    ["y", "Redo", () => step(redo), { ctrl: true, hidden: true }],
    ["0", "Back to the proposed shape", reset],
    ["9", "Start from the map's shape", fromMap],
    ["q", "Make its angles right", square],
    [",", "Turn it to the left by 1° (Shift: 10°)", turn(1), { repeats: true }],
    [".", "Turn it to the right", turn(-1), { repeats: true }],
    [";", "Turn it to the left by 10°", turn(1), { repeats: true, hidden: true }],
    ["<", "Turn it to the left by 10°", turn(1), { repeats: true, hidden: true }],
    [":", "Turn it to the right by 10°", turn(-1), { repeats: true, hidden: true }],
    [">", "Turn it to the right by 10°", turn(-1), { repeats: true, hidden: true }],
    ["n", "Choose the next corner", () => select(1), { repeats: true }],
    ["p", "Choose the corner before", () => select(-1), { repeats: true }],
    [
      "w",
      "No corner: move the whole shape",
      () => {
        selected = yard = null;
        draw();
      },
    ],
    ["h", "Put a courtyard in, at the pointer or where most room is", addYard],
    ["b", "Choose the next courtyard: arrows move it, Del fills it", chooseYard],
    ["j", "Join the chosen corner to the nearest neighbour", withCorner(join)],
    ["k", "Cut it in two, from the chosen corner to the next one chosen, or by two clicks", parting.cut],
    ["g", "Make it one with the building beside it, then the next, then none", parting.merge],
    ["i", "Put a corner after the chosen one", withCorner(splitSide)],
    ["Delete", "Take the chosen corner out, or fill the chosen courtyard", takeOut, { shown: "Del" }],
    [
      "ArrowLeft",
      "Move to the west by 25 cm (Shift: 1 m)",
      (event) => move(-1, 0, event),
      { repeats: true, shown: "←" },
    ],
    ["ArrowRight", "Move to the east", (event) => move(1, 0, event), { repeats: true, shown: "→" }],
    ["ArrowUp", "Move to the north", (event) => move(0, 1, event), { repeats: true, shown: "↑" }],
    ["ArrowDown", "Move to the south", (event) => move(0, -1, event), { repeats: true, shown: "↓" }],
  ].map(([key, label, run, options]) => bindKey(key, label, run, { ...group, ...options }));

  draw();
  map.keyboard?.disable();

  return {
    done: () => on.onDone(history.present),
    cancel: back,
    undo: () => step(undo),
    redo: () => step(redo),
    reset,
    mapped: fromMap,
    square,
    yard: addYard,
    cut: parting.cut,
    merge: parting.merge,
    fill: () => (yard ? takeOut() : on.onRefused?.("Choose a courtyard first, with B.")),
    changed: () => canUndo(history),
    leave() {
      map.off("mousemove", follow).off("mouseout", forget);
      layer.one.pm.disable();
      parting.leave();
      [layer.group, mark].forEach((old) => old && map.removeLayer(old));
      bindings.forEach((remove) => remove());
      map.keyboard?.enable();
    },
  };
}
