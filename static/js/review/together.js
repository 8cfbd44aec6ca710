/** Answers that were given to several items at once: out of the line as one, and back into it as one. */
import { api } from "mapwright/lib/api.js";
import { plural } from "mapwright/lib/format.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import * as act from "mapwright/review/state.js";

export function createTogether({ store, drafts, what, bringBack, fillUp }) {
  let busy = false;

  return {
    /** The server has accepted these items as one step, which `path` takes back. */
    answered({ path, ids }) {
      ids.forEach((id) => drafts.drop(id));
      store.apply(act.answeredTogether, path, ids);
      fillUp();
    },
    /** Take a whole step back; what the server gives back is this person's again, and comes before everything else. */
    async takeBack(last) {
      if (busy) return;
      busy = true;
      try {
        const { taken_back: back, left_out: kept } = await api.post(last.together);
        store.apply(act.tookBackTogether, last.together);
        const stay = kept.length ? ` ${plural(kept.length, what)} stayed: ${kept[0].detail}.` : "";
        notify(`${plural(back.length, what)} taken back.${stay}`, { kind: kept.length ? "warn" : "good" });
        if (back.length) await bringBack(back[0].item);
        fillUp();
      } catch (error) {
        notifyError(error);
        if (error.status === 404 || error.status === 403) store.apply(act.tookBackTogether, last.together);
      }
      busy = false;
    },
  };
}
