/** Photos on the map of a candidate: where each was taken, and which way it looks. */
/* global L */
import { svg } from "mapwright/lib/dom.js";

const SIDE = 56;

/** A wedge to the north from the middle, turned to where the photo looks; a dot alone where that is not known. */
function mark(photo) {
  const turned = Number.isFinite(photo.direction_deg);
  const shape = svg("svg", { viewBox: "-28 -28 56 56", "aria-hidden": "true" });
  if (turned) {
    const wedge = svg("path", { class: "sight", d: "M0 0 L-12 -25 A28 28 0 0 1 12 -25 Z" });
    wedge.setAttribute("transform", `rotate(${photo.direction_deg})`);
    shape.append(wedge);
  }
  shape.append(svg("circle", { r: 9 }));
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
        node.append(mark(photo), Object.assign(document.createElement("span"), { textContent: String(index + 1) }));
        node.title = `Photo ${index + 1}`;
        marker.on("click", () => onOpen(photo));
      });
    },
  };
}
