/** Image and map of one pair: side by side with views that move together, or on one another to swipe and blink. */
/* global L */
import { byId } from "mapwright/lib/dom.js";
import { createCompare } from "mapwright/lib/compare.js";
import { linkViews } from "mapwright/lib/linked.js";
import { createMap, creditLine, imageLayer, mapLayer, outline, toBounds, warmTiles } from "mapwright/lib/map.js";
import { imageUrl, mapUrl } from "mapwright/lib/tiles.js";

const MODES = [
  ["side", "Side by side"],
  ["swipe", "Swipe"],
  ["overlay", "Overlay"],
  ["image", "Image"],
  ["map", "Map"],
];
const WARM_KEPT = 160;

/**
 * @param {{key: string, warps?: boolean}} options where the way to compare is kept; `warps` lets the map on the image be
 *   drawn elsewhere: it lies in the pane "warped"
 */
export function createPairMap({ key, warps = false }) {
  const left = createMap(byId("map"), { label: "Image of the tile", keyboard: false });
  const right = createMap(byId("map-beside"), { label: "Map of the tile", keyboard: false });
  right.zoomControl?.remove();
  if (warps) left.createPane("warped", left.getPane("drawn"));
  const layers = new Map();
  let frames = [];
  let credits = [];
  let placed = false;
  let shown = null;
  let warmed = [];
  const unlinked = linkViews(left, right);
  const compare = createCompare(left, {
    key,
    initial: { mode: "side", swipe: 0.5, opacity: 0.5 },
    modes: MODES,
    onMode: arrange,
  });
  /** Room for one map or two; the middle stays the middle, and a tile that was whole stays whole. */
  function arrange(mode) {
    const [centre, zoom] = placed ? [left.getCenter(), left.getZoom()] : [];
    const whole = placed && left.getBounds().contains(toBounds(shown.bbox));
    byId("bench-maps").classList.toggle("bench-side", mode === "side");
    unlinked(() => {
      for (const map of [left, right]) map.invalidateSize({ animate: false, pan: false });
      if (placed) for (const map of [left, right]) map.setView(centre, zoom, { animate: false });
    });
    if (whole && !left.getBounds().contains(toBounds(shown.bbox))) fit(shown);
    if (shown) credit(mode);
  }

  /** Dates and makers of what each map shows. */
  function credit(mode) {
    credits.forEach((one) => one.remove());
    credits = [
      creditLine(left, { imagery: shown.imagery, ...(mode === "side" ? {} : { snapshot: shown.snapshot }) }),
      creditLine(right, { snapshot: shown.snapshot }),
    ];
  }

  /** Base layers stay while their sources stay, so that nothing flashes between items. */
  function base(subject) {
    const wanted = [
      ["image", subject.imagery, imageLayer, left],
      ["over", subject.snapshot, (snapshot) => mapLayer(snapshot, { pane: warps ? "warped" : "drawn" }), left],
      ["beside", subject.snapshot, mapLayer, right],
    ];
    for (const [name, source, make, map] of wanted) {
      if (layers.get(name)?.id === source.id) continue;
      layers.get(name)?.layer.remove();
      layers.set(name, { id: source.id, layer: make(source).addTo(map) });
    }
    shown = subject;
    credit(compare.mode);
  }

  function clear() {
    frames.forEach((frame) => frame.remove());
    frames = [];
  }

  const wholeTile = (bounds) => left.getBoundsZoom(bounds.pad(0.02));

  function fit(subject) {
    const bounds = toBounds(subject.bbox);
    left.setView(bounds.getCenter(), wholeTile(bounds), { animate: false });
  }

  return {
    map: left,
    beside: right,
    compare,
    clear,
    fit,
    show(subject) {
      base(subject);
      clear();
      const bounds = toBounds(subject.bbox);
      if (placed) left.setView(bounds.getCenter(), left.getZoom(), { animate: false });
      else fit(subject);
      right.setView(left.getCenter(), left.getZoom(), { animate: false });
      placed = true;
      frames = [left, right].map((map) => outline(L.rectangle(bounds).toGeoJSON().geometry, "tile").addTo(map));
    },
    warm(subject) {
      const centre = toBounds(subject.bbox).getCenter();
      const zoom = placed ? left.getZoom() : wholeTile(toBounds(subject.bbox));
      const there = L.latLngBounds(centre, centre);
      const next = [imageUrl(subject.imagery), mapUrl(subject.snapshot)].flatMap((template) =>
        warmTiles(left, template, there, zoom),
      );
      warmed = [...warmed.slice(-WARM_KEPT), ...next];
    },
  };
}
