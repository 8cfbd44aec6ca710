/** How far the image lies off the map, tile by tile, as arrows over a Leaflet map, with a legend in metres. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { el, fill } from "mapwright/lib/dom.js";
import { metres, number } from "mapwright/lib/format.js";
import { tileAt, tileBounds } from "mapwright/lib/score-grid.js";

const METRE_PX = 9;
const SAMPLE_M = 2;
const HEAD_PX = 5;
const DOT_M = 0.15;
const CASING = "#10181c";

/** Where an offset is known from: its words, its line, drawn over imagery and so the same in light and dark. */
export const ORIGINS = {
  verified: { text: "verified by people", color: "#7ef0a8", weight: 3.5 },
  matched: { text: "proposed by a matcher", color: "#5ad1ff", weight: 2.5, dashArray: "7 3" },
  measured: { text: "measured on the tile", color: "#ffb000", weight: 2.5 },
  neighbours: { text: "as on the tiles around", color: "#ffffff", weight: 2, dashArray: "2 4" },
  region: { text: "as in the whole region", color: "#ffffff", weight: 2, dashArray: "2 4" },
};

/** Points of an arrow on the screen: its shaft, and its head as a line of its own. */
export function arrowPoints([x, y], east, north) {
  const [dx, dy] = [east * METRE_PX, -north * METRE_PX];
  const tip = [x + dx, y + dy];
  const turn = Math.atan2(dy, dx);
  const barb = (side) => [
    tip[0] - HEAD_PX * Math.cos(turn + side * 0.5),
    tip[1] - HEAD_PX * Math.sin(turn + side * 0.5),
  ];
  return { shaft: [[x, y], tip], head: [barb(1), tip, barb(-1)] };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** What the arrows say on the whole, for who does not see them. */
export function fieldWords({ step, offsets }) {
  if (!offsets.length) return "No offset is known here.";
  const length = median(offsets.map((one) => Math.hypot(one.east_m, one.north_m)));
  const shown = step === 1 ? "every tile" : `every ${number(step)}th tile either way; come closer for all`;
  return `${number(offsets.length)} ${offsets.length === 1 ? "tile" : "tiles"}, half of them ${metres(length)} or more off; ${shown}.`;
}

function sample(origin) {
  const { color, weight, dashArray } = ORIGINS[origin];
  const line = (stroke, width, dash) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M2 8H${2 + SAMPLE_M * METRE_PX}`);
    path.setAttribute("stroke", stroke);
    path.setAttribute("stroke-width", width);
    if (dash) path.setAttribute("stroke-dasharray", dash);
    return path;
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", 4 + SAMPLE_M * METRE_PX);
  svg.setAttribute("height", 16);
  svg.setAttribute("aria-hidden", "true");
  svg.append(line(CASING, weight + 3), line(color, weight, dashArray));
  return svg;
}

/**
 * @param {L.Map} map
 * @param {HTMLElement} legend
 * @returns {{show: (scan: ?{id: number}, zoom: number) => void, toggle: (on: boolean) => void}}
 */
export function createOffsetField(map, legend) {
  map.createPane("offsets").style.zIndex = 430;
  const renderer = L.svg({ pane: "offsets", padding: 0.2 });
  const group = L.layerGroup();
  let scan = null;
  let zoom = 0;
  let on = false;
  let asked = 0;

  const place = (point) => map.layerPointToLatLng(L.point(point));

  function draw(row) {
    const { color, weight, dashArray } = ORIGINS[row.shift_origin] ?? ORIGINS.region;
    const middle = map.latLngToLayerPoint(tileBounds({ z: zoom, x: row.x, y: row.y }).getCenter());
    const options = { pane: "offsets", renderer, interactive: false, fill: false };
    const opacity = 0.45 + 0.55 * row.confidence;
    if (Math.hypot(row.east_m, row.north_m) < DOT_M) {
      for (const [stroke, wide] of [
        [CASING, weight + 3],
        [color, weight],
      ])
        L.circleMarker(place([middle.x, middle.y]), {
          ...options,
          radius: 2,
          color: stroke,
          weight: wide,
          opacity,
        }).addTo(group);
      return;
    }
    const { shaft, head } = arrowPoints([middle.x, middle.y], row.east_m, row.north_m);
    const lines = [shaft, head].map((points) => points.map(place));
    L.polyline(lines, { ...options, color: CASING, weight: weight + 3, opacity: 0.8 * opacity }).addTo(group);
    L.polyline(lines[0], { ...options, color, weight, opacity, dashArray }).addTo(group);
    L.polyline(lines[1], { ...options, color, weight, opacity }).addTo(group);
  }

  function drawLegend(field) {
    const there = Object.keys(ORIGINS).filter((origin) => field.offsets.some((one) => one.shift_origin === origin));
    fill(
      legend,
      el("h2", { text: "Image off the map" }),
      el(
        "ul",
        { class: "legend" },
        ...there.map((origin) => el("li", {}, sample(origin), el("span", { text: ORIGINS[origin].text }))),
      ),
      el("p", { class: "small muted", text: `This length: ${metres(SAMPLE_M)}. Fainter: less sure.` }),
      el("p", { class: "small", role: "status", text: fieldWords(field) }),
    );
  }

  async function load() {
    if (!on || !scan) return;
    asked += 1;
    const turn = asked;
    const bounds = map.getBounds();
    const [first, last] = [tileAt(bounds.getNorthWest(), zoom), tileAt(bounds.getSouthEast(), zoom)];
    const inside = (value) => Math.min(Math.max(value, 0), 2 ** zoom - 1);
    const query = new URLSearchParams({
      left: inside(first.x),
      top: inside(first.y),
      right: inside(last.x),
      bottom: inside(last.y),
    });
    const field = await api.get(`/api/scans/${scan.id}/offsets/?${query}`);
    if (turn !== asked || !on) return;
    group.clearLayers();
    field.offsets.forEach(draw);
    drawLegend(field);
    document.body.dataset.offsets = String(field.offsets.length);
  }

  map.on("moveend", load);
  return {
    show(next, z) {
      scan = next;
      zoom = z;
      load();
    },
    toggle(next) {
      on = next;
      legend.hidden = !on;
      if (on) {
        group.addTo(map);
        load();
      } else {
        group.remove();
        delete document.body.dataset.offsets;
      }
    },
  };
}
