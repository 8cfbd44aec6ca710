/** The picture in a view of its own beside the map: what the control points of an image are set in. */
/* global L */
import { cornersOf, homographyOf } from "mapwright/lib/homography.js";
import { createMap } from "mapwright/lib/map.js";
import { applyTo, inverse } from "mapwright/control-points/places.js";

/** Places on the map are pixels of this zoom. */
const ZOOM = 20;
const CRS = () => L.CRS.EPSG3857;

/** Pixels of the picture: y down, as Leaflet's plane has it up. */
const picture = {
  toLatLng: ([x, y]) => L.latLng(-y, x),
  toPlace: ({ lat, lng }) => [lng, -lat],
  scale: (zoom) => 2 ** zoom,
};

/** Pixels of the map from an origin near the image, so that numbers stay small. */
const groundAbout = (origin) => ({
  toLatLng: ([x, y]) => CRS().pointToLatLng(origin.add([x, y]), ZOOM),
  toPlace(latlng) {
    const { x, y } = CRS().latLngToPoint(L.latLng(latlng), ZOOM).subtract(origin);
    return [x, y];
  },
  scale: (zoom) => 2 ** (zoom - ZOOM),
});

/**
 * @param {HTMLElement} container of the picture's view
 * @param {L.Map} ground
 * @param {string} name of the image
 */
export function createPointsStage(container, ground, name) {
  const view = createMap(container, { label: `The image ${name}`, keyboard: false, picture: true });
  const maps = { image: view, map: ground };
  let frames = null;
  let size = [1, 1];
  let layer = null;
  let matrix = null; // brings the map onto the picture
  let linked = true;
  let following = false;

  /** Pixels of the picture for one of the map, about a place of the map. */
  function stretch([x, y]) {
    const [here, right, down] = [applyTo(matrix, [x, y]), applyTo(matrix, [x + 1, y]), applyTo(matrix, [x, y + 1])];
    const area = (right[0] - here[0]) * (down[1] - here[1]) - (right[1] - here[1]) * (down[0] - here[0]);
    return Math.sqrt(Math.abs(area));
  }

  /** The other view shows what this one does, as large. */
  function follow(from) {
    if (!linked || following || !matrix || container.hidden || !container.offsetWidth) return;
    const seen = from === "map" ? frames.map.toPlace(ground.getCenter()) : frames.image.toPlace(view.getCenter());
    const place = from === "map" ? seen : applyTo(inverse(matrix), seen);
    const there = from === "map" ? applyTo(matrix, seen) : place;
    const apart = ZOOM + Math.log2(stretch(place));
    if (![...there, apart].every(Number.isFinite)) return;
    following = true;
    if (from === "map") view.setView(frames.image.toLatLng(there), ground.getZoom() - apart, { animate: false });
    else ground.setView(frames.map.toLatLng(there), view.getZoom() + apart, { animate: false });
    following = false;
  }
  ground.on("move zoom", () => follow("map"));
  view.on("move zoom", () => follow("image"));

  /** The whole picture, and its ground where that is known. */
  function fit() {
    for (const map of [view, ground]) map.invalidateSize({ animate: false });
    view.fitBounds(L.latLngBounds(picture.toLatLng([0, size[1]]), picture.toLatLng([size[0], 0])), { animate: false });
    if (!matrix) return;
    const back = inverse(matrix);
    const there = L.latLngBounds(cornersOf(...size).map((corner) => frames.map.toLatLng(applyTo(back, corner))));
    if (!ground.getBounds().contains(there)) ground.fitBounds(there.pad(0.03), { animate: false });
  }

  return {
    maps,
    framesOf: () => frames,
    /** No point lies off the picture. */
    snap: (side, place) => (side === "image" ? place.map((part, k) => Math.min(size[k], Math.max(0, part))) : place),
    /** Arrow keys move by pixels of the picture, and on the map by those of the screen. */
    unit: (side) => (side === "image" ? 1 : 2 ** (ZOOM - ground.getZoom())),
    /** Lay a picture, and count the map's places from about where it may lie. */
    show(address, width, height, about) {
      size = [width, height];
      frames = { image: picture, map: groundAbout(CRS().latLngToPoint(L.latLng(about), ZOOM).floor()) };
      const bounds = L.latLngBounds(picture.toLatLng([0, height]), picture.toLatLng([width, 0]));
      layer?.remove();
      layer = L.imageOverlay(address, bounds, { pane: "photo" }).addTo(view);
    },
    fit,
    moveBy(next) {
      const first = !matrix && next;
      matrix = next;
      if (first) fit();
    },
    /** What brings the map onto the picture, by where its corners lie: [longitude, latitude] * 4. */
    matrixOf(corners) {
      const to = corners.map(([lon, lat]) => frames.map.toPlace([lat, lon]));
      return inverse(homographyOf(cornersOf(...size), to));
    },
    lonLatOf(place) {
      const { lng, lat } = frames.map.toLatLng(place);
      return [lng, lat];
    },
    /** To a thousandth of a pixel, as the desk has them: there and back is where it was. */
    placeOf: ([lon, lat]) => frames.map.toPlace([lat, lon]).map((part) => Math.round(part * 1000) / 1000),
    link(on) {
      linked = on;
      if (on) follow("image");
    },
    /** Bring a place into sight, without a jump where it is in sight. */
    reveal(place, side) {
      const map = maps[side];
      const latlng = frames[side].toLatLng(place);
      if (!map.getBounds().pad(-0.05).contains(latlng)) map.panTo(latlng, { animate: false });
    },
  };
}
