/** Every key of the bench. */
import { bindKey } from "mapwright/lib/keys.js";

const PAN_PX = 120;

export function bindBenchKeys({ bench, view, line, settles }) {
  const decide = { group: "Answer" };
  const accept = () => bench.rejecting || bench.take(); // while a reason is asked for, these keys would be a slip
  bindKey("a", "Accept, or save what you changed", accept, { ...decide, shown: "A Enter" });
  bindKey("Enter", "Accept, or save what you changed", accept, { ...decide, hidden: true });
  bindKey("r", "Reject: then the number of the reason", bench.startReject, decide);
  bindKey("c", "Can't tell", () => bench.say("cant_tell"), decide);
  bindKey("o", "The image is offset here", () => bench.say("image_offset"), decide);
  bindKey("x", "The image is bad here", () => bench.say("bad_imagery"), decide);
  bindKey("q", "Flag it to a colleague", bench.flag, decide);
  bindKey("s", "Skip for now", line.skip, decide);
  bindKey("u", "Undo the last answer, as often as you like", line.undoLast, decide);
  bindKey("Backspace", "Back to the one before: what was skipped, or the last answer taken back", line.back, decide);
  if (settles) {
    bindKey("j", "Take the first answer", () => bench.settle(0), decide);
    bindKey("k", "Take the second answer", () => bench.settle(1), decide);
  }

  const change = { group: "Change" };
  bindKey("ArrowDown", "Next attribute", () => bench.step(1), { ...change, shown: "↑ ↓", repeats: true });
  bindKey("ArrowUp", "Attribute before", () => bench.step(-1), { ...change, hidden: true, repeats: true });
  for (let index = 0; index < 9; index += 1) {
    bindKey(String(index + 1), "Give the attribute that value", () => bench.choose(index), {
      ...change,
      shown: "1 … 9",
      hidden: index > 0,
    });
    bindKey(String(index + 1), "Reject with that reason", () => bench.reason(index), {
      ...change,
      hidden: true,
      when: () => bench.rejecting,
    });
  }
  bindKey("0", "As it was proposed", bench.reset, change);
  bindKey("e", "Write the summary (Esc leaves it)", bench.editSummary, change);
  bindKey("m", "Write a comment (Esc leaves it)", bench.editComment, change);
  bindKey("Escape", "Back from the reasons", bench.stopReject, {
    ...change,
    hidden: true,
    when: () => bench.rejecting,
  });

  const { map, compare } = view;
  const look = { group: "Look" };
  bindKey("b", "Blink: the other one of image and map", () => compare.blink(true), {
    ...look,
    release: () => compare.blink(false),
  });
  bindKey("y", "Side by side", () => compare.setMode("side"), look);
  bindKey("w", "Swipe", () => compare.setMode("swipe"), look);
  bindKey("v", "Overlay", () => compare.setMode("overlay"), look);
  bindKey("i", "Image alone", () => compare.setMode("image"), look);
  bindKey("p", "Map alone", () => compare.setMode("map"), look);
  bindKey("[", "Less of the image / weaker map", () => compare.nudge(-0.08), { ...look, repeats: true });
  bindKey("]", "More of the image / stronger map", () => compare.nudge(0.08), { ...look, repeats: true });
  bindKey("f", "Fit the view to the tile", bench.fit, look);
  bindKey("+", "Closer", () => map.zoomIn(), look);
  bindKey("=", "Closer", () => map.zoomIn(), { ...look, hidden: true });
  bindKey("-", "Further", () => map.zoomOut(), look);
  for (const [key, by, shown] of [
    ["ArrowLeft", [-PAN_PX, 0], "← →"],
    ["ArrowRight", [PAN_PX, 0], "→"],
  ]) {
    bindKey(key, "Move the view", () => map.panBy(by, { animate: false }), {
      ...look,
      shown,
      hidden: key !== "ArrowLeft",
      repeats: true,
    });
  }
}
