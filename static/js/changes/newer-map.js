/** A suggestion beside a map newer than the scanned one: looked at by a key, and before it is accepted. */
import { confirmDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { oneAtATime } from "mapwright/lib/once.js";
import { conflictOfChange, showThreeWay } from "mapwright/edits/three-way.js";

const TITLE = "This suggestion and the newest map";

/** Show both; says so where there is nothing to compare. */
export const compareWithMap = oneAtATime(async ({ id, imagery }) => {
  try {
    const conflict = await conflictOfChange(id);
    if (conflict) await showThreeWay(conflict, { imagery, title: TITLE });
    else notify("The newest map has it as the scanned one.", { seconds: 4 });
  } catch (error) {
    notifyError(error);
  }
});

/** Whether to accept over a newer state of the building, after a look at it; without one, whether to accept unseen. */
export async function acceptOver({ id, imagery, newest_map: newest }) {
  if (!newest) return true;
  try {
    const conflict = await conflictOfChange(id);
    return !conflict || Boolean(await showThreeWay(conflict, { imagery, title: TITLE, yes: "Accept all the same" }));
  } catch (error) {
    notifyError(error);
    return confirmDialog({
      title: "A newer map has this building in another state",
      text: "It could not be loaded here, so you would accept without having seen it.",
      yes: "Accept all the same",
    });
  }
}

/** What an accept says of the map that was looked at: the server refuses it over a state that came in since. */
export const mapSeen = ({ footprint, newest_map: newest }) =>
  footprint ? { seen_map: newest ? newest.snapshot : null } : {};
