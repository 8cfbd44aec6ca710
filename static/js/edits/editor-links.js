/** A changeset in other editors: JOSM by its remote control, iD and Rapid by an address; made when they are asked for. */
import { api } from "mapwright/lib/api.js";
import { el, fill } from "mapwright/lib/dom.js";
import { exportLine, exportList } from "mapwright/lib/exports.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

/** Tell JOSM on the person's own machine; it answers before it has loaded anything. */
async function tellJosm(address, said) {
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(String(answer.status));
    notify(said, { kind: "good" });
  } catch {
    notify("JOSM does not answer: start it, and switch on its remote control in the preferences.", { kind: "warn" });
  }
}

const shifted = ({ offset_m: offset }) =>
  offset
    ? ` Shift it by ${offset.map((one) => `${one > 0 ? "+" : ""}${one.toFixed(1)} m`).join(" east, ")} north.`
    : "";

function lines(links) {
  const minutes = Math.round(links.file_seconds / 60);
  const tell = (text, address, said) =>
    el("button", {
      type: "button",
      class: "button button-small",
      text,
      on: { click: () => tellJosm(address, said) },
    });
  const open = (href, text) =>
    el("a", { class: "button button-small", href, target: "_blank", rel: "noopener noreferrer", text });
  return [
    exportLine(
      tell("Load in JOSM", links.josm_import, "JOSM is asked to load the changeset."),
      `The edits as a layer of JOSM on this machine; the link opens for ${minutes} minutes.`,
    ),
    exportLine(
      tell("Imagery in JOSM", links.josm_imagery, "JOSM is asked to show the imagery."),
      `The image that was decided on, below the edits.${shifted(links)}`,
    ),
    exportLine(
      open(links.id, "Open in iD"),
      "The place, with comment and source filled in; iD takes no edits from a file.",
    ),
    exportLine(open(links.rapid, "Open in Rapid"), "The same in Rapid."),
  ];
}

/** A button that makes the links and puts them in its place. */
export function editorLinks(changeset, out) {
  const place = el("div", { class: "stack" });
  async function make() {
    try {
      const wished = out ? { skip_refused: true, skip_conflicts: true } : {};
      const links = await api.post(`/api/changesets/${changeset.id}/links/`, wished);
      fill(place, exportList("Other editors", lines(links)));
      place.querySelector("button")?.focus();
    } catch (error) {
      notifyError(error);
    }
  }
  const button = el("button", {
    type: "button",
    class: "button button-small",
    text: "Open in another editor",
    on: { click: make },
  });
  return fill(place, exportList("Other editors", [exportLine(button, "Makes links for JOSM, iD and Rapid.")]));
}
