/** The keys by which a page's image and map are held against each other. */
import { bindKey } from "mapwright/lib/keys.js";

/** @param {object} compare as createCompare gives it  @param {string} other what the image is compared with, in a word */
export function bindCompareKeys(compare, other = "map") {
  const look = { group: "Look" };
  bindKey("b", `Blink: the other one of image and ${other}`, () => compare.blink(true), {
    ...look,
    release: () => compare.blink(false),
  });
  bindKey("i", "Image alone", () => compare.setMode("image"), look);
  bindKey("w", "Swipe", () => compare.setMode("swipe"), look);
  bindKey("v", "Overlay", () => compare.setMode("overlay"), look);
  bindKey("p", `${other[0].toUpperCase()}${other.slice(1)} alone`, () => compare.setMode("map"), look);
}
