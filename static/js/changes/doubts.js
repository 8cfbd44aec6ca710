/** What is asked or said before an answer is taken: an older image, something not on the screen, imagery not for OSM. */
import { byId } from "mapwright/lib/dom.js";
import { day } from "mapwright/lib/format.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { notify } from "mapwright/lib/notices.js";

/** @param asks runs what asks in a dialog, while no key answers */
export function createDoubts({ view, others, asks }) {
  const confirmed = (question) => asks(() => confirmDialog(question));

  const old = (subject) =>
    !subject.older_than_edit ||
    confirmed({
      title: "The image is older than the map here",
      text: `The object was edited on ${day(subject.footprint.edited_at)}; the image was taken on ${day(subject.imagery.captured_on)}. The map may be right and the image out of date.`,
      yes: "Accept anyway",
    });

  /** What is not on the screen can't be judged: only who says so answers all the same. */
  const unseen = () =>
    !view.missing().length ||
    confirmed({
      title: `The ${view.missing().join(" and the ")} could not be loaded here`,
      text: "You would answer without having seen it. Load it again first, or wait for the connection: nothing is lost meanwhile.",
      yes: "Answer anyway",
    });

  /** An accepted change must not stand on imagery that OSM may not be edited by: ours is shown, to be looked at first. */
  function ours() {
    const forbidden = others.forbidden();
    if (!forbidden) return false;
    others.show("");
    notify(`OSM may not be edited by ${forbidden.title}: this is our imagery. Look again, then accept.`, {
      kind: "warn",
    });
    return true;
  }

  return { old, unseen, ours };
}

export function drawMissing(names) {
  const node = byId("not-loaded");
  node.hidden = !names.length;
  node.firstElementChild.textContent = `The ${names.join(" and the ")} could not be loaded here${names.includes("map") ? ": what you see is no empty map" : ""}.`;
}

/** Why a building can't be said to stand; "" where it can. */
export function notStanding({ standing }) {
  if (!standing) return "Nothing to confirm here: the region does not ask for it, or the map has no such building.";
  return standing.why_not && `Not confirmed: ${standing.why_not}.`;
}
