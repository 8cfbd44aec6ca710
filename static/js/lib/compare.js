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

/** Panes of images: ours, and that of another server over it. */
const IMAGES = ["photo", "other"];

/**
 * @param {L.Map} map with panes "photo" and "drawn"
 * @param {{key: string, initial?: Object, modes?: Array, covers?: boolean, onMode?: Function}} options where the choice is kept;
 *   `covers`: the map is of all the ground, so where it has not come yet its side shows nothing rather than the image; a map of a
 *   part lies on the image; `onMode(mode)` hears every one
 */
export function createCompare(
  map,
  { key, initial = { mode: "swipe", swipe: 0.72, opacity: 0.5 }, modes = MODES, covers = true, onMode = () => {} },
) {
  let state = { ...initial, ...load(key, {}) };
  let blinking = false;
  const pane = map.getPane("drawn");
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
    const between = (left, right, { x, y } = { x: 0, y: 0 }) =>
      mode === "swipe"
        ? `rect(${corner.y - y}px, ${corner.x + right - x}px, ${corner.y + size.y - y}px, ${corner.x + left - x}px)`
        : "";
    pane.style.clip = between(edge, size.x);
    for (const name of covers ? IMAGES : []) {
      const image = map.getPane(name);
      if (!image) continue;
      image.style.clip = between(0, edge, map.options[`${name}MovedPx`]);
      image.style.visibility = mode === "map" ? "hidden" : "";
    }
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
  map.on("move zoomend viewreset resize imagemoved", draw);
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
