/** State of a review page, of whatever stage, and the pure actions on it. */

/**
 * @typedef {Object} Claim
 * @property {number} id of the queue item
 * @property {number} version
 * @property {number} lease_token
 * @property {number} leaseEnds local time in ms
 * @property {Object} subject what the page shows
 */

/** `session`: answers of this day, by this browser. */
export const initialState = (decided = [], session = 0) => ({
  phase: "loading", // loading | reviewing | waiting | blocked | empty | refused
  current: null,
  ahead: [],
  skipped: [],
  decided,
  refusal: "", // why the server gives nothing, in words
  counts: { open: null, leased: null, blocked: null, countedTo: null },
  session,
  last: "", // what was done last: answer | skip
});

const reviewing = (state) => ({ ...state, phase: state.current ? "reviewing" : state.phase });

/** A claim arrived: it is shown at once where nothing is, else it waits its turn. */
export function claimed(state, claim) {
  if (held(state).includes(claim.id))
    return leaseChanged(state, claim.id, {
      lease_token: claim.lease_token,
      leaseEnds: claim.leaseEnds,
      version: claim.version,
    });
  if (!state.current) return reviewing({ ...state, current: claim });
  return { ...state, ahead: [...state.ahead, claim] };
}

/** There was nothing to claim. */
export function nothingLeft(state, counts) {
  if (state.current) return { ...state, counts };
  const phase = counts.leased > 0 ? "waiting" : counts.blocked > 0 ? "blocked" : "empty";
  return { ...state, counts, phase };
}

/** Nothing can be had here at all, such as in a closed batch; what was held is let go. */
export const refusedAll = (state, refusal) => ({ ...state, current: null, ahead: [], phase: "refused", refusal });

/** Go on to the next claim, or wait for one. */
export function advance(state) {
  const [next = null, ...ahead] = state.ahead;
  return { ...state, current: next, ahead, phase: next ? "reviewing" : "loading" };
}

/** The current item got an answer; `draft` is what the answer held, for whoever takes it back. */
export function decidedNow(state, decision, draft) {
  const entry = { id: state.current.id, decision, version: null, subject: state.current.subject, draft };
  return advance({
    ...state,
    decided: [...state.decided, entry].slice(-200),
    session: state.session + 1,
    last: "answer",
  });
}

/** The current item was left to a colleague; `draft` comes back to whoever takes that back. */
export function flaggedNow(state, draft) {
  const { id, subject } = state.current;
  const entry = { id, decision: "flagged", version: null, subject, draft, flagged: true };
  return advance({ ...state, decided: [...state.decided, entry].slice(-200), last: "answer" });
}

/** The last flag is taken back: its item comes once the server has put it back. */
export const unflaggedLast = (state) => ({ ...state, decided: state.decided.slice(0, -1) });

/** Several items got one answer; `path` takes it back. */
export function answeredTogether(state, path, ids) {
  const next = ids.reduce(dropItem, { ...state, skipped: state.skipped.filter((id) => !ids.includes(id)) });
  const entry = { id: null, decision: "moved_together", version: null, together: path, count: ids.length };
  return {
    ...next,
    decided: [...state.decided, entry].slice(-200),
    session: state.session + ids.length,
    last: "answer",
  };
}

/** The answer that `path` takes back is none any more. */
export const tookBackTogether = (state, path) => ({
  ...state,
  decided: state.decided.filter((one) => one.together !== path),
  session: Math.max(0, state.session - (state.decided.find((one) => one.together === path)?.count ?? 0)),
});

/** What a reload needs of the answers given: all but the items themselves. */
export const remembered = (state) => state.decided.map((one) => ({ ...one, subject: undefined }));

/** The current item is left for later. */
export const skippedNow = (state) => advance({ ...state, skipped: [...state.skipped, state.current.id], last: "skip" });

/** The item skipped last is wanted again. */
export const unskippedLast = (state) => ({
  ...state,
  skipped: state.skipped.slice(0, -1),
  last: state.skipped.length > 1 ? "skip" : "answer",
});

/** Look at what was skipped again. */
export const forgetSkipped = (state) => ({ ...state, skipped: [], phase: state.current ? state.phase : "loading" });

/** Show `claim` now; what was on the screen comes right after it. */
export function bringBack(state, claim) {
  const ahead = state.current && state.current.id !== claim.id ? [state.current, ...state.ahead] : state.ahead;
  return { ...state, current: claim, ahead: ahead.filter((one) => one.id !== claim.id), phase: "reviewing" };
}

/** The last decision is taken back: its item is shown again. */
export function undoneLast(state, claim) {
  return bringBack({ ...state, decided: state.decided.slice(0, -1), session: Math.max(0, state.session - 1) }, claim);
}

/** Keep what the server said of an item: its lease, its version. */
export function leaseChanged(state, id, change) {
  const merge = (claim) => (claim?.id === id ? { ...claim, ...change } : claim);
  return { ...state, current: merge(state.current), ahead: state.ahead.map(merge) };
}

/** The server saved a decision: from now on an undo knows its version. */
export const versionKnown = (state, id, version) => ({
  ...state,
  decided: state.decided.map((one) => (one.id === id ? { ...one, version } : one)),
});

/** A decision was refused: it is no decision any more. */
export const forgetDecision = (state, id) => ({
  ...state,
  decided: state.decided.filter((one) => one.id !== id),
  session: Math.max(0, state.session - 1),
});

/** A flag was refused: there is nothing to take back. */
export const forgetFlag = (state, id) => ({ ...state, decided: state.decided.filter((one) => one.id !== id) });

/** An item that can't be had: off the screen, out of line. */
export function dropItem(state, id) {
  const next = { ...state, ahead: state.ahead.filter((one) => one.id !== id) };
  return state.current?.id === id ? advance(next) : next;
}

/** Ids of the items this page holds. */
export const held = (state) => [state.current, ...state.ahead].filter(Boolean).map((one) => one.id);
