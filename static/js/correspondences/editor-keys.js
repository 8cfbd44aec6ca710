/** Every key of the control-point editor. */
import { bindKey } from "mapwright/lib/keys.js";
import { KINDS } from "mapwright/correspondences/points.js";

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

export function bindEditorKeys({ editor, desk, view, line, settles }) {
  bindAnswers({ editor, line, settles });
  bindPoints({ editor, desk, view });
  bindLook({ editor, view });
}

function bindAnswers({ editor, line, settles }) {
  const decide = { group: "Answer" };
  const accept = () => editor.asking || editor.take(); // while a reason is asked for, these keys would be a slip
  bindKey("a", "Accept, or save what you corrected", accept, { ...decide, shown: "A Enter" });
  bindKey("Enter", "Accept, or save what you corrected", accept, { ...decide, hidden: true });
  bindKey("r", "Reject: then the number of the reason", () => editor.ask("reject"), decide);
  bindKey("c", "Can't tell: then the number of the reason", () => editor.ask("cant_tell"), decide);
  bindKey("q", "Flag it to a colleague", editor.flag, decide);
  bindKey("s", "Skip for now", line.skip, decide);
  bindKey("u", "Undo the last answer, as often as you like", line.undoLast, decide);
  bindKey("Backspace", "Back to the one before: what was skipped, or the last answer taken back", line.back, decide);
  bindKey("m", "Write a comment (Esc leaves it)", editor.editComment, decide);
  if (settles) {
    bindKey("j", "Take the first answer", () => editor.settle(0), decide);
    bindKey("k", "Take the second answer", () => editor.settle(1), decide);
  }
  for (let index = 0; index < 9; index += 1)
    bindKey(String(index + 1), "Answer with that reason", () => editor.giveReason(index), {
      ...decide,
      hidden: true,
      when: () => Boolean(editor.asking),
    });
  bindKey("Escape", "Back from the reasons", () => editor.ask(""), {
    ...decide,
    hidden: true,
    when: () => Boolean(editor.asking),
  });
}

function bindPoints({ editor, desk, view }) {
  const points = { group: "Points" };
  bindKey("n", "Add a pair: click it on the map and in the image", editor.add, points);
  bindKey(" ", "Add a pair at the middle of the view", () => desk.adding.atMiddle(), {
    ...points,
    when: (event) => desk.adding.on && !event.target.closest?.("button, a, summary, input"),
  });
  bindKey("Escape", "Add no more", () => desk.adding.stop(), { ...points, hidden: true, when: () => desk.adding.on });
  bindKey(".", "Next point, point before", desk.next, { ...points, shown: ". ,", repeats: true });
  bindKey(",", "Point before", desk.previous, { ...points, hidden: true, repeats: true });
  bindKey("o", "The chosen point's other end: in the image, on the map", desk.otherSide, points);
  for (const [key, dx, dy] of ARROWS) {
    const nudge = ({ shiftKey }) => {
      const step = shiftKey ? COARSE_PX : FINE_PX;
      desk.nudge([dx * step, dy * step]);
    };
    bindKey(key, "Move the view", () => view.map.panBy([dx * PAN_PX, dy * PAN_PX], { animate: false }), {
      group: "Look",
      shown: "← → ↑ ↓",
      hidden: key !== "ArrowLeft",
      repeats: true,
      when: notOnSlider,
    });
    bindKey(key, "Move the chosen point by 0.1 px (Shift: 1 px)", nudge, {
      ...points,
      shown: "← → ↑ ↓",
      hidden: key !== "ArrowLeft",
      repeats: true,
      when: (event) => desk.chosen !== null && notOnSlider(event),
    });
  }
  bindKey("Escape", "Choose no point", () => desk.select(null), {
    ...points,
    hidden: true,
    when: () => desk.chosen !== null && !desk.adding.on && !editor.asking,
  });
  bindKey("x", "Switch the chosen point off, or on", desk.toggleChosen, points);
  bindKey("t", "Make it a check point, or one of the fit", desk.swapChosen, points);
  bindKey("Delete", "Delete a point that was set by hand", desk.removeChosen, { ...points, shown: "Del" });
  KINDS.forEach((kind, index) =>
    bindKey(String(index + 1), "Model: shift, similarity, affine, homography", () => desk.chooseModel(kind), {
      ...points,
      shown: "1 … 4",
      hidden: index > 0,
    }),
  );
  bindKey("z", "Undo a step", desk.undo, { ...points, ctrl: true, repeats: true });
  bindKey("z", "Redo", desk.redo, {
    ...points,
    ctrl: true,
    shown: "Ctrl Shift Z",
    repeats: true,
    when: ({ shiftKey }) => shiftKey,
  });
  bindKey("y", "Redo", desk.redo, { ...points, ctrl: true, hidden: true, repeats: true });
  bindKey("l", "Snap to corners on the map, or not", () => editor.toggleSnap("map"), points);
  bindKey("e", "Snap to edges in the image, or not", () => editor.toggleSnap("image"), points);
}

function bindLook({ editor, view }) {
  const { map, compare } = view;
  const look = { group: "Look" };
  bindKey("b", "Blink: the other one of image and map", () => compare.blink(true), {
    ...look,
    release: () => compare.blink(false),
  });
  bindKey("h", "Hide points and outlines", () => editor.bare(true), { ...look, release: () => editor.bare(false) });
  for (const [key, label, mode] of [
    ["d", "Side by side", "side"],
    ["w", "Swipe", "swipe"],
    ["v", "Overlay", "overlay"],
    ["i", "Image alone", "image"],
    ["p", "Map alone", "map"],
  ])
    bindKey(key, label, () => compare.setMode(mode), look);
  bindKey("[", "Less of the image / weaker map", () => compare.nudge(-0.08), { ...look, repeats: true });
  bindKey("]", "More of the image / stronger map", () => compare.nudge(0.08), { ...look, repeats: true });
  bindKey("f", "Fit the view to the tile", editor.fit, look);
  bindKey("+", "Closer", () => map.zoomIn(), look);
  bindKey("=", "Closer", () => map.zoomIn(), { ...look, hidden: true });
  bindKey("-", "Further", () => map.zoomOut(), look);
}
