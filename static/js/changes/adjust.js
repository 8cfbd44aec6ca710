/** The adjust mode: corners by mouse (Geoman) or keys, with undo and redo; it removes all that it added. */
/* global L */
import { begin, canRedo, canUndo, push, redo, undo } from "mapwright/lib/history.js";
import { bindKey } from "mapwright/lib/keys.js";
import { corners, crosses, moveCorner, moveShape, removeCorner, splitSide } from "mapwright/changes/shapes.js";

const STYLE = { color: "#ffb000", weight: 3, fillColor: "#ffb000", fillOpacity: 0.12, pane: "outlines" };
const FINE_M = 0.25;
const COARSE_M = 1;
const EDITS = "pm:markerdragend pm:vertexadded pm:vertexremoved pm:dragend";

/**
 * Enter the mode.
 * @param {L.Map} map
 * @param {Object} geometry GeoJSON polygon to start from
 * @param {Object} proposed GeoJSON polygon to go back to
 * @param {{onChange: Function, onDone: Function, onCancel: Function, onRefused: Function}} on
 * @returns {{leave: Function, done: Function, cancel: Function, undo: Function, redo: Function, reset: Function, changed: Function}}
 */
export function enterAdjust(map, geometry, proposed, on) {
  let history = begin(geometry);
  let layer = null;
  let selected = null;
  let mark = null;

  const positions = () => corners(history.present);

  function draw() {
    const group = L.geoJSON(history.present, { style: STYLE, pane: "outlines", pmIgnore: false });
    [layer?.group, mark].forEach((old) => old && map.removeLayer(old));
    layer?.one.pm.disable();
    const one = group.getLayers()[0];
    layer = { group, one };
    group.addTo(map);
    one.pm.enable({
      allowSelfIntersection: false,
      snappable: false,
      hideMiddleMarkers: false,
      removeLayerBelowMinVertexCount: false,
    });
    one.on(EDITS, () => keep(one.toGeoJSON(9).geometry));
    one.on("pm:intersect", () => on.onRefused?.("The outline must not cross itself."));
    drawMark();
    on.onChange({
      geometry: history.present,
      canUndo: canUndo(history),
      canRedo: canRedo(history),
      corner: selected,
      corners: positions().length,
    });
  }

  function drawMark() {
    if (mark) map.removeLayer(mark);
    mark = null;
    if (selected === null) return;
    const [lon, lat] = positions()[selected].position;
    mark = L.circleMarker([lat, lon], {
      radius: 11,
      color: "#ffffff",
      weight: 3,
      fill: false,
      pane: "outlines",
      interactive: false,
      pmIgnore: true,
    }).addTo(map);
  }

  function keep(next) {
    if (crosses(next)) {
      on.onRefused?.("The outline must not cross itself.");
      queueMicrotask(draw);
      return;
    }
    history = push(history, next);
    if (selected !== null) selected = Math.min(selected, positions().length - 1);
    // Geoman still handles its own event: what it drew is replaced after it is through.
    queueMicrotask(draw);
  }

  function step(change) {
    const before = history;
    history = change(history);
    if (history === before) return;
    if (selected !== null) selected = Math.min(selected, positions().length - 1);
    draw();
  }

  function move(east, north, event) {
    const metres = event.shiftKey ? COARSE_M : FINE_M;
    const corner = selected === null ? null : positions()[selected];
    keep(
      corner
        ? moveCorner(history.present, corner, east * metres, north * metres)
        : moveShape(history.present, east * metres, north * metres),
    );
  }

  function select(by) {
    const count = positions().length;
    selected = selected === null ? (by > 0 ? 0 : count - 1) : (selected + by + count) % count;
    draw();
  }

  function reset() {
    if (JSON.stringify(history.present) === JSON.stringify(proposed)) return;
    selected = null;
    keep(proposed);
  }

  const withCorner = (action) => () =>
    selected === null
      ? on.onRefused?.("Choose a corner first, with N or P.")
      : keep(action(history.present, positions()[selected]));
  const group = { group: "While adjusting", when: () => true };
  const bindings = [
    ["Enter", "Keep the new shape", () => on.onDone(history.present)],
    ["Escape", "Back to the shape before", () => on.onCancel(), { shown: "Esc" }],
    ["u", "Undo the last step", () => step(undo)],
    ["z", "Undo the last step", () => step(undo), { ctrl: true, hidden: true }],
    ["y", "Redo", () => step(redo)],
    ["y", "Redo", () => step(redo), { ctrl: true, hidden: true }],
    ["0", "Back to the proposed shape", reset],
    ["n", "Choose the next corner", () => select(1), { repeats: true }],
    ["p", "Choose the corner before", () => select(-1), { repeats: true }],
    [
      "w",
      "No corner: move the whole shape",
      () => {
        selected = null;
        draw();
      },
    ],
    ["i", "Put a corner after the chosen one", withCorner(splitSide)],
    ["Delete", "Take the chosen corner out", withCorner(removeCorner), { shown: "Del" }],
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
    cancel: () => on.onCancel(),
    undo: () => step(undo),
    redo: () => step(redo),
    reset,
    changed: () => canUndo(history),
    leave() {
      layer.one.pm.disable();
      [layer.group, mark].forEach((old) => old && map.removeLayer(old));
      bindings.forEach((remove) => remove());
      map.keyboard?.enable();
    },
  };
}
