/** The map of a region: compare image and map, with the score grid over them. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { createCompare } from "mapwright/lib/compare.js";
import { bindCompareKeys } from "mapwright/lib/compare-keys.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { percent } from "mapwright/lib/format.js";
import { bindKey } from "mapwright/lib/keys.js";
import { createLayers } from "mapwright/lib/layers.js";
import { createMap, creditLine, fitControl, imageLayer, mapLayer, toBounds } from "mapwright/lib/map.js";
import { createOffsetField } from "mapwright/lib/offset-field.js";
import { CLASSES, classOf, swatch } from "mapwright/lib/ramp.js";
import { placeOf } from "mapwright/lib/tiles.js";
import { scoreGrid, tileAt, tileBounds } from "mapwright/lib/score-grid.js";

const WORST = 8;

/** @param {Object} region  @param {{layers: Array, person: Object}} page imagery of other servers, and for whom its choice is kept */
export function createRegionMap(region, { layers, person }) {
  const map = createMap(byId("map"), { label: `Map of ${region.name}` });
  const compare = createCompare(map, {
    key: "mapwright.compare.region",
    initial: { mode: "swipe", swipe: 0.5, opacity: 0.5 },
  });
  const opacity = el("input", {
    type: "range",
    min: "0",
    max: "100",
    value: "60",
    "aria-label": "Opacity of the score grid",
  });
  const toggle = el("label", { class: "map-tool" }, "Scores", opacity);
  const arrows = el("input", { type: "checkbox", id: "offsets-on" });
  const offsets = el("label", { class: "map-tool" }, arrows, " Offsets ", el("kbd", { text: "O" }));
  const field = createOffsetField(map, byId("offset-legend"));
  const outline = L.rectangle(
    [
      [0, 0],
      [0, 0],
    ],
    { color: "#ffffff", weight: 2, fill: false, interactive: false, pane: "outlines" },
  );
  const tip = L.tooltip({ className: "tile-tip", direction: "top", offset: [0, -8] });
  let grid = null;
  let shown = "";
  let credit = null;
  let bounds = region.bounds;

  const others = createLayers(map, { layers, person, region });
  byId("tools").append(compare.controls, toggle, offsets, others.controls);
  toggle.hidden = true;
  offsets.hidden = true;
  arrows.addEventListener("change", () => field.toggle(arrows.checked));

  const link = ({ z, x, y }) => `/regions/${region.id}/tiles/${z}/${x}/${y}/`;
  const scoreAt = (latlng) => {
    if (!grid) return null;
    const tile = tileAt(latlng, grid.zoom);
    return { tile, row: grid.index.get(`${tile.x}/${tile.y}`) };
  };

  map.on("mousemove", ({ latlng }) => {
    const found = scoreAt(latlng);
    if (!found?.row) {
      outline.remove();
      tip.remove();
      return;
    }
    outline.setBounds(tileBounds(found.tile)).addTo(map);
    tip
      .setLatLng(latlng)
      .setContent(el("span", { text: `${classOf(found.row[2]).label} (${percent(found.row[2])})` }))
      .addTo(map);
  });
  map.on("mouseout", () => {
    outline.remove();
    tip.remove();
  });
  map.on("click", ({ latlng }) => {
    const found = scoreAt(latlng);
    if (found?.row) location.assign(link(found.tile));
  });
  opacity.addEventListener("input", () => grid?.layer.setOpacity(opacity.value / 100));
  const hide = (on) => grid?.layer.setOpacity(on ? 0 : opacity.value / 100);
  bindKey("h", "Hide the scores", () => hide(true), { group: "Look", release: () => hide(false) });
  bindKey("o", "Offsets of image and map", () => !offsets.hidden && arrows.click(), { group: "Look" });
  bindCompareKeys(compare);
  bindKey("[", "Move the edge / weaker map", () => compare.nudge(-0.08), { group: "Look", repeats: true });
  bindKey("]", "Move the edge / stronger map", () => compare.nudge(0.08), { group: "Look", repeats: true });

  function drawLegend() {
    const list = el(
      "ul",
      { class: "legend" },
      ...CLASSES.map((cls) => el("li", {}, swatch(cls), el("span", { text: cls.label }))),
    );
    fill(byId("grid-legend"), el("h2", { text: "Image and map" }), list).hidden = false;
  }

  function drawWorst(answer) {
    const rows = [...answer.scores].sort((a, b) => a[2] - b[2]).slice(0, WORST);
    byId("worst-part").hidden = !rows.length;
    fill(
      byId("worst"),
      ...rows.map(([x, y, probability]) =>
        el(
          "li",
          {},
          el(
            "a",
            { href: link({ z: answer.zoom, x, y }) },
            swatch(classOf(probability)),
            el("span", { text: classOf(probability).label }),
            el("span", { class: "number muted", text: placeOf({ z: answer.zoom, x, y }) }),
            el("span", { class: "number", text: percent(probability) }),
          ),
        ),
      ),
    );
  }

  async function showScan(scan, timely) {
    if (!scan || scan.state !== "ready") return;
    const answer = await api.get(`/api/scans/${scan.id}/scores/`);
    if (!timely()) return;
    grid?.layer.remove();
    grid = scoreGrid(answer, { opacity: opacity.value / 100 });
    grid.layer.addTo(map);
    toggle.hidden = false;
    offsets.hidden = false;
    field.show(scan, answer.zoom);
    document.body.dataset.scores = String(answer.scores.length);
    drawLegend();
    drawWorst(answer);
  }

  function showBases({ imagery, snapshot }) {
    map.eachLayer((layer) => layer instanceof L.TileLayer && layer.options.pane !== "other" && layer.remove());
    if (imagery) imageLayer(imagery, { bounds: imagery.bounds }).addTo(map);
    if (snapshot) mapLayer(snapshot).addTo(map);
    credit?.remove();
    credit = creditLine(map, { imagery, snapshot });
    bounds = imagery?.bounds ?? bounds;
    if (bounds) map.fitBounds(toBounds(bounds), { animate: false });
  }

  const fit = () => bounds && map.fitBounds(toBounds(bounds));
  fitControl(map, fit, "See the whole region");

  return {
    fit,
    /** Show what is ready; layers that are there already stay. */
    async show(ready, scan) {
      byId("no-imagery").hidden = Boolean(ready.imagery || ready.snapshot);
      const bases = `${ready.imagery?.id} ${ready.snapshot?.id}`;
      const sign = `${bases} ${scan?.id} ${scan?.state}`;
      const before = shown;
      shown = sign;
      if (!before.startsWith(`${bases} `)) showBases(ready);
      try {
        if (before !== sign) await showScan(scan, () => shown === sign);
      } catch (error) {
        if (shown === sign) shown = `${bases} `; // asked for again the next time
        throw error;
      }
    },
  };
}
