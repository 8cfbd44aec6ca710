/** The map of the search: what was found as pictures and numbers, over the imagery of its regions. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { createMap, creditLine, imageLayer, toBounds } from "mapwright/lib/map.js";

const MOST_REGIONS = 4;

const bounds = (result) => toBounds(result.bounds);

const icon = (className) => L.divIcon({ className: `found-mark ${className}`, html: "", iconSize: [24, 24] });

/**
 * @param {HTMLElement} container
 * @param {{onChoose: (index: number) => void, onLandmark: (index: number) => void, onMoved: () => void}} options
 *   `onMoved` hears of views that a person chose
 */
export function createSearchMap(container, { onChoose, onLandmark, onMoved }) {
  const map = createMap(container, { label: "Where it was found" });
  const found = L.layerGroup().addTo(map);
  const frame = L.rectangle(
    [
      [0, 0],
      [0, 0],
    ],
    { color: "#ffb000", weight: 3, fill: false, interactive: false, pane: "outlines" },
  );
  const imagery = new Map(); // id of a region -> {layer, source}, or null without any
  let asked = []; // regions of the newest search
  let credit = null;
  let marks = [];
  let all = null;
  let byItself = false;

  map.on("moveend", () => {
    if (!byItself) onMoved();
  });

  function quietly(move) {
    byItself = true;
    move();
    byItself = false;
  }

  /** Lay the imagery in use of these regions below what was found. */
  async function lay(regions) {
    asked = regions;
    for (const id of regions.slice(0, MOST_REGIONS)) {
      if (imagery.has(id)) continue;
      imagery.set(id, null);
      try {
        const summary = await api.get(`/api/regions/${id}/summary/`);
        if (!summary.imagery) continue;
        const source = await api.get(`/api/imagery/${summary.imagery}/`);
        imagery.set(id, { source, layer: imageLayer(source, { bounds: source.bounds }).addTo(map) });
      } catch {
        imagery.delete(id); // the tiles' own pictures are there
      }
    }
    credit?.remove();
    const shown = asked.map((id) => imagery.get(id)?.source).filter(Boolean);
    credit = shown.length === 1 ? creditLine(map, { imagery: shown[0] }) : null;
  }

  function mark(place, text, className, name, onClick) {
    const marker = L.marker(place, { icon: icon(className), keyboard: false, alt: name }).addTo(found);
    marker.getElement().textContent = text;
    marker.getElement().title = name;
    marker.on("click", onClick);
    return marker;
  }

  function fit() {
    if (all?.isValid()) quietly(() => map.fitBounds(all.pad(0.08), { animate: false, maxZoom: 19 }));
  }

  return {
    map,
    fit,
    lay,
    /** Show the whole of these bounds without anything found. */
    look(box) {
      quietly(() => map.fitBounds(toBounds(box), { animate: false }));
    },
    view() {
      const { _southWest: sw, _northEast: ne } = map.getBounds();
      return [Math.max(-180, sw.lng), Math.max(-85, sw.lat), Math.min(180, ne.lng), Math.min(85, ne.lat)];
    },
    /** @param {Array} results  @param {Array} landmarks  @param {?{lon: number, lat: number}} place that was asked for */
    show(results, landmarks, place, { keepView }) {
      found.clearLayers();
      frame.remove();
      for (const result of results)
        L.imageOverlay(result.image_url, bounds(result), { pane: "photo", interactive: false }).addTo(found);
      marks = results.map((result, index) =>
        mark(bounds(result).getCenter(), String(index + 1), "", `Tile ${index + 1}`, () => onChoose(index)),
      );
      landmarks.forEach((one, index) =>
        mark([one.lat, one.lon], "◆", "found-mark-landmark", one.name, () => onLandmark(index)),
      );
      if (place) mark([place.lat, place.lon], "✕", "found-mark-asked", "The place that was asked for", () => {});
      all = L.latLngBounds([]);
      for (const result of results) all.extend(bounds(result));
      for (const one of [...landmarks, place].filter(Boolean)) all.extend([one.lat, one.lon]);
      if (!keepView) fit();
      return lay([...new Set(results.map((result) => result.region))]);
    },
    /** Frame one result, and bring it into view where it is out of it. */
    point(result, index, { still = false } = {}) {
      marks.forEach((marker, at) => marker.getElement()?.classList.toggle("found-mark-chosen", at === index));
      if (!result) {
        frame.remove();
        return;
      }
      const box = bounds(result);
      frame.setBounds(box).addTo(map);
      if (!still && !map.getBounds().contains(box.getCenter()))
        quietly(() => map.panTo(box.getCenter(), { animate: false }));
    },
  };
}
