/** The map beside the list: where what the filter shows lies, and the area that is drawn to narrow it. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { KINDS, number, percent } from "mapwright/lib/format.js";
import { createMap, creditLine, fitControl, imageLayer, toBounds } from "mapwright/lib/map.js";
import { notifyError } from "mapwright/lib/notices.js";
import { drawCells, keepingPlace } from "mapwright/changes/list-cells.js";

const COLOURS = { add: "#ffb000", remove: "#ff6b5e", modify: "#5ad1ff", shifted: "#ff8fdc" };
const AREA = { color: "#ffffff", weight: 2, dashArray: "6 4", fill: false, pane: "outlines", pmIgnore: true };
const MOVED_MS = 250;
const digits = (value) => Number(value.toFixed(6));

/** The corners of a drawn layer as the filter says them. */
function areaOf(layer) {
  if (layer instanceof L.Rectangle) {
    const bounds = layer.getBounds();
    return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map(digits).join(",");
  }
  const [ring] = layer.getLatLngs();
  return ring.flatMap(({ lng, lat }) => [digits(lng), digits(lat)]).join(",");
}

function layerOf(area) {
  const numbers = area.split(",").map(Number);
  if (numbers.length === 4) return L.rectangle(toBounds(numbers), AREA);
  const corners = [];
  for (let at = 0; at < numbers.length; at += 2) corners.push([numbers[at + 1], numbers[at]]);
  return L.polygon(corners, AREA);
}

/**
 * @param {Object} options
 * @param {Object} options.region
 * @param {() => URLSearchParams} options.query the filters of the list
 * @param {(area: string) => void} options.onArea a new area was drawn
 * @param {(id: number) => void} options.onOpen a change was pressed
 */
export function createListMap({ region, query, onArea, onOpen }) {
  const map = createMap(byId("list-map"), { label: "Where the listed changes lie" });
  const marks = L.layerGroup().addTo(map);
  const painter = L.canvas({ padding: 0.3, pane: "outlines" });
  const note = byId("map-note");
  let area = null;
  let asked = 0;
  let timer = 0;
  let placed = false;
  let answered = "";

  function bounds() {
    if (area) return area.getBounds();
    return region.bounds ? toBounds(region.bounds) : null;
  }
  function fit() {
    const whole = bounds();
    if (whole) map.fitBounds(whole.pad(0.05), { animate: false, maxZoom: 20 });
  }

  function mark({ id, geometry, properties }) {
    const [lng, lat] = geometry.coordinates;
    const open = properties.state === "open";
    const point = L.circleMarker([lat, lng], {
      renderer: painter,
      radius: open ? 7 : 5,
      color: "#10181c",
      weight: 1.5,
      fillColor: open ? COLOURS[properties.kind] : "#c9d2cf",
      fillOpacity: 0.95,
      pmIgnore: true,
    });
    point.bindTooltip(`${KINDS[properties.kind].label}, ${percent(properties.confidence)}`);
    point.on("click", () => onOpen(id));
    return point.addTo(marks);
  }

  /** What the same answer would draw is there already. */
  function draw(found) {
    const answer = JSON.stringify(found);
    if (answer === answered) return;
    answered = answer;
    keepingPlace(map, () => {
      marks.clearLayers();
      found.features.forEach(mark);
      drawCells(map, marks, found.cells);
    });
    const many = number(found.total);
    note.textContent = found.cells.length
      ? `${many} around here, counted: press a number to look closer.`
      : `${many} in this view`;
  }

  async function load() {
    const mine = (asked += 1);
    timer = 0;
    const view = map.getBounds();
    const shown = new URLSearchParams(query());
    const sides = [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()];
    const limits = [-180, -90, 180, 90];
    shown.set(
      "view",
      sides.map((side, at) => digits(at < 2 ? Math.max(side, limits[at]) : Math.min(side, limits[at]))),
    );
    shown.set("zoom", Math.floor(map.getZoom()));
    try {
      const found = await api.get(`/api/regions/${region.id}/changes/map/?${shown}`);
      if (mine === asked) draw(found);
    } catch (error) {
      notifyError(error);
    } finally {
      if (mine === asked && !timer) map.getContainer().removeAttribute("aria-busy");
    }
  }
  const soon = () => {
    map.getContainer().setAttribute("aria-busy", "true");
    clearTimeout(timer);
    timer = setTimeout(load, MOVED_MS);
  };
  map.on("moveend", soon);
  map.on("pm:create", ({ layer }) => {
    layer.remove();
    document.body.classList.remove("drawing");
    onArea(areaOf(layer));
  });
  fitControl(map, fit);
  for (const [id, shape] of [
    ["draw-box", "Rectangle"],
    ["draw-area", "Polygon"],
  ])
    byId(id).addEventListener("click", () => {
      map.pm.enableDraw(shape, { snappable: false, pathOptions: AREA, hintlineStyle: AREA, templineStyle: AREA });
      map.getContainer().focus();
    });

  return {
    map,
    /** The imagery below the marks. */
    ground(imagery) {
      imageLayer(imagery).addTo(map);
      creditLine(map, { imagery });
    },
    /** The list was filtered anew. */
    refresh() {
      area?.remove();
      const drawn = query().get("area");
      area = drawn ? layerOf(drawn).addTo(map) : null;
      map.invalidateSize({ animate: false });
      if (!placed) {
        placed = true;
        fit();
      }
      soon();
    },
  };
}
