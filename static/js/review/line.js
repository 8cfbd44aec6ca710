/** The line of items before a reviewer: one on the screen, the next ones fetched behind it, answers saved in the background, undo. */
import { byId, onClick } from "mapwright/lib/dom.js";
import { createStore } from "mapwright/lib/history.js";
import { notify } from "mapwright/lib/notices.js";
import { load, save } from "mapwright/lib/storage.js";
import { createClaiming } from "mapwright/review/claiming.js";
import { createDrafts } from "mapwright/review/drafts.js";
import { keepLeases } from "mapwright/review/leases.js";
import { createOutcomes, sentence } from "mapwright/review/outcomes.js";
import { createServer } from "mapwright/review/server.js";
import * as act from "mapwright/review/state.js";
import { drawLease, drawPhase, drawStatus, drawTally } from "mapwright/review/status.js";
import { createTogether } from "mapwright/review/together.js";

/**
 * @param {Object} options
 * @param {Object} options.page the page's data: region, lease_seconds
 * @param {Object} options.person
 * @param {string} options.stage
 * @param {?number} options.batch
 * @param {string} options.what the item in a word, such as "candidate"
 * @param {(claim, draft) => void} options.show put a claim on the screen
 * @param {() => void} options.clear nothing is on the screen
 * @param {(subject) => void} options.warm fetch what the next one needs
 * @param {(state) => Promise<number[]>} options.first items that the next claim tries before the queue's own order
 * @param {() => void} options.leave leave a mode before another item comes
 * @param {() => boolean} options.busy whether something else comes first; says what
 * @param {(state) => Object} options.emptyActions what a finished queue offers: `{links: [[text, address]]}`
 * @param {(body) => Object} options.draftOf the draft that a refused answer leaves
 */
export function createLine({
  page,
  person,
  stage,
  batch = null,
  what,
  show,
  clear,
  warm,
  first = async () => [],
  leave = () => {},
  busy = () => false,
  emptyActions,
  draftOf,
  onSaved = () => {},
}) {
  const drafts = createDrafts(person.id);
  const decidedKey = `mapwright.decided.${person.id}.${stage}.${page.region.id}.${batch ?? ""}`;
  const store = createStore(act.initialState(load(decidedKey, [])));
  const current = () => store.state.current;
  const returning = new Set(); // ids on their way back: claimed by name, so not to be claimed from the queue as well
  let shownAt = performance.now();

  const server = createServer({
    stage,
    batch,
    region: page.region.id,
    person: person.id,
    leaseSeconds: page.lease_seconds,
    onStatus: drawStatus,
    onSaved: (message, reply) => outcomes.saved[message.act](message, reply),
    onRefused: (message, error) => outcomes.refused[message.act](message, error),
  });
  const drafted = (claim) => Object.values(drafts.read(claim.id)).some(Boolean);
  const { fillUp, reorder } = createClaiming({ store, server, returning, drafted, warm, first });
  const outcomes = createOutcomes({ store, server, drafts, returning, draftOf, onSaved, fillUp });
  const { bringBack } = outcomes;
  const together = createTogether({ store, drafts, what, bringBack, fillUp });

  function showCurrent() {
    const claim = current();
    if (!claim) {
      clear();
      return;
    }
    show(claim, drafts.read(claim.id));
    drawLease(claim, what);
    shownAt = performance.now();
  }

  function redrawPhase() {
    drawPhase(store.state, { what, ...emptyActions(store.state) }, () => {
      store.apply(act.forgetSkipped);
      fillUp();
    });
  }

  store.watch((state, before) => {
    if (state.current?.id !== before.current?.id) {
      leave();
      showCurrent();
    }
    if (state.decided !== before.decided) save(decidedKey, act.remembered(state));
    redrawPhase();
    drawTally(state);
  });

  const seconds = () => Math.min(86400, Math.round((performance.now() - shownAt) / 100) / 10);

  /** Whether the current item can be answered now; says why where it can't. */
  function ready() {
    const claim = current();
    if (claim?.undoing) notify("This one's undo is still being saved; answer it in a moment.", { kind: "warn" });
    return Boolean(claim && !claim.undoing);
  }

  /** Answer the current item and go on; the server hears of it in the background. */
  function answer(body) {
    if (!ready()) return;
    server.saveDecision(current(), { seconds: seconds(), ...body });
    store.apply(act.decidedNow, body.decision, draftOf(body));
    fillUp();
  }

  /** Leave the current item to a colleague and go on. */
  function flag(to, comment) {
    if (!ready()) return;
    const claim = current();
    server.saveFlag(claim, to, comment);
    store.apply(act.dropItem, claim.id);
    fillUp();
  }

  /** Take the last decision back; its item is on the screen at once, and can be answered when the server gave its lease. */
  function undoLast() {
    const last = store.state.decided.at(-1);
    if (last?.together) together.takeBack(last);
    if (!last || last.together) return;
    const waiting = server.outbox.messages.some((message) => message.item === last.id);
    if (last.version === null && !waiting) return;
    server.saveUndo(last.id, last.version);
    if (last.draft) drafts.write(last.id, last.draft);
    const { id, version, subject } = last;
    if (subject) store.apply(act.undoneLast, { id, version, subject, lease_token: 0, leaseEnds: 0, undoing: true });
    else store.apply((state) => ({ ...state, decided: state.decided.slice(0, -1) }));
  }

  function skip() {
    const claim = current();
    if (!claim) return;
    if (!claim.undoing) server.releaseAll([claim]);
    store.apply(act.skippedNow);
    fillUp();
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

  /** Somebody else has it, or decided it: the draft stays, the item goes. */
  function claimLost(claim, error) {
    if (error.data?.free) return;
    if (claim.id === current()?.id)
      notify(sentence(`This ${what} went away: ${error.message}`), { kind: "warn", seconds: 10 });
    store.apply(act.dropItem, claim.id);
    fillUp();
  }

  /** The page goes away: others may have what it held, except what has a draft here, to which its writer comes back. */
  function giveBack() {
    server.releaseAll([...store.state.ahead, current()].filter((claim) => claim && !claim.undoing && !drafted(claim)));
  }

  return {
    store,
    server,
    drafts,
    current,
    ready,
    together,
    reorder,
    answer,
    flag,
    undoLast,
    skip,
    back,
    /** Start working; called once the page is bound. */
    start() {
      keepLeases({
        store,
        server,
        leaseSeconds: page.lease_seconds,
        onTick: () => drawLease(current(), what),
        onLost: claimLost,
      });
      window.addEventListener("pagehide", giveBack);
      window.addEventListener("pageshow", (event) => event.persisted && location.reload());
      for (const [id, action] of Object.entries({ undo: undoLast, skip })) {
        const pressed = onClick(() => busy() || action());
        byId(id).addEventListener("click", pressed);
      }
      redrawPhase();
      drawTally(store.state);
      drawStatus(server.outbox.status);
      server.outbox.start();
      fillUp();
    },
  };
}
