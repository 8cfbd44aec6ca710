/** Keys while an image is adjusted by points. */
import { bindKey } from "mapwright/lib/keys.js";
import { bindPointKeys } from "mapwright/control-points/point-keys.js";

const KINDS = ["auto", "similarity", "affine", "homography"];

/** @param {Object} acts on() whether they hold, desk, map, add, leave, confirm, fit */
export function bindPointsModeKeys({ on, desk, map, add, leave, confirm, fit }) {
  const held = { group: "Points", when: on };
  bindKey("Escape", "Back to the places; what you set stays", leave, { ...held, shown: "Esc P" });
  bindKey("p", "Back to the places; what you set stays", leave, { ...held, hidden: true });
  bindPointKeys({ desk, map, add, busy: () => false, kinds: KINDS, on });
  bindKey("Enter", "Confirm where the points put it", confirm, { ...held, hidden: true });
  bindKey("f", "Fit the view to the picture", fit, { ...held, hidden: true });
  const bare = (yes) => document.body.classList.toggle("bare", yes);
  bindKey("h", "Hide the points", () => bare(true), { ...held, group: "Look", release: () => bare(false) });
  for (const key of ["a", "5"]) bindKey(key, "", () => {}, { ...held, hidden: true }); // of the places: a slip here
}
