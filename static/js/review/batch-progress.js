/** How far the batch on the screen is: `#batch-done` and `#batch-count`, counted here and asked anew now and then. */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { number } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";

const REFRESH_EVERY = 10;

/** @param {{path: ?string, counts: string}} options the batch's address in the API, and which of its counts are shown */
export function createBatchProgress({ path, counts: name }) {
  let progress = null;
  let counted = 0; // answers saved since the page was opened
  let sinceRefresh = 0;

  function draw() {
    const total = progress.open + progress.decided;
    byId("batch-done").max = Math.max(1, total);
    byId("batch-done").value = progress.decided;
    byId("batch-count").textContent = `${number(progress.decided)} of ${number(total)}`;
  }

  async function load() {
    if (!path) return;
    sinceRefresh = 0;
    const before = counted;
    try {
      const batch = await api.get(path);
      if (counted !== before) {
        await load();
        return;
      } // answers were saved meanwhile: these counts may lack them
      const { decided, open } = batch[name];
      progress = { decided, open };
      draw();
    } catch (error) {
      if (!error.passing) notifyError(error);
    }
  }

  return {
    load,
    /** An answer, or the undo of one, was saved. */
    saved(act) {
      if (!progress || act === "reassign") return;
      const by = act === "undo" ? -1 : 1;
      progress = { decided: progress.decided + by, open: progress.open - by };
      sinceRefresh += 1;
      counted += 1;
      const twice = progress.open < 0; // the counts asked for last had this answer already
      if (!twice) draw();
      if (twice || sinceRefresh >= REFRESH_EVERY) load();
    },
  };
}
