/** Compare image and map on one Leaflet map: image alone, swipe, overlay, map alone, or beside a second map; and a blink to hold. */
/* global L */
import { el } from "mapwright/lib/dom.js";
import { load, save } from "mapwright/lib/storage.js";

export const MODES = [
  ["image", "Image"],
  ["swipe", "Swipe"],
  ["overlay", "Overlay"],
  ["map", "Map"],
];

/** An image that is laid onto the map lies off its own place by up to about so much; what reaches over is below the map. */
const LAID_PX = 64;

/**
 * @param {L.Map} map with panes "photo" and "drawn"
 * @param {{key: string, initial?: Object, modes?: Array, onMode?: Function}} options where the choice is kept; `onMode(mode)` hears every one
 */
export function createCompare(
  map,
  { key, initial = { mode: "swipe", swipe: 0.72, opacity: 0.5 }, modes = MODES, onMode = () => {} },
) {
  let state = { ...initial, ...load(key, {}) };
  let blinking = false;
  const pane = map.getPane("drawn");
  const photo = map.getPane("photo");
  const handle = el(
    "div",
    {
      class: "swipe-handle",
      role: "slider",
      tabindex: "0",
      "aria-label": "Edge between image and map",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    },
    el("span", { class: "swipe-grip", "aria-hidden": "true", text: "⇔" }),
  );
  map.getContainer().append(handle);
  L.DomEvent.disableClickPropagation(handle);

  const buttons = modes.map(([mode, label]) =>
    el("button", {
      type: "button",
      text: label,
      "aria-pressed": "false",
      data: { mode },
      on: { click: () => change({ mode }) },
    }),
  );
  const range = el("input", {
    type: "range",
    min: "0",
    max: "100",
    "aria-label": "Share of the map",
    on: { input: () => setShare(range.value / 100) },
  });
  const controls = el(
    "div",
    { class: "compare-controls" },
    el("div", { class: "segment", role: "group", "aria-label": "Show" }, ...buttons),
    range,
  );

  const shareName = () => (state.mode === "overlay" ? "opacity" : "swipe");
  const effective = () =>
    blinking ? (state.mode === "map" ? "image" : "map") : state.mode === "side" ? "image" : state.mode;

  function draw() {
    const mode = effective();
    const size = map.getSize();
    const corner = map.containerPointToLayerPoint([0, 0]);
    const edge = Math.round(size.x * state.swipe);
    pane.style.opacity = mode === "overlay" ? String(state.opacity) : "1";
    pane.style.visibility = mode === "image" ? "hidden" : "";
    const between = (left, right, around) =>
      mode === "swipe"
        ? `rect(${corner.y - around}px, ${corner.x + right + around}px, ${corner.y + size.y + around}px, ${corner.x + left - around}px)`
        : "";
    pane.style.clip = between(edge, size.x, 0);
    // Where the map has not come yet, its side shows nothing rather than the image.
    photo.style.clip = between(0, edge, LAID_PX);
    photo.style.visibility = mode === "map" ? "hidden" : "";
    handle.hidden = mode !== "swipe";
    handle.style.left = `${edge}px`;
    handle.setAttribute("aria-valuenow", String(Math.round(state.swipe * 100)));
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.mode === state.mode));
    range.disabled = !["swipe", "overlay"].includes(state.mode);
    range.value = String(Math.round(state[shareName()] * 100));
    range.title = state.mode === "overlay" ? "Opacity of the map" : "Place of the edge";
  }

  function change(part) {
    state = { ...state, ...part };
    save(key, state);
    draw();
    if (part.mode) onMode(part.mode);
  }

  const setShare = (share) => change({ [shareName()]: Math.min(1, Math.max(0, share)) });

  function drag(event) {
    const box = map.getContainer().getBoundingClientRect();
    change({ swipe: Math.min(0.98, Math.max(0.02, (event.clientX - box.left) / box.width)) });
  }

  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener("pointermove", drag);
    handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", drag), { once: true });
  });
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    setShare(state.swipe + by);
  });
  map.on("move zoomend viewreset resize", draw);
  draw();
  onMode(state.mode);

  return {
    controls,
    setMode: (mode) => change({ mode }),
    nudge: (by) => setShare(state[shareName()] + by),
    blink(on) {
      blinking = on;
      draw();
    },
    get mode() {
      return state.mode;
    },
  };
}
