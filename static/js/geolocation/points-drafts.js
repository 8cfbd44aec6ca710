/**
 * Points that were set and not confirmed yet, kept in this browser by where they lie on the globe: pixels of the map count
 * from another place each time that the points are opened.
 */
import { notify } from "mapwright/lib/notices.js";
import { drop, load, save } from "mapwright/lib/storage.js";

const OLD =
  "The points that you set here before were kept without saying where they lie, so they are gone: set them again.";

/** @param {number} image its number; @param {Object} stage knows where pixels of the map lie */
export function createPointsDrafts(image, stage) {
  const keyOf = (place) => `mapwright.image.${image}.points.${place}`;
  const toKept = ({ map_xy: xy, ...point }) => ({ ...point, lonlat: stage.lonLatOf(xy) });
  const fromKept = ({ lonlat, ...point }) => ({ ...point, map_xy: stage.placeOf(lonlat) });

  return {
    /** @param {number|string} place whose points they are; @param {?Object} draft the desk's; null: nothing is changed */
    keep(place, draft) {
      if (draft) save(keyOf(place), { ...draft, points: draft.points.map(toKept) });
      else drop(keyOf(place));
    },
    /** The draft as the desk has it, or null; one that says pixels of who knows where is dropped. */
    of(place) {
      const draft = load(keyOf(place));
      if (!draft) return null;
      if (draft.points.every(({ lonlat }) => lonlat)) return { ...draft, points: draft.points.map(fromKept) };
      drop(keyOf(place));
      notify(OLD, { kind: "warn" });
      return null;
    },
    drop: (place) => drop(keyOf(place)),
  };
}
