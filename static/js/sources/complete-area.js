/** Where a map that is about to be uploaded is complete: drawn on the image, or the whole of it, in place of a file. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { number, plural } from "mapwright/lib/format.js";
import { createMap, fitControl, geometryBounds, imageLayer } from "mapwright/lib/map.js";
import { latest } from "mapwright/lib/once.js";

const DRAWN = { color: "#5ad1ff", weight: 2.5, fillColor: "#5ad1ff", fillOpacity: 0.25, pmIgnore: false };
const LINE = { color: "#5ad1ff", weight: 2, dashArray: "6 4" };
const DIGITS = 7;
const EARTH_M = 6371008.8;

/** Square kilometres of a ring of places, near enough for a word about it. */
function ringKm2(ring) {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const sum = ring.slice(1).reduce((total, [lon, lat], at) => {
    const [before, south] = ring[at];
    return total + radians(lon - before) * (2 + Math.sin(radians(south)) + Math.sin(radians(lat)));
  }, 0);
  return (Math.abs(sum) * EARTH_M ** 2) / 2e6;
}

const areaKm2 = ({ type, coordinates }) =>
  (type === "Polygon" ? [coordinates] : coordinates)
    .map((rings) => ringKm2(rings[0]) - rings.slice(1).reduce((holes, ring) => holes + ringKm2(ring), 0))
    .reduce((sum, one) => sum + one, 0);

/** What the form of a map may say, beside a file, of where it is complete; the file goes first. */
export function createCompleteArea(region) {
  const box = byId("draw-complete");
  const said = byId("complete-said");
  const [draw, rectangle, whole, last] = ["complete-area", "complete-box", "complete-whole", "complete-last"].map(byId);
  const begun = latest();
  let map = null;
  let imagery = null;
  let shown = null; // {id of the imagery, layer}
  let shapes = []; // layers, in the order in which they came
  let sent = []; // those that were there when the map was sent

  /** What is drawn, as GeoJSON; the whole image may be several features. */
  const features = () =>
    shapes.flatMap((layer) => {
      const shape = layer.toGeoJSON(DIGITS);
      return shape.features ?? [shape];
    });

  function tell() {
    const km2 = features().reduce((sum, { geometry }) => sum + areaKm2(geometry), 0);
    said.textContent = shapes.length
      ? `${plural(shapes.length, "area")} drawn, about ${number(km2, km2 < 1 ? 3 : 1)} km². Outside nothing counts as missing.`
      : "Nothing is drawn: the map counts as complete everywhere.";
    last.disabled = !shapes.length;
  }

  function keep(layer) {
    layer.setStyle?.(DRAWN);
    layer.addTo(map);
    shapes.push(layer);
    tell();
  }

  const fit = () => map.fitBounds(geometryBounds(imagery.footprint).pad(0.1), { animate: false });

  /** Lay the imagery under what is drawn. */
  function showImage() {
    if (!map || !imagery || shown?.id === imagery.id) return;
    shown?.layer.remove();
    shown = { id: imagery.id, layer: imageLayer(imagery).addTo(map) };
    fit();
  }

  function open() {
    if (!imagery || map) return;
    map = createMap(byId("complete-map"), { label: "The image, to draw on where the map is complete" });
    fitControl(map, fit);
    map.invalidateSize({ animate: false });
    showImage();
    map.on("pm:create", ({ layer }) => {
      map.pm.disableDraw();
      keep(layer);
      draw.focus();
    });
    map.on("pm:drawend", () => document.body.classList.remove("drawing"));
    tell();
  }

  const drawing = (shape) => () => {
    open();
    map.pm.enableDraw(shape, { snappable: false, pathOptions: DRAWN, hintlineStyle: LINE, templineStyle: LINE });
    map.getContainer().focus();
  };
  draw.addEventListener("click", drawing("Polygon"));
  rectangle.addEventListener("click", drawing("Rectangle"));
  whole.addEventListener("click", () => {
    open();
    keep(L.geoJSON(imagery.footprint, { style: DRAWN }));
  });
  last.addEventListener("click", () => {
    shapes.pop()?.remove();
    tell();
    (last.disabled ? draw : last).focus();
  });
  box.addEventListener("toggle", () => box.open && open());

  return {
    /** The imagery that is drawn on: of what the region has by now the one in use, else the newest. */
    async on(sources) {
      const timely = begun();
      const able = sources.filter((one) => one.state === "ready" && one.footprint);
      const summary = able.length > 1 ? await api.get(`/api/regions/${region.id}/summary/`) : null;
      if (!timely()) return;
      imagery = able.find((one) => one.id === summary?.imagery) ?? able[0] ?? null;
      showImage();
      box.hidden = !imagery;
      [draw, rectangle, whole].forEach((button) => (button.disabled = !imagery));
    },
    /** Give the form's data what was drawn, where no file says it. */
    addTo(data) {
      sent = [...shapes];
      if (data.has("area") || !shapes.length) return;
      const text = JSON.stringify({ type: "FeatureCollection", features: features() });
      data.set("area", new File([text], "drawn.geojson", { type: "application/geo+json" }));
    },
    /** The map was sent: the next one has an area of its own, what was drawn since. */
    clear() {
      sent.forEach((layer) => layer.remove());
      shapes = shapes.filter((layer) => !sent.includes(layer));
      sent = [];
      map?.pm.disableDraw();
      if (map) tell();
      if (!shapes.length) box.open = false;
    },
  };
}
