/** What lies on the two maps of the editor: image and map of the tile, footprints in both, the map warped onto the image. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { load, save } from "mapwright/lib/storage.js";
import { createOutlines } from "mapwright/correspondences/outlines.js";
import { cssOf, framesOfTile, toLatLng } from "mapwright/control-points/places.js";
import { loadCorners, loadEdges, nearestCorner } from "mapwright/correspondences/snap.js";
import { createPairMap } from "mapwright/review/pair-map.js";

const SNAP_PX = 10;
const SNAPS = "mapwright.snap";
const KEPT = 8;

export function createStage() {
  const view = createPairMap({ key: "mapwright.compare.points", warps: true });
  const maps = { image: view.map, map: view.beside };
  const lines = {
    mapped: createOutlines(maps.map, "footprint"),
    moved: createOutlines(maps.image, "candidate"),
    first: createOutlines(maps.image, "footprint"),
    second: createOutlines(maps.image, "second"),
  };
  const around = new Map(); // id of the proposal -> promise of its footprints, edges and corners
  let subject = null;
  let rings = [];
  let edges = null;
  let corners = null;
  let matrix = null;
  let answers = [];
  let snaps = { map: true, image: true, ...load(SNAPS, {}) };

  function fetchAround({ id, imagery, tile, of_scan: ofScan, snapshot }) {
    if (!around.has(id)) {
      const found = Promise.all([
        api.get(`/api/correspondences/${id}/footprints/`),
        loadEdges(imagery, tile),
        ofScan ? loadCorners(snapshot, tile) : null, // a scan has no footprints: what looks like a corner is one
      ]);
      found.catch(() => around.delete(id)); // whoever waits for it says so
      around.set(id, found);
      if (around.size > KEPT) around.delete(around.keys().next().value);
    }
    return around.get(id);
  }

  /** The drawn map, warped as the transform says, under the swipe and the opacity of its pane. */
  function warp() {
    const pane = maps.image.getPane("warped");
    if (!matrix || !subject) {
      pane.style.transform = "";
      return;
    }
    const corner = maps.image.latLngToLayerPoint(toLatLng(subject.tile, [0, 0]));
    const far = maps.image.latLngToLayerPoint(toLatLng(subject.tile, [256, 0]));
    pane.style.transform = cssOf(matrix, [corner.x, corner.y], (far.x - corner.x) / 256);
  }
  maps.image.on("zoomend viewreset moveend", warp);

  const scale = () => 2 ** (maps.image.getZoom() - subject.tile.z);

  /** Where the present transform brings the footprints; of two answers that differ, the proposal itself is left out. */
  function drawMoved() {
    const shown = matrix && !(answers.length && matrix === subject.transform?.matrix);
    lines.moved.draw(subject.tile, shown ? rings : [], matrix);
  }

  function drawLines() {
    lines.mapped.draw(subject.tile, rings);
    drawMoved();
    for (const [index, name] of ["first", "second"].entries()) {
      const moves = answers[index]?.transform?.matrix;
      lines[name].draw(subject.tile, moves ? rings : [], moves);
    }
  }

  return {
    view,
    maps,
    /** Put a tile on the maps; `onError` hears where its footprints can't be had. */
    show(next, onError) {
      subject = next;
      answers = next.answers ?? [];
      [rings, edges, corners, matrix] = [[], null, null, null];
      view.show(next);
      fetchAround(next).then(([footprints, ...found]) => {
        if (subject !== next) return;
        rings = footprints.rings;
        [edges, corners] = found;
        drawLines();
      }, onError);
      drawLines();
    },
    warm(next) {
      view.warm(next);
      fetchAround(next).catch(() => {}); // asked for again, and told, when it is shown
    },
    clear() {
      subject = null;
      Object.values(lines).forEach((one) => one.clear());
      view.clear();
    },
    framesOf: ({ tile }) => framesOfTile(tile),
    /** Arrow keys move by pixels of the tile, on both sides. */
    unit: () => 1,
    /** What brings the map onto the image from now on. */
    moveBy(next) {
      matrix = next;
      warp();
      drawMoved();
    },
    /** Nothing but the image and the map themselves. */
    bare: (on) => document.body.classList.toggle("bare", on),
    /** Where a place goes that snaps: to a corner of the map, to an edge in the image, or nowhere else. */
    snap(side, place) {
      if (!snaps[side]) return place;
      const reach = SNAP_PX / scale();
      if (side === "image") return edges?.nearest(place, reach) ?? place;
      return nearestCorner(rings, place, reach) ?? corners?.nearest(place, reach) ?? place;
    },
    get snaps() {
      return snaps;
    },
    setSnap(side, on) {
      snaps = { ...snaps, [side]: on };
      save(SNAPS, snaps);
    },
    /** Bring a place into sight, without a jump where it is in sight. */
    reveal(place) {
      const latlng = toLatLng(subject.tile, place);
      if (!maps.image.getBounds().pad(-0.05).contains(L.latLng(latlng))) maps.image.panTo(latlng, { animate: false });
    },
  };
}
