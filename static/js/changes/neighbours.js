/** Outlines of the buildings around the candidate, over image and map alike. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { LINES } from "mapwright/lib/map.js";

const KEPT = 12;

/** @param {L.Map} map with the pane "outlines" */
export function createNeighbours(map) {
  const known = new Map(); // by change: a promise of [{key, geometry}]; of null where they could not be loaded
  const layer = L.layerGroup().addTo(map);
  let shown = null;
  let all = null; // [{key, geometry}]; null: not known yet
  let shapes = [];
  let coming = Promise.resolve();
  let hidden = false;
  let missed = null; // the subject whose neighbours could not be loaded

  function ask(change) {
    if (!known.has(change)) {
      const asked = api.get(`/api/changes/${change}/neighbours/`).catch(() => {
        known.delete(change); // without them one can still decide; the next look asks again
        return null;
      });
      known.set(change, asked);
      if (known.size > KEPT) known.delete(known.keys().next().value);
    }
    return known.get(change);
  }

  function draw() {
    layer.clearLayers();
    if (hidden) return;
    // Drawing snaps to them; nothing else touches them.
    const options = { pane: "outlines", interactive: false, pmIgnore: true, snapIgnore: false };
    for (const geometry of shapes)
      for (const style of [LINES.neighbourCasing, LINES.neighbour])
        L.geoJSON(geometry, { style, ...options }).addTo(layer);
  }

  return {
    get shapes() {
      return shapes;
    },
    /** With the name of each; null as long as they are on their way. */
    get all() {
      return all;
    },
    /** Once they are there, or could not be loaded; those that could not be are asked for again. */
    ready() {
      if (missed) coming = this.load(missed);
      return coming;
    },
    show(subject) {
      coming = this.load(subject);
      return coming;
    },
    async load(subject) {
      const { id, kind } = subject;
      this.clear();
      shown = id;
      if (kind === "remove") return;
      const found = await ask(id);
      if (shown !== id) return;
      if (!found) missed = subject;
      all = found;
      shapes = (found ?? []).map((one) => one.geometry);
      draw();
    },
    warm: ({ id, kind }) => kind !== "remove" && ask(id),
    hide(on) {
      hidden = on;
      draw();
    },
    clear() {
      shown = all = missed = null;
      shapes = [];
      layer.clearLayers();
    },
  };
}
