/** The line of items before a reviewer: one on the screen, the next ones fetched behind it, answers saved in the background, undo. */
import { onClick } from "mapwright/lib/dom.js";
import { createStore } from "mapwright/lib/history.js";
import { notify } from "mapwright/lib/notices.js";
import { createClaiming } from "mapwright/review/claiming.js";
import { createDrafts } from "mapwright/review/drafts.js";
import { keepLeases } from "mapwright/review/leases.js";
import { createMemory } from "mapwright/review/memory.js";
import { createOutcomes, sentence } from "mapwright/review/outcomes.js";
import { createSeen } from "mapwright/review/seen.js";
import { createServer } from "mapwright/review/server.js";
import * as act from "mapwright/review/state.js";
import { drawLease, drawPhase, drawStatus, drawTally } from "mapwright/review/status.js";
import { createTakingBack } from "mapwright/review/taking-back.js";
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
 * @param {(state) => ?Object} options.wanted what the items are to be like, as the stage's lists are asked; null for any
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
  wanted = () => null,
  leave = () => {},
  busy = () => false,
  emptyActions,
  draftOf,
  onSaved = () => {},
}) {
  const drafts = createDrafts(person.id);
  const memory = createMemory(person.id, stage, page.region.id, batch ?? "");
  const store = createStore(act.initialState(memory.decided, memory.count));
  const seen = createSeen();
  const current = () => store.state.current;
  const returning = new Set(); // ids on their way back: claimed by name, so not to be claimed from the queue as well

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
  const { fillUp, reorder } = createClaiming({ store, server, returning, drafted, warm, first, wanted });
  const outcomes = createOutcomes({ store, server, drafts, returning, draftOf, onSaved, fillUp });
  const { bringBack } = outcomes;
  const together = createTogether({ store, drafts, what, bringBack, fillUp });
  const { undoLast, back } = createTakingBack({ store, server, drafts, together, bringBack });

  function showCurrent() {
    const claim = current();
    if (!claim) {
      clear();
      return;
    }
    show(claim, drafts.read(claim.id));
    drawLease(claim, what);
    seen.shown();
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
    memory.keep(state, before);
    redrawPhase();
    drawTally(state);
  });

  /** Whether the current item can be answered now; says why where it can't. */
  function ready() {
    const claim = current();
    if (claim?.undoing) notify("This one's undo is still being saved; answer it in a moment.", { kind: "warn" });
    if (claim && seen.unseen()) {
      notify(`This ${what} has only just come: look at it, then answer.`, { kind: "warn", seconds: 4 });
      return false;
    }
    return Boolean(claim && !claim.undoing);
  }

  /** Answer the current item and go on; the server hears of it in the background. */
  function answer(body) {
    if (!ready()) return;
    server.saveDecision(current(), { seconds: seen.seconds(), ...body });
    store.apply(act.decidedNow, body.decision, draftOf(body));
    fillUp();
  }

  /** Leave the current item to a colleague and go on. */
  function flag(to, comment) {
    if (!ready()) return;
    server.saveFlag(current(), to, comment);
    store.apply(act.flaggedNow, { comment });
    fillUp();
  }

  function skip() {
    const claim = current();
    if (!claim) return;
    if (!claim.undoing) server.releaseAll([claim]);
    store.apply(act.skippedNow);
    fillUp();
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
    /** Start working, with the item `opening` if there is one; called once the page is bound. */
    async start(opening = null) {
      keepLeases({
        store,
        server,
        leaseSeconds: page.lease_seconds,
        onTick: () => drawLease(current(), what),
        onLost: claimLost,
      });
      window.addEventListener("pagehide", giveBack);
      window.addEventListener("pageshow", (event) => event.persisted && location.reload());
      for (const [id, action] of Object.entries({ undo: undoLast, skip, back }))
        document.getElementById(id)?.addEventListener(
          "click",
          onClick(() => busy() || action()),
        );
      redrawPhase();
      drawTally(store.state);
      drawStatus(server.outbox.status);
      server.outbox.start();
      if (opening) await bringBack(opening);
      fillUp();
    },
  };
}
