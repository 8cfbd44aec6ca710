/** The map of the queue page: image against map, the candidate's outlines, a view that jumps only where it must. */
/* global L */
import { createCompare, MODES } from "mapwright/lib/compare.js";
import {
  createMap,
  creditLine,
  geometryBounds,
  imageLayer,
  mapLayer,
  outline,
  toBounds,
  warmTiles,
} from "mapwright/lib/map.js";
import { createImageShift, notableShift } from "mapwright/lib/offset.js";
import { watchTiles } from "mapwright/lib/loaded.js";
import { load, save } from "mapwright/lib/storage.js";
import { createBeside } from "mapwright/changes/beside.js";
import { createNeighbours } from "mapwright/changes/neighbours.js";
import { imageUrl, mapUrl } from "mapwright/lib/tiles.js";

const FIRST_ZOOM = 19;
const SMALLEST_PX = 24;
// Half of it, beside the middle, ends before the swipe's first place.
const LARGEST_SHARE = 0.4;
const WARM_KEPT = 120;
const ALIGNED = "mapwright.image-on-map";

/** @param {{onMissing?: (names) => void}} [options] hears which of "image" and "map" lack tiles at the candidate */
export function createQueueMap(container, { onMissing = () => {} } = {}) {
  const map = createMap(container, { label: "Image and map around the candidate", keyboard: false });
  const beside = createBeside(map, container.parentElement);
  const compare = createCompare(map, {
    key: "mapwright.compare.queue",
    modes: [["side", "Side by side"], ...MODES],
    onMode: beside.arrange,
  });
  beside.arrange(compare.mode);
  const shiftImage = createImageShift(map);
  const neighbours = createNeighbours(map);
  const tiles = watchTiles(() => onMissing(missing()));
  const layers = new Map();
  let drawn = [];
  let credit = null;
  let hidden = false;
  let placed = false;
  let warmed = [];
  let shift = null;
  let aligned = load(ALIGNED, true);
  let about = null; // bounds of the candidate
  const missing = () => (about ? tiles.missing(about) : []);

  /** Base layers stay while the imagery stays, so that nothing flashes between items. */
  function base(subject) {
    const wanted = { image: [subject.imagery, imageLayer], map: [subject.snapshot, mapLayer] };
    for (const [name, [source, make]] of Object.entries(wanted)) {
      if (layers.get(name)?.id === source.id) continue;
      layers.get(name)?.layer.remove();
      const layer = make(source);
      tiles.follow(name, layer);
      layers.set(name, { id: source.id, layer: layer.addTo(map) });
    }
    credit?.remove();
    credit = creditLine(map, subject);
  }

  /** The view for these bounds: the present zoom where the shape is neither tiny nor too large in it. */
  function viewFor(bounds) {
    if (!placed)
      return { centre: bounds.getCenter(), zoom: Math.min(FIRST_ZOOM + 1, map.getBoundsZoom(bounds.pad(0.8))) };
    const zoom = map.getZoom();
    const size = map.project(bounds.getSouthEast(), zoom).subtract(map.project(bounds.getNorthWest(), zoom));
    const room = map.getSize();
    const fits =
      size.x < room.x * LARGEST_SHARE && size.y < room.y * LARGEST_SHARE && Math.max(size.x, size.y) > SMALLEST_PX;
    return { centre: bounds.getCenter(), zoom: fits ? zoom : Math.min(20, map.getBoundsZoom(bounds.pad(0.8))) };
  }

  function clear() {
    drawn.forEach((layer) => layer.remove());
    drawn = [];
    beside.clear();
  }

  function draw(subject, geometry) {
    clear();
    const removal = subject.kind === "remove";
    const shapes = [[geometry, removal ? "removal" : "candidate"]];
    if (subject.footprint && !removal) shapes.push([subject.footprint.geometry, "footprint"]);
    if (geometry.cut) shapes.push([{ type: "LineString", coordinates: geometry.cut }, "candidate"]);
    drawn = shapes.map((one) => outline(...one));
    if (!hidden) drawn.forEach((layer) => layer.addTo(map));
    beside.show(subject.snapshot, shapes);
  }

  /** Only what the map has now: of a shape that is drawn anew elsewhere. */
  function drawMapped(subject) {
    clear();
    if (subject.footprint) drawn.push(outline(subject.footprint.geometry, "footprint"));
    if (!hidden) drawn.forEach((layer) => layer.addTo(map));
  }

  return {
    map,
    compare,
    neighbours,
    clear() {
      clear();
      neighbours.clear();
    },
    draw(subject, geometry) {
      draw(subject, geometry);
      neighbours.show(subject);
    },
    drawMapped,
    show(subject, geometry) {
      base(subject);
      about = toBounds(subject.bbox);
      const { centre, zoom } = viewFor(toBounds(subject.bbox));
      shift = notableShift(subject.evidence);
      shiftImage(aligned ? shift : null);
      map.setView(centre, zoom, { animate: false });
      placed = true;
      draw(subject, geometry);
      neighbours.show(subject);
      onMissing(missing());
    },
    missing,
    loadAgain: tiles.loadAgain,
    /** Whether the image is shown moved onto the map, where it lies off it. */
    get aligned() {
      return aligned;
    },
    align(on) {
      aligned = on;
      save(ALIGNED, on);
      shiftImage(on ? shift : null);
    },
    /** The image where it lies for as long as a group is moved, whatever the person's choice is. */
    asItLies(on) {
      shiftImage(aligned && !on ? shift : null);
    },
    /** Back to a view that shows the whole candidate with its surroundings. */
    fit(geometry) {
      map.fitBounds(geometryBounds(geometry).pad(0.8), { maxZoom: 20, animate: false });
    },
    hide(on) {
      hidden = on;
      neighbours.hide(on);
      for (const layer of drawn)
        if (on) layer.remove();
        else layer.addTo(map);
    },
    warm(subject) {
      neighbours.warm(subject);
      const { centre, zoom } = viewFor(toBounds(subject.bbox));
      const bounds = L.latLngBounds(centre, centre);
      const next = [imageUrl(subject.imagery), mapUrl(subject.snapshot)].flatMap((template) =>
        warmTiles(map, template, bounds, zoom),
      );
      warmed = [...warmed.slice(-WARM_KEPT), ...next];
    },
  };
}
