/** A second map beside the queue's: the image alone on the left, the drawn map on the right, moved as one. */
import { createMap, mapLayer, outline } from "mapwright/lib/map.js";
import { linkViews } from "mapwright/lib/linked.js";

/** @param {L.Map} map the queue's  @param {HTMLElement} room where both lie; its class `side` gives them half of it each */
export function createBeside(map, room) {
  const container = room.querySelector("#map-beside");
  let beside = null;
  let layer = null;
  let lines = [];
  let shown = null; // {snapshot, shapes: [[geometry, style]]}
  let unlinked = (run) => run();

  /** Made once it is wanted: most people never look at it. */
  function open() {
    if (beside) return;
    beside = createMap(container, { label: "The drawn map beside the image", keyboard: false });
    unlinked = linkViews(map, beside);
  }

  function draw() {
    lines.forEach((line) => line.remove());
    lines = [];
    if (!beside || !shown || container.hidden) return;
    if (layer?.id !== shown.snapshot.id) {
      layer?.tiles.remove();
      layer = { id: shown.snapshot.id, tiles: mapLayer(shown.snapshot).addTo(beside) };
    }
    lines = shown.shapes.map(([geometry, style]) => outline(geometry, style).addTo(beside));
  }

  return {
    /** Open or close the second map; the view keeps its middle. */
    arrange(mode) {
      const on = mode === "side";
      const [centre, zoom] = [map.getCenter(), map.getZoom()];
      container.hidden = !on;
      room.classList.toggle("side", on);
      if (on) open();
      unlinked(() => {
        for (const one of [map, beside].filter(Boolean)) {
          one.invalidateSize({ animate: false, pan: false });
          one.setView(centre, zoom, { animate: false });
        }
      });
      draw();
    },
    show(snapshot, shapes) {
      shown = { snapshot, shapes };
      draw();
    },
    clear() {
      lines.forEach((line) => line.remove());
      lines = [];
    },
  };
}
