/** Every key of the control-point editor. */
import { bindKey } from "mapwright/lib/keys.js";
import { bindPointKeys } from "mapwright/control-points/point-keys.js";

export function bindEditorKeys({ editor, desk, view, line, settles }) {
  bindAnswers({ editor, line, settles });
  const busy = () => Boolean(editor.asking);
  bindPointKeys({ desk, map: view.map, add: editor.add, busy });
  bindSnaps(editor);
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

function bindSnaps(editor) {
  const points = { group: "Points" };
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
    ["y", "Side by side", "side"],
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
