/** A suggestion beside a map newer than the scanned one: looked at by a key, and before it is accepted. */
import { confirmDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { oneAtATime } from "mapwright/lib/once.js";
import { newerOnServer } from "mapwright/changes/on-server.js";
import { conflictOfChange, showThreeWay } from "mapwright/edits/three-way.js";

const TITLES = { map: "This suggestion and the newest map", server: "This suggestion and the map's server" };

/** What has it newer, our newest map before the map's server; null where neither has. */
const newerIn = ({ id, newest_map: newest }) => (newest ? "map" : newerOnServer(id) ? "server" : null);

/** Show both; says so where there is nothing to compare. */
export const compareWithMap = oneAtATime(async (subject, against = newerIn(subject) ?? "map") => {
  const { id, imagery } = subject;
  try {
    const conflict = await conflictOfChange(id, against);
    if (conflict) await showThreeWay(conflict, { imagery, title: TITLES[against] });
    else notify("The newest map has it as the scanned one.", { seconds: 4 });
  } catch (error) {
    notifyError(error);
  }
});

/** Compare by the buttons that notes in the panel have. */
export const onCompare = (node, compare) =>
  node.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-against]");
    if (button) compare(button.dataset.against);
  });

/** Whether to accept over a newer state of the building, after a look at it; without one, whether to accept unseen. */
export async function acceptOver(subject) {
  const { id, imagery } = subject;
  const against = newerIn(subject);
  if (!against) return true;
  try {
    const conflict = await conflictOfChange(id, against);
    const title = TITLES[against];
    return !conflict || Boolean(await showThreeWay(conflict, { imagery, title, yes: "Accept all the same" }));
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
