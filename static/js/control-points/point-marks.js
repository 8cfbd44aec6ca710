/** Control points on image and map: numbered marks to take hold of, and arrows from each to where the transform brings it. */
/* global L */
import { el, fill, svg } from "mapwright/lib/dom.js";
import { applyTo } from "mapwright/control-points/places.js";

const COARSE = matchMedia("(pointer: coarse)").matches;
/** Side of what can be taken hold of: 14 px around the point by mouse, 20 px by finger. */
const HOLD_PX = COARSE ? 40 : 28;
const HEAD_PX = 7;
const SIDES = ["image", "map"];

/** A ring for a point of the fit, a diamond for a check point; what lies in the middle stays visible. */
function sign({ role }) {
  const shape = () =>
    role === "check" ? svg("path", { d: "M0-9 9 0 0 9-9 0z" }) : svg("circle", { cx: 0, cy: 0, r: 7 });
  const [casing, line] = [shape(), shape()];
  casing.setAttribute("class", "cp-casing");
  return svg(
    "svg",
    { viewBox: "-14 -14 28 28", "aria-hidden": "true" },
    casing,
    line,
    svg("circle", { cx: 0, cy: 0, r: 1.25, class: "cp-middle" }),
  );
}

const classOf = (point, { selected, worst }) =>
  [
    "cp",
    point.enabled ? "" : "cp-off",
    point.role === "check" ? "cp-check" : "",
    point.confidence === null ? "cp-manual" : "",
    point.number === selected ? "cp-selected" : "",
    point.number === worst ? "cp-worst" : "",
  ]
    .filter(Boolean)
    .join(" ");

const CLASSES = ["cp-off", "cp-check", "cp-manual", "cp-selected", "cp-worst"];

/** Give a mark its looks; its element stays, so that it can be held meanwhile. */
function dress(element, point, how) {
  element.classList.remove(...CLASSES);
  element.classList.add(...classOf(point, how).split(" "));
  const text = point.number === how.worst ? `${point.number} !` : String(point.number);
  fill(element, sign(point), el("span", { class: "cp-number", text }));
}

/**
 * @param {{image: L.Map, map: L.Map}} maps
 * @param {{select: Function, drag: Function, drop: Function}} on `drag` and `drop` get (number, side, place) and give where it goes
 */
export function createPointMarks(maps, on) {
  const marks = new Map(); // "image/3" -> {marker, look}
  const lines = [
    { color: "#10181c", weight: 5, opacity: 0.8 },
    { color: "#ffffff", weight: 2.5, opacity: 1 },
    { color: "#ff9d92", weight: 3, opacity: 1 },
  ].map((style) => L.polyline([], { ...style, pane: "outlines", interactive: false }).addTo(maps.image));
  let frames = null;
  let shown = { points: [], matrix: null, selected: null, worst: null, exaggeration: 10 };
  let held = null; // "image/3" while it is dragged

  function bind(marker, number, side) {
    const place = () => frames[side].toPlace(marker.getLatLng());
    marker.on("click", () => on.select(number, side));
    marker.on("dragstart", () => {
      held = `${side}/${number}`;
      on.select(number, side);
    });
    marker.on("drag", () => {
      marker.setLatLng(frames[side].toLatLng(on.drag(number, side, place())));
    });
    marker.on("dragend", () => {
      held = null;
      on.drop(number, side, place());
    });
  }

  function make(point, side, key) {
    const icon = L.divIcon({ className: "cp", iconSize: [HOLD_PX, HOLD_PX], html: "" });
    const marker = L.marker(frames[side].toLatLng(point[side]), { icon, draggable: true, keyboard: false });
    bind(marker, point.number, side);
    marker.addTo(maps[side]);
    marker.getElement().dataset.number = String(point.number);
    const made = { marker, look: "" };
    marks.set(key, made);
    return made;
  }

  function put(point, side) {
    const key = `${side}/${point.number}`;
    const look = `${classOf(point, shown)} ${point.number}`;
    const latlng = frames[side].toLatLng(point[side]);
    const known = marks.get(key) ?? make(point, side, key);
    if (key !== held) known.marker.setLatLng(latlng);
    if (known.look !== look) dress(known.marker.getElement(), point, shown);
    known.look = look;
    known.marker.setZIndexOffset(point.number === shown.selected ? 2000 : point.number === shown.worst ? 1000 : 0);
    return key;
  }

  /** Shaft and head of an arrow, in places of the image; nothing where it is too short to see. */
  function arrow(from, by, scale) {
    const length = Math.hypot(...by);
    if (length * scale < 3) return [];
    const to = [from[0] + by[0], from[1] + by[1]];
    const head = Math.min(HEAD_PX / scale, length * 0.6) / length;
    const wing = (turn) => [to[0] - head * (by[0] - turn * 0.6 * by[1]), to[1] - head * (by[1] + turn * 0.6 * by[0])];
    return [
      [from, to],
      [wing(1), to, wing(-1)],
    ];
  }

  function drawArrows() {
    if (!frames || !shown.matrix) {
      lines.forEach((line) => line.setLatLngs([]));
      return;
    }
    const scale = frames.image.scale(maps.image.getZoom());
    const paths = { plain: [], worst: [] };
    for (const point of shown.points) {
      if (!point.enabled) continue;
      const [x, y] = applyTo(shown.matrix, point.map);
      const by = [x - point.image[0], y - point.image[1]].map((part) => part * shown.exaggeration);
      paths[point.number === shown.worst ? "worst" : "plain"].push(...arrow(point.image, by, scale));
    }
    const onGlobe = (all) => all.map((path) => path.map(frames.image.toLatLng));
    lines[0].setLatLngs(onGlobe([...paths.plain, ...paths.worst]));
    lines[1].setLatLngs(onGlobe(paths.plain));
    lines[2].setLatLngs(onGlobe(paths.worst));
  }

  maps.image.on("zoomend viewreset", drawArrows);

  return {
    /** Draw `{points, matrix, selected, worst, exaggeration}`; arrows end where the matrix brings the map's places. */
    draw(inFrames, next) {
      frames = inFrames;
      shown = next;
      const wanted = new Set(SIDES.flatMap((side) => next.points.map((point) => put(point, side))));
      for (const [key, { marker }] of marks)
        if (!wanted.has(key)) {
          marker.remove();
          marks.delete(key);
        }
      drawArrows();
    },
    clear() {
      for (const { marker } of marks.values()) marker.remove();
      marks.clear();
      shown = { ...shown, points: [], matrix: null };
      drawArrows();
    },
  };
}
