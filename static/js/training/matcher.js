/** A matcher on the training page: what there is to learn from, and weights that come from a file. */
import { api } from "mapwright/lib/api.js";
import { el, facts } from "mapwright/lib/dom.js";
import { number, plural } from "mapwright/lib/format.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { notify } from "mapwright/lib/notices.js";

const FEWEST_BLOCKS = 4;
const note = (text) => el("p", { class: "muted small", text });

function enough({ learnt, needed }) {
  if (learnt >= needed) return null;
  return note(`A training takes ${number(needed)} tiles or more: verify more matches first, in any region.`);
}

function compared({ held_out: heldOut, blocks }) {
  if (!heldOut)
    return note("Nothing is verified yet on the blocks that are kept for comparing: a new model could not be judged.");
  if (blocks < FEWEST_BLOCKS)
    return note(
      `With fewer than ${FEWEST_BLOCKS} blocks to compare on, no difference between two matchers can be told.`,
    );
  return null;
}

/** Which weights match now, and which go first. */
function inUse(data) {
  const first = data.model
    ? "Rolling back leads to what was in use before, in the end to the weights of this installation."
    : "A model that is put in use here goes before it, also before the setting MAPWRIGHT_MATCHER_WEIGHTS.";
  return el("p", { class: "small" }, `In use: ${data.in_use}. `, el("span", { class: "muted", text: first }));
}

/** Nodes that say what is there to learn from. */
export function matchersAhead(data) {
  const who = `${plural(data.people, "person", "people")} in ${plural(data.regions, "region")}`;
  const fresh = data.model ? ` ${number(data.new)} of them ${data.new === 1 ? "is" : "are"} new to it.` : "";
  return [
    inUse(data),
    el("p", {
      class: "small",
      text: data.learnt
        ? `${plural(data.learnt, "tile")} to learn from, verified by ${who}.${fresh}`
        : "No match is verified yet that could be learnt from.",
    }),
    facts([
      ["Points set by hand", number(data.corrected)],
      ["Kept for comparing", `${plural(data.held_out, "tile")} on ${plural(data.blocks, "block")}`],
    ]),
    data.gate_alone ? note(`Left out: ${number(data.gate_alone)} that no person verified, only the gate.`) : null,
    enough(data),
    compared(data),
  ];
}

/** What both matchers were given. */
export function matchersGround({ blocks = 0, tiles = 0, corrected = 0, own = 0 }) {
  const given = `Both matched the same ${plural(tiles, "verified tile")} on ${plural(blocks, "block")} of ground that no matcher learns; ${number(corrected)} of them got their points by hand.`;
  if (!own) return given;
  return `${given} ${number(own)} of them are proposals of one of the two that people took unchanged: how near a matcher comes is not told on these.`;
}

/** Send the file and show its run; the server's job checks it. */
export function takesFiles(form, kind, showRun) {
  onSubmit(form, async () => {
    const body = new FormData(form);
    body.append("kind", kind);
    const run = await api.upload("/api/models/import/", body);
    form.reset();
    notify("The file is being checked.");
    await showRun(run.id);
  });
}
