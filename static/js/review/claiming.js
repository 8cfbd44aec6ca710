/** Claims items until one is on the screen and enough wait behind it, in the order that the page wants. */
import { notifyError } from "mapwright/lib/notices.js";
import { sentence } from "mapwright/review/outcomes.js";
import * as act from "mapwright/review/state.js";

const AGAIN_MS = 8000;
/** Items fetched behind the one on the screen: quick answers find the next one there though the server is slow. */
const AHEAD = 2;

/**
 * @param {Object} line
 * @param {Object} line.store the state of the line
 * @param {Object} line.server
 * @param {Set} line.returning ids on their way back to the screen
 * @param {(claim) => boolean} line.drafted whether its writer has begun an answer
 * @param {(subject) => void} line.warm fetch what the next one needs
 * @param {(state) => Promise<number[]>} line.first items that go before the queue's own order
 * @param {(state) => ?Object} line.wanted what the items are to be like; null where anything will do
 */
export function createClaiming({ store, server, returning, drafted, warm, first, wanted }) {
  const current = () => store.state.current;
  let claiming = false;
  let againTimer = 0;
  let following = []; // items that the last claim named to come next, of what is wanted

  async function fillUp() {
    const { state } = store;
    if (claiming || (state.current && state.ahead.length >= AHEAD)) return;
    claiming = true;
    let given = null;
    let refusal = null;
    try {
      const like = wanted(state);
      const named = await first(state);
      const before = [...named, ...(like && !like.near ? following : [])].slice(0, 100);
      const skip = [...act.held(store.state), ...store.state.skipped.slice(-900), ...server.underWay(), ...returning];
      given = await server.claim(skip, before, like);
      following = given.next ?? [];
      if (given.claim) given.claim.wanted = named.includes(given.claim.id);
    } catch (error) {
      refusal = error.passing || error.signedOut ? null : error;
      if (error.signedOut) notifyError(error);
    }
    claiming = false;
    if (given?.claim) {
      if (!server.underWay().includes(given.claim.id)) store.apply(act.claimed, given.claim);
      const last = store.state.ahead.at(-1);
      if (last) warm(last.subject);
      fillUp();
      return;
    }
    if (given) store.apply(act.nothingLeft, given.counts);
    clearTimeout(againTimer);
    if (refusal) {
      noMore(refusal);
      return;
    }
    againTimer = setTimeout(fillUp, AGAIN_MS);
  }

  /** Asking for items changes nothing any more. In a closed batch what is held can't be answered either; else it can. */
  function noMore(refusal) {
    if (!current() || refusal.code === "batch_closed") store.apply(act.refusedAll, sentence(refusal.message));
  }

  /** The page wants another order: what waits behind the item on the screen is given back and claimed anew. */
  async function reorder() {
    following = [];
    const back = store.state.ahead.filter((claim) => !claim.undoing && !drafted(claim));
    back.forEach(({ id }) => store.apply(act.dropItem, id));
    await server.releaseAll(back);
    fillUp();
  }

  return { fillUp, reorder };
}
