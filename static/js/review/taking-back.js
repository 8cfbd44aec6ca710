/** Takes the last act back: an answer, several answers given at once, a flag, or a skip. */
import * as act from "mapwright/review/state.js";

export function createTakingBack({ store, server, drafts, together, bringBack }) {
  /** Take the last decision back; its item is on the screen at once, and can be answered when the server gave its lease. */
  function undoLast() {
    const last = store.state.decided.at(-1);
    if (last?.together) together.takeBack(last);
    if (!last || last.together) return;
    const waiting = server.outbox.messages.some((message) => message.item === last.id);
    if (last.version === null && !waiting) return;
    if (last.draft) drafts.write(last.id, last.draft);
    if (last.flagged) {
      server.saveUnflag(last.id, last.version);
      store.apply(act.unflaggedLast);
      return;
    }
    server.saveUndo(last.id, last.version);
    const { id, version, subject } = last;
    if (subject) store.apply(act.undoneLast, { id, version, subject, lease_token: 0, leaseEnds: 0, undoing: true });
    else store.apply((state) => ({ ...state, decided: state.decided.slice(0, -1) }));
  }

  /** Back to the item before: the one skipped last, else the last answer, taken back. */
  async function back() {
    const { last, skipped } = store.state;
    if (last !== "skip" || !skipped.length) {
      undoLast();
      return;
    }
    const id = skipped.at(-1);
    store.apply(act.unskippedLast);
    await bringBack(id);
  }

  return { undoLast, back };
}
