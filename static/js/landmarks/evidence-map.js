/** Photos on the map of a candidate: where each was taken, and which way it looks. */
/* global L */
import { el, svg } from "mapwright/lib/dom.js";

const SIDE = 88;

/** A wedge to the north from the middle, turned to where the photo looks; a dot alone where that is not known. */
function mark(photo) {
  const turned = Number.isFinite(photo.direction_deg);
  const shape = svg("svg", { viewBox: "-44 -44 88 88", "aria-hidden": "true" });
  if (turned) {
    const wedge = svg("path", { class: "sight", d: "M0 0 L-18 -38 A42 42 0 0 1 18 -38 Z" });
    wedge.setAttribute("transform", `rotate(${photo.direction_deg})`);
    shape.append(wedge);
  }
  shape.append(svg("circle", { r: 10 }));
  return shape;
}

/** @param {L.Map} map  @param {(photo: Object) => void} onOpen */
export function createEvidenceMap(map, onOpen) {
  const layer = L.layerGroup().addTo(map);
  return {
    show(photos) {
      layer.clearLayers();
      photos.forEach((photo, index) => {
        if (!Number.isFinite(photo.lon)) return;
        const icon = L.divIcon({ className: "evidence", html: "", iconSize: [SIDE, SIDE] });
        const marker = L.marker([photo.lat, photo.lon], { icon, keyboard: false, alt: `Photo ${index + 1}` });
        marker.addTo(layer);
        const node = marker.getElement();
        node.append(mark(photo), el("span", { text: String(index + 1) }));
        node.title = `Photo ${index + 1}`;
        marker.on("click", () => onOpen(photo));
      });
    },
  };
}
