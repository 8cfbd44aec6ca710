/** Keys of the review of one image. */
import { bindKey } from "mapwright/lib/keys.js";

const MOST = 5;

/** @param {Object} acts chooseNumber, confirm, reject, adjust, points, turn, nextOpacity, blink, fit */
export function bindImageKeys(acts) {
  for (let number = 1; number <= MOST; number += 1)
    bindKey(String(number), "Choose a place by its number", () => acts.chooseNumber(number), {
      shown: `1 … ${MOST}`,
      hidden: number > 1,
    });
  bindKey("Enter", "Confirm the chosen place", acts.confirm);
  bindKey("x", "None of these", acts.reject);
  bindKey("a", "Adjust the corners", acts.adjust);
  bindKey("p", "Adjust by points", acts.points);
  bindKey("t", "Turn the image by a quarter, while it is adjusted", acts.turn);
  bindKey("o", "Opacity of the image", acts.nextOpacity, { group: "Look" });
  bindKey("b", "Blink: hide the image while held", () => acts.blink(true), {
    release: () => acts.blink(false),
    group: "Look",
  });
  bindKey("f", "Fit the view to the image", acts.fit, { group: "Look" });
}
