/** A map of edits over the image in use: what is added, changed and taken away, before it leaves. */
/* global L */
import { el } from "mapwright/lib/dom.js";
import { KINDS } from "mapwright/lib/format.js";
import { createMap, creditLine, imageLayer, LINES, outline } from "mapwright/lib/map.js";

const STYLES = {
  add: "candidate",
  remove: "removal",
  modify: "second",
  shifted: "second",
  demolish: "removal",
  confirm: "second",
};
const LEFT_OUT = { ...LINES.footprint, color: "#c9d2cf", weight: 1.5, dashArray: "2 5", opacity: 0.8 };

/**
 * @param {HTMLElement} container
 * @param {{imagery: ?Object, label: string, onPick?: (id) => void}} options `imagery` as tiles of it are asked for; `onPick` hears
 *   which shape was clicked
 */
export function createEditsMap(container, { imagery, label, onPick = null }) {
  const map = createMap(container, { label });
  const layer = L.layerGroup().addTo(map);
  const boxes = L.layerGroup().addTo(map);
  if (imagery) {
    imageLayer(imagery).addTo(map);
    creditLine(map, { imagery });
  }

  /** A click near a line is one on it: the shape itself is not filled. */
  const target = (id, geometry) =>
    L.geoJSON(geometry, {
      style: { stroke: false, fill: true, fillOpacity: 0, pane: "outlines" },
      pane: "outlines",
    }).on("click", () => onPick(id));

  return {
    map,
    /** @param {Array} features GeoJSON with `properties.kind` and `decision`, or `action`; @param {(id) => boolean} taken */
    show(features, taken = () => true) {
      layer.clearLayers();
      for (const { before } of features) if (before) layer.addLayer(outline(before, "footprint"));
      for (const { id, geometry, properties } of features) {
        const stands = properties.decision === "still_stands" ? "confirm" : properties.kind;
        const style = STYLES[properties.action ?? stands];
        if (taken(id)) layer.addLayer(outline(geometry, style));
        else layer.addLayer(L.geoJSON(geometry, { style: { ...LEFT_OUT, pane: "outlines" }, pane: "outlines" }));
        if (onPick) layer.addLayer(target(id, geometry));
      }
    },
    /** Numbered areas around what leaves together; none takes them away. */
    showAreas(areas) {
      boxes.clearLayers();
      areas.forEach(({ bbox: [west, south, east, north] }, index) => {
        const box = L.latLngBounds([south, west], [north, east]).pad(0.05);
        boxes.addLayer(L.rectangle(box, { ...LINES.tile, pane: "outlines", interactive: false }));
        const icon = L.divIcon({
          className: "area-number",
          html: el("span", { text: String(index + 1) }),
          iconSize: null,
        });
        boxes.addLayer(L.marker(box.getNorthWest(), { icon, interactive: false, keyboard: false }));
      });
    },
    fit(features) {
      if (!features.length) return;
      const bounds = L.geoJSON(features.map(({ geometry }) => geometry)).getBounds();
      map.fitBounds(bounds.pad(0.2), { maxZoom: 19, animate: false });
    },
  };
}

/** What the lines of such a map mean; `before`: it also has what is mapped now of what is changed. */
export const editsLegend = ({ before = false } = {}) =>
  el(
    "p",
    { class: "small muted edits-legend" },
    ...[
      ["add", "candidate"],
      ["modify", "second"],
      ["remove", "removal"],
    ].flatMap(([kind, sample]) => [
      el("span", { class: `sample sample-${sample}`, "aria-hidden": "true" }),
      KINDS[kind].label,
    ]),
    ...(before
      ? [el("span", { class: "sample sample-footprint", "aria-hidden": "true" }), "Mapped now, to be changed"]
      : []),
  );
