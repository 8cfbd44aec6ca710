/** The page of a tile: image and map side by side, and all that is known of it. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, fill, pageData } from "mapwright/lib/dom.js";
import { DECISIONS, humanise, KINDS, number, percent, plural } from "mapwright/lib/format.js";
import { copyButton } from "mapwright/lib/copy.js";
import { bindKey } from "mapwright/lib/keys.js";
import { linkViews } from "mapwright/lib/linked.js";
import { shiftWords } from "mapwright/lib/offset.js";
import { createMap, creditLine, imageLayer, LINES, mapLayer, outline } from "mapwright/lib/map.js";
import { notifyError } from "mapwright/lib/notices.js";
import { classOf, swatch } from "mapwright/lib/ramp.js";
import { tileBounds } from "mapwright/lib/score-grid.js";
import { placeOf } from "mapwright/lib/tiles.js";

const { region, tile } = pageData();
const NEIGHBOURS = [
  ["ArrowLeft", "West", -1, 0, "←"],
  ["ArrowUp", "North", 0, -1, "↑"],
  ["ArrowDown", "South", 0, 1, "↓"],
  ["ArrowRight", "East", 1, 0, "→"],
];
const ATTRIBUTES = [
  "building_density",
  "dominant_building_size",
  "block_pattern",
  "building_arrangement",
  "outline_complexity",
  "roof_hint",
  "construction_state",
  "road_layout",
  "road_density",
  "open_space",
  "land_use",
];
const ADDRESS = ["Tile", `${tile.z}/${tile.x}/${tile.y}`];
const maps = [
  createMap(byId("image-map"), { label: "Image of the tile", keyboard: false }),
  createMap(byId("drawn-map"), { label: "Map of the tile", keyboard: false }),
];
const bounds = tileBounds(tile);
const outlines = [];
const drawn = new Map(); // by change: its outlines on both maps

function drawNeighbours() {
  const count = 2 ** tile.z;
  for (const [key, name, dx, dy, arrow] of NEIGHBOURS) {
    const [x, y] = [tile.x + dx, tile.y + dy];
    if (x < 0 || y < 0 || x >= count || y >= count) continue;
    const path = `/regions/${region.id}/tiles/${tile.z}/${x}/${y}/`;
    byId("neighbours").append(
      el("a", { class: "button button-small", href: path }, el("span", { "aria-hidden": "true", text: arrow }), name),
    );
    bindKey(key, `The tile to the ${name.toLowerCase()}`, () => location.assign(path), { shown: arrow });
  }
}

/** What was turned down stays in sight, but thin. */
function styleOf({ kind, decision }) {
  if (decision && decision !== "accept") return "rejected";
  return kind === "remove" ? "removal" : "candidate";
}

/** Light up the outlines of a change while the list stands on it. */
function lightUp({ id, ...change }, on) {
  const { weight } = LINES[styleOf(change)];
  for (const group of drawn.get(id) ?? [])
    group.getLayers().forEach((line, index) => line.setStyle({ weight: (on ? 6 : weight) + (index ? 0 : 2.5) }));
}

function drawMaps(pair) {
  imageLayer(pair.imagery).addTo(maps[0]);
  mapLayer(pair.snapshot).addTo(maps[1]);
  creditLine(maps[0], { imagery: pair.imagery });
  creditLine(maps[1], { snapshot: pair.snapshot });
  for (const map of maps) {
    outline(L.rectangle(bounds).toGeoJSON().geometry, "tile").addTo(map);
    for (const change of pair.changes) {
      const layer = outline(change.geometry, styleOf(change));
      outlines.push([map, layer]);
      drawn.set(change.id, [...(drawn.get(change.id) ?? []), layer]);
    }
  }
  for (const [map, layer] of outlines) layer.addTo(map);
}

const chip = (probability) =>
  el(
    "span",
    { class: "score-chip" },
    swatch(classOf(probability)),
    el("strong", { text: classOf(probability).label }),
    el("span", { class: "number", text: percent(probability) }),
  );

const ORIGINS = {
  verified: "verified by people",
  matched: "proposed by a matcher",
  measured: "measured on this tile",
  neighbours: "as on the tiles around",
  region: "as in the whole region",
};

/** How far the image lies from the map here, and where that is known from. */
function shiftRow(score) {
  const shift = { east: score.shift_east_m, north: score.shift_north_m, confidence: score.shift_confidence };
  if (!ORIGINS[score.shift_origin] || !Number.isFinite(shift.east)) return "not known: too few buildings to tell";
  const length = Math.hypot(shift.east, shift.north);
  const words = length < 0.1 ? el("span", { text: `together (${percent(shift.confidence)} sure)` }) : shiftWords(shift);
  return el(
    "span",
    {},
    words,
    el("span", {
      class: "muted",
      text: `; ${ORIGINS[score.shift_origin]}${length < 0.1 ? "" : "; suggestions are corrected for it"}`,
    }),
  );
}

function drawScores(score) {
  if (!score) return el("p", { class: "muted small", text: "Not scored yet: a scan scores every tile." });
  const how = facts([
    ["Score, from -1 to 1", number(score.final, 2)],
    ["Buildings that differ", number(score.difference, 3)],
    ["Told from mismatched pairs", number(score.disc, 2)],
    ["Like typical matches", number(score.proto, 2)],
    ["By networks that never saw it", score.fold === null ? "all of them" : `those of fold ${score.fold}`],
  ]);
  return el(
    "div",
    { class: "stack" },
    chip(score.probability),
    facts([["Image against map", shiftRow(score)]]),
    el("details", { class: "why" }, el("summary", { text: "How it was scored" }), how),
  );
}

/** The attributes in the order of their schema; any other follows. */
function attributeRows(attributes) {
  const names = [
    ...ATTRIBUTES.filter((name) => name in attributes),
    ...Object.keys(attributes).filter((name) => !ATTRIBUTES.includes(name)),
  ];
  return names.map((name) => [humanise(name), humanise(attributes[name])]);
}

function drawAnchor(anchor) {
  if (!anchor) return [el("p", { class: "muted small", text: "Not described yet." })];
  return [
    el("p", { text: anchor.summary }),
    facts(attributeRows(anchor.attributes)),
    el("p", { class: "muted small", text: `Described by the ${anchor.generator} generator.` }),
  ];
}

function changeLine(change) {
  const kind = KINDS[change.kind];
  const state = change.decision
    ? (DECISIONS[change.decision] ?? humanise(change.decision))
    : humanise(change.state ?? "open");
  const light = (on) => () => lightUp(change, on);
  return el(
    "p",
    {
      class: "change-line",
      on: { pointerenter: light(true), pointerleave: light(false), focusin: light(true), focusout: light(false) },
    },
    el("span", { class: `kind kind-small kind-${change.kind}`, "aria-hidden": "true", text: kind.mark }),
    el("a", { href: `/regions/${region.id}/changes/${change.id}/`, text: kind.label }),
    el("span", { class: "muted number", text: percent(change.confidence) }),
    el("span", { class: "badge", text: state }),
  );
}

/** Where it lies as people know it, in the heading and in the title of the window. */
function tellPlace(words) {
  document.title = document.title.replace(byId("place").textContent, () => words);
  byId("place").textContent = words;
}

async function start() {
  drawNeighbours();
  byId("neighbours").after(copyButton(placeOf(tile), "Copy the place"));
  bindKey("h", "Hide the outlines", () => outlines.forEach(([, layer]) => layer.remove()), {
    group: "Look",
    release: () => outlines.forEach(([map, layer]) => layer.addTo(map)),
  });
  bindKey("f", "Fit the views to the tile", () => maps[0].fitBounds(bounds), { group: "Look" });
  const like = document.getElementById("more-like");
  if (like) bindKey("m", "More tiles like this one", () => like.click());
  for (const map of maps) map.fitBounds(bounds, { animate: false });
  linkViews(...maps);
  try {
    const pair = await api.get(`/api/regions/${region.id}/pairs/${tile.z}/${tile.x}/${tile.y}/`);
    drawMaps(pair);
    if (pair.streets.length) tellPlace(`${placeOf(tile)} on ${pair.streets.join(", ")}`);
    fill(
      byId("about"),
      facts([
        ["Image covers", percent(pair.valid_share)],
        ["Map is complete here", pair.mapped ? "yes" : "no: nothing counts as missing"],
        ["Buildings in the map", Number.isFinite(pair.buildings) ? number(pair.buildings) : null],
        ADDRESS,
      ]),
    );
    fill(byId("scores"), drawScores(pair.scores));
    fill(byId("anchor"), ...drawAnchor(pair.anchor));
    fill(
      byId("changes"),
      ...(pair.changes.length
        ? pair.changes.map(changeLine)
        : [el("p", { class: "muted small", text: `${plural(0, "candidate")} on this tile.` })]),
    );
  } catch (error) {
    if (error.status !== 404) {
      notifyError(error);
      return;
    }
    fill(
      byId("about"),
      el("p", { class: "note", text: "The region has no image and map of this tile." }),
      facts([ADDRESS]),
    );
    for (const id of ["scores", "anchor", "changes"]) byId(id).parentElement.hidden = true;
  }
}

start();
