/** Every key of the queue page. */
import { byId } from "mapwright/lib/dom.js";
import { bindKey } from "mapwright/lib/keys.js";

const PAN_PX = 120;

export function bindQueueKeys(acts) {
  const {
    answer,
    undoLast,
    back,
    skip,
    flag,
    adjust,
    setTags,
    compareMaps,
    group,
    view,
    comment,
    similar,
    order,
    filters,
    evidence,
    reasonAt,
    fit,
  } = acts;
  const { map, compare } = view;
  const decide = { group: "Answer" };
  bindKey("a", "Accept", () => answer("accept"), decide);
  bindKey("r", "Reject", () => answer("reject"), decide);
  bindKey("c", "Can't tell", () => answer("cant_tell"), decide);
  bindKey("o", "The image is offset here", () => answer("image_offset"), decide);
  bindKey("x", "The image is bad here", () => answer("bad_imagery"), decide);
  bindKey("t", "The image is too old", () => answer("too_old"), decide);
  bindKey(".", "It still stands, where the region asks for it", () => answer("still_stands"), decide);
  bindKey("e", "Adjust the shape", adjust, decide);
  bindKey(",", "Set its tags, for editors", setTags, decide);
  bindKey("d", "Move its group together", group, decide);
  bindKey("q", "Flag it to a colleague", flag, decide);
  bindKey("s", "Skip for now", skip, decide);
  bindKey("u", "Undo the last answer, as often as you like", undoLast, decide);
  bindKey("z", "Similar places first, or the usual order", order.toggle, decide);
  bindKey("n", "The nearest place first, or the usual order", filters.toggle, decide);
  bindKey("Backspace", "Back to the one before: what was skipped, or the last answer taken back", back, {
    ...decide,
    shown: "⌫",
  });
  bindKey("m", "Write a comment (Esc leaves it)", () => comment.focus(), decide);
  for (let index = 0; index < 6; index += 1)
    bindKey(String(index + 1), "Reject with that reason (the first time it shows them)", () => reasonAt(index), {
      ...decide,
      shown: "1 … 6",
      hidden: index > 0,
    });

  const look = { group: "Look" };
  bindKey("b", "Blink: the other one of image and map", () => compare.blink(true), {
    ...look,
    release: () => compare.blink(false),
  });
  bindKey("h", "Hide the outlines", () => view.hide(true), { ...look, release: () => view.hide(false) });
  bindKey("i", "Image alone", () => compare.setMode("image"), look);
  bindKey("y", "Side by side", () => compare.setMode("side"), look);
  bindKey("9", "Compare with a newer map, where there is one", compareMaps, look);
  bindKey("w", "Swipe", () => compare.setMode("swipe"), look);
  bindKey("v", "Overlay", () => compare.setMode("overlay"), look);
  bindKey("p", "Map alone", () => compare.setMode("map"), look);
  bindKey("[", "Less of the image / weaker map", () => compare.nudge(-0.08), { ...look, repeats: true });
  bindKey("]", "More of the image / stronger map", () => compare.nudge(0.08), { ...look, repeats: true });
  bindKey("l", "Image laid onto the map, or where it lies", () => byId("align").click(), look);
  bindKey("f", "Fit the view to the candidate", fit, look);
  bindKey("j", "To the similar places", similar.enter, look);
  bindKey("k", "Add a photo of this place", evidence.add, look);
  bindKey("+", "Closer", () => map.zoomIn(), look);
  bindKey("=", "Closer", () => map.zoomIn(), { ...look, hidden: true });
  bindKey("-", "Further", () => map.zoomOut(), look);
  for (const [key, by, shown] of [
    ["ArrowLeft", [-PAN_PX, 0], "←"],
    ["ArrowRight", [PAN_PX, 0], "→"],
    ["ArrowUp", [0, -PAN_PX], "↑"],
    ["ArrowDown", [0, PAN_PX], "↓"],
  ]) {
    bindKey(key, "Move the view", () => map.panBy(by, { animate: false }), {
      ...look,
      shown: key === "ArrowLeft" ? "← → ↑ ↓" : shown,
      hidden: key !== "ArrowLeft",
      repeats: true,
    });
  }
}
