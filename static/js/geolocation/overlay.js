/** A picture laid over a Leaflet map by its four corners: a homography, as CSS. */
/* global L */

import { cornersOf, homographyOf } from "mapwright/lib/homography.js";

/** The matrix3d that brings a rectangle of this size to four points, from its upper left clockwise. */
export function matrixOf(width, height, points) {
  const to = points.map(({ x, y }) => [x, y]);
  const [[a, b, c], [d, e, f], [g, h]] = homographyOf(cornersOf(width, height), to);
  return `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, 1].map((one) => (Math.abs(one) < 1e-12 ? 0 : one)).join(", ")})`;
}

/**
 * @param {L.Map} map
 * @param {string} src of the picture
 */
export function createOverlay(map, src) {
  const pane = map.getPane("warped") ?? map.createPane("warped");
  pane.style.zIndex = 260;
  const image = new Image();
  image.className = "warped";
  image.alt = "";
  image.src = src;
  pane.append(image);
  const line = { fill: false, interactive: false, pane: "outlines" };
  const outline = [
    L.polygon([], { ...line, color: "#10181c", weight: 5, opacity: 0.8 }),
    L.polygon([], { ...line, color: "#ffb000", weight: 2.5 }),
  ].map((one) => one.addTo(map));
  let corners = null;
  let opacity = 0.7;
  let hidden = false;

  function draw() {
    for (const one of outline) one.setLatLngs((corners ?? []).map(([lon, lat]) => [lat, lon]));
    image.style.visibility = corners && image.naturalWidth ? "" : "hidden";
    image.style.opacity = hidden ? "0" : String(opacity);
    if (!corners || !image.naturalWidth) return;
    const points = corners.map(([lon, lat]) => map.latLngToLayerPoint([lat, lon]));
    image.style.transform = matrixOf(image.naturalWidth, image.naturalHeight, points);
  }
  image.addEventListener("load", draw);
  map.on("zoomend viewreset moveend", draw);
  map.on("zoomanim", () => {
    image.style.visibility = "hidden"; // it is drawn anew where the zoom ends
  });
  draw();

  return {
    /** @param {?Array} next four [longitude, latitude], or null for nothing */
    show(next) {
      corners = next;
      draw();
    },
    setOpacity(share) {
      opacity = share;
      draw();
    },
    hide(on) {
      hidden = on;
      draw();
    },
    bounds: () => (corners ? L.latLngBounds(corners.map(([lon, lat]) => [lat, lon])) : null),
  };
}
