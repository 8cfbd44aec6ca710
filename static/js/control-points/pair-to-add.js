/** A pair being added: a click on the map, a click where the image shows the same, in either order. */
/* global L */
import { el } from "mapwright/lib/dom.js";
import { applyTo, inverse } from "mapwright/control-points/places.js";

const OTHER = { image: "map", map: "image" };
const WORDS = {
  none: "Click a place on the map, then the same place in the image, or the other way round.",
  image: "Now click the same place on the map.",
  map: "Now click where the image shows it.",
};

const pin = (className, text) =>
  L.divIcon({ className: `cp ${className}`, iconSize: [28, 28], html: el("span", { class: "cp-number", text }) });

/**
 * @param {{image: L.Map, map: L.Map}} maps
 * @param {{snap: (side, place) => place, done: (image, map) => void, onChange: (on, words) => void}} options
 */
export function createAdding(maps, { snap, done, onChange }) {
  let on = false;
  let frames = null;
  let matrix = null;
  let given = {};
  let marks = [];

  const say = () => onChange(on, WORDS[Object.keys(given)[0] ?? "none"]);

  function draw() {
    marks.forEach((mark) => mark.remove());
    marks = [];
    const put = (side, place, icon) =>
      marks.push(
        L.marker(frames[side].toLatLng(place), { icon, interactive: false, keyboard: false }).addTo(maps[side]),
      );
    for (const [side, place] of Object.entries(given)) {
      put(side, place, pin("cp-new", "?"));
      if (matrix) put(OTHER[side], expected(side, place), pin("cp-expected", ""));
    }
  }

  /** Where the other end is by what is known so far. */
  const expected = (side, place) => applyTo(side === "map" ? matrix : inverse(matrix), place);

  function set(side, place) {
    given = { ...given, [side]: place };
    if (given.image && given.map) {
      const { image, map } = given;
      given = {};
      draw();
      say();
      done(image, map);
      return;
    }
    draw();
    say();
  }

  for (const [side, map] of Object.entries(maps))
    map.on("click", ({ latlng }) => on && set(side, snap(side, frames[side].toPlace(latlng))));

  function stop() {
    on = false;
    given = {};
    if (frames) draw();
    say();
  }

  return {
    get on() {
      return on;
    },
    /** Whether one end is set and the other is not. */
    get half() {
      return Object.keys(given).length > 0;
    },
    start() {
      on = true;
      say();
    },
    stop,
    /** Both ends at the middle of the view, to be moved from there: adding without a pointer. */
    atMiddle() {
      const image = frames.image.toPlace(maps.image.getCenter());
      given = {};
      done(image, matrix ? expected("image", image) : frames.map.toPlace(maps.map.getCenter()));
    },
    /** The frames of what is on the screen, and what brings its map onto its image. */
    know(inFrames, moves) {
      frames = inFrames;
      matrix = moves;
    },
  };
}
