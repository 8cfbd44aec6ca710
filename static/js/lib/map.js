/** The map factory: Leaflet maps of one look, image and map layers, outlines that read on any ground. */
/* global L */
import { el, svg } from "mapwright/lib/dom.js";
import { day } from "mapwright/lib/format.js";
import { imageUrl, mapUrl } from "mapwright/lib/tiles.js";

const MAX_ZOOM = 22;

/**
 * A map in `container`.
 * @param {HTMLElement} container
 * @param {{keyboard?: boolean, label?: string, picture?: boolean}} [options] `picture`: of a picture's pixels, not of the ground
 */
export function createMap(container, { keyboard = true, label = "Map", picture = false } = {}) {
  container.setAttribute("role", "application");
  container.setAttribute("aria-label", label);
  const map = L.map(container, {
    zoomControl: false,
    attributionControl: false,
    keyboard,
    maxZoom: MAX_ZOOM,
    minZoom: 2,
    zoomSnap: 0.5,
    zoomDelta: 0.5,
    wheelPxPerZoomLevel: 100,
    fadeAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    ...(picture ? { crs: L.CRS.Simple, minZoom: -6, maxZoom: 6, zoomSnap: 0 } : {}),
  });
  map.setView([0, 0], 2);
  for (const [name, order] of [
    ["photo", 200],
    ["drawn", 250],
    ["grid", 300],
    ["outlines", 420],
  ])
    map.createPane(name).style.zIndex = order;
  if (!picture) L.control.scale({ imperial: false, maxWidth: 140, position: "bottomleft" }).addTo(map);
  L.control.zoom({ position: "topright", zoomInTitle: "Closer", zoomOutTitle: "Further" }).addTo(map);
  const watch = new ResizeObserver(() => map.invalidateSize({ animate: false }));
  watch.observe(container);
  map.on("unload", () => watch.disconnect()); // a map that is gone has no size
  return map;
}

/** Four corners: the whole of something. */
const corners = () =>
  svg(
    "svg",
    { viewBox: "0 0 16 16", class: "fit-mark", "aria-hidden": "true" },
    svg("path", { d: "M1.5 5.5v-4h4M10.5 1.5h4v4M14.5 10.5v4h-4M5.5 14.5h-4v-4" }),
  );

/** A button below the zoom buttons that brings the view back to what the page is about. */
export function fitControl(map, run, label = "See the whole") {
  const Fit = L.Control.extend({
    options: { position: "topright" },
    onAdd() {
      const button = el("a", { href: "#", role: "button", title: `${label} (F)`, "aria-label": label }, corners());
      L.DomEvent.on(button, "click", L.DomEvent.stop).on(button, "click", run);
      const bar = el("div", { class: "leaflet-bar" }, button);
      L.DomEvent.disableClickPropagation(bar);
      return bar;
    },
  });
  return new Fit().addTo(map);
}

/** [west, south, east, north] -> Leaflet's bounds. */
export const toBounds = ([west, south, east, north]) => L.latLngBounds([south, west], [north, east]);

const tileOptions = (pane, bounds) => ({
  pane,
  maxZoom: MAX_ZOOM,
  tileSize: 256,
  keepBuffer: 4,
  updateWhenZooming: false,
  detectRetina: false,
  ...(bounds ? { bounds: toBounds(bounds) } : {}),
});

/** The imagery as a layer; half zooms are drawn from the next whole one. A map that shows it moved loads more around. */
export function imageLayer(imagery, { bounds } = {}) {
  const Photo = L.TileLayer.extend({
    _getTiledPixelBounds(centre) {
      const plain = L.TileLayer.prototype._getTiledPixelBounds.call(this, centre);
      const edge = this._map.options.photoEdgePx ?? 0;
      return edge ? L.bounds(plain.min.subtract([edge, edge]), plain.max.add([edge, edge])) : plain;
    },
  });
  return new Photo(imageUrl(imagery), tileOptions("photo", bounds));
}

/** The rendered map as a layer. */
export const mapLayer = (snapshot, { bounds, pane = "drawn" } = {}) =>
  L.tileLayer(mapUrl(snapshot), tileOptions(pane, bounds));

/** Line styles: a candidate is one thick line, what the map has now is dashes; both lie on a dark casing. */
export const LINES = {
  candidate: { color: "#ffb000", weight: 3, opacity: 1, fill: false, lineJoin: "round" },
  footprint: { color: "#5ad1ff", weight: 2.5, opacity: 1, fill: false, dashArray: "7 6", lineCap: "butt" },
  neighbour: { color: "#5ad1ff", weight: 1, opacity: 0.9, fill: false },
  neighbourCasing: { color: "#10181c", weight: 2.5, opacity: 0.55, fill: false },
  rejected: { color: "#c9d2cf", weight: 1.25, opacity: 0.9, fill: false, dashArray: "2 5" },
  tile: { color: "#ffffff", weight: 1.5, opacity: 1, fill: false },
  second: { color: "#ff8fdc", weight: 3, opacity: 1, fill: false, dashArray: "10 5", lineCap: "butt" },
  before: { color: "#ffffff", weight: 2.5, opacity: 1, fill: false, dashArray: "1 7", lineCap: "round" },
  removal: { color: "#ffb000", weight: 3, opacity: 1, fill: false, dashArray: "2 6", lineCap: "round" },
};

/** A GeoJSON geometry drawn with a casing below its line. */
export function outline(geometry, style, { pane = "outlines" } = {}) {
  const casing = {
    ...LINES[style],
    color: "#10181c",
    weight: LINES[style].weight + 2.5,
    opacity: 0.8,
    ...(style === "footprint" ? {} : { dashArray: null }),
  };
  return L.layerGroup(
    [casing, LINES[style]].map((options) =>
      L.geoJSON(geometry, { style: { ...options, pane, interactive: false }, pane, interactive: false }),
    ),
  );
}

/** The bounds of a GeoJSON geometry. */
export const geometryBounds = (geometry) => L.geoJSON(geometry).getBounds();

/** The dates and the makers of what is shown, always in sight, never as HTML. */
export function creditLine(map, { imagery, snapshot }) {
  const Credit = L.Control.extend({
    options: { position: "bottomright" },
    onAdd() {
      const node = el("div", { class: "map-credit" });
      for (const [name, source, date] of [
        ["Image", imagery, imagery?.captured_on],
        ["Map", snapshot, snapshot?.taken_at],
      ]) {
        if (!source) continue;
        const by = (source.attribution ?? "").replace(/^©\s*/, "");
        node.append(
          el(
            "span",
            { class: "credit-part" },
            el("strong", { text: `${name}: ${day(date)}` }),
            by ? el("span", { text: `© ${by}`, title: by }) : null,
          ),
        );
      }
      return node;
    },
  });
  return new Credit().addTo(map);
}

/** Fetch the tiles that a view of `bounds` at `zoom` will need; holding what this returns keeps them in memory. */
export function warmTiles(map, template, bounds, zoom) {
  const level = Math.round(zoom);
  const half = map.getSize().divideBy(2 / 2 ** (level - zoom));
  const centre = map.project(bounds.getCenter(), level);
  const from = centre.subtract(half).divideBy(256).floor();
  const to = centre.add(half).divideBy(256).floor();
  const images = [];
  for (let x = from.x; x <= to.x; x += 1) {
    for (let y = from.y; y <= to.y; y += 1) {
      const image = new Image();
      image.src = L.Util.template(template, { z: level, x, y });
      images.push(image);
    }
  }
  return images;
}
