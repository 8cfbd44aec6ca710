/** How the image lies over the map: its opacity, and blinking. */
import { byId } from "mapwright/lib/dom.js";

const OPACITIES = [0.7, 1, 0.35];

/** @param {() => ?Object} overlay the image on the map, once there is one */
export function createLook(overlay) {
  const share = () => Number(byId("opacity").value) / 100;

  function setOpacity(to) {
    byId("opacity").value = String(Math.round(to * 100));
    overlay()?.setOpacity(to);
  }

  function blink(on) {
    overlay()?.hide(on);
    byId("blink").setAttribute("aria-pressed", String(on));
  }

  byId("opacity").addEventListener("input", () => overlay()?.setOpacity(share()));
  byId("blink").addEventListener("click", () => blink(byId("blink").getAttribute("aria-pressed") !== "true"));

  return {
    blink,
    setOpacity,
    get opacity() {
      return share();
    },
    begin: () => setOpacity(OPACITIES[0]),
    next: () =>
      setOpacity(OPACITIES[(OPACITIES.findIndex((one) => Math.abs(one - share()) < 0.02) + 1) % OPACITIES.length]),
  };
}
