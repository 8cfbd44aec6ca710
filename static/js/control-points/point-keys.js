/** Keys of control points: add, choose, move, switch, model, undo. */
import { bindKey } from "mapwright/lib/keys.js";
import { KINDS } from "mapwright/control-points/points.js";

const PAN_PX = 120;
const FINE_PX = 0.1;
const COARSE_PX = 1;
const ARROWS = [
  ["ArrowLeft", -1, 0],
  ["ArrowRight", 1, 0],
  ["ArrowUp", 0, -1],
  ["ArrowDown", 0, 1],
];

/** On a slider the arrows are its own. */
const notOnSlider = ({ target }) => !target.matches?.("input[type=range]");

/**
 * @param {Object} options
 * @param {Object} options.desk the work on the points
 * @param {L.Map} options.map that arrows move while no point is chosen
 * @param {Function} options.add starts or ends adding pairs
 * @param {() => boolean} options.busy while it says so, Esc is not for the points
 * @param {Array<string>} [options.kinds] models, one for each number
 * @param {() => boolean} [options.on] the keys hold while it says so; left out: always
 */
export function bindPointKeys({ desk, map, add, busy, kinds = KINDS, on = null }) {
  const points = { group: "Points" };
  const bind = (key, label, run, options) => {
    const { when } = options;
    bindKey(key, label, run, on ? { ...options, when: (event) => on() && (when?.(event) ?? true) } : options);
  };
  bind("n", "Add a pair: click it on the map and in the image", add, points);
  bind(" ", "Add a pair at the middle of the view", () => desk.adding.atMiddle(), {
    ...points,
    when: (event) => desk.adding.on && !event.target.closest?.("button, a, summary, input"),
  });
  bind("Escape", "Add no more", () => desk.adding.stop(), { ...points, hidden: true, when: () => desk.adding.on });
  bind(".", "Next point, point before", desk.next, { ...points, shown: ". ,", repeats: true });
  bind(",", "Point before", desk.previous, { ...points, hidden: true, repeats: true });
  bind("o", "The chosen point's other end: in the image, on the map", desk.otherSide, points);
  for (const [key, dx, dy] of ARROWS) {
    const nudge = ({ shiftKey }) => {
      const step = shiftKey ? COARSE_PX : FINE_PX;
      desk.nudge([dx * step, dy * step]);
    };
    bind(key, "Move the view", () => map.panBy([dx * PAN_PX, dy * PAN_PX], { animate: false }), {
      group: "Look",
      shown: "← → ↑ ↓",
      hidden: key !== "ArrowLeft",
      repeats: true,
      when: notOnSlider,
    });
    bind(key, "Move the chosen point by 0.1 px (Shift: 1 px)", nudge, {
      ...points,
      shown: "← → ↑ ↓",
      hidden: key !== "ArrowLeft",
      repeats: true,
      when: (event) => desk.chosen !== null && notOnSlider(event),
    });
  }
  bind("Escape", "Choose no point", () => desk.select(null), {
    ...points,
    hidden: true,
    when: () => desk.chosen !== null && !desk.adding.on && !busy(),
  });
  bind("x", "Switch the chosen point off, or on", desk.toggleChosen, points);
  bind("t", "Make it a check point, or one of the fit", desk.swapChosen, points);
  bind("Delete", "Delete a point that was set by hand", desk.removeChosen, { ...points, shown: "Del" });
  kinds.forEach((kind, index) =>
    bind(String(index + 1), `Model: ${kinds.join(", ")}`, () => desk.chooseModel(kind), {
      ...points,
      shown: `1 … ${kinds.length}`,
      hidden: index > 0,
    }),
  );
  bind("z", "Undo a step", desk.undo, { ...points, ctrl: true, repeats: true });
  bind("z", "Redo", desk.redo, {
    ...points,
    ctrl: true,
    shown: "Ctrl Shift Z",
    repeats: true,
    when: ({ shiftKey }) => shiftKey,
  });
  bind("y", "Redo", desk.redo, { ...points, ctrl: true, hidden: true, repeats: true });
}
