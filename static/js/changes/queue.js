/** The queue page: one candidate at a time, every answer by one key, none ever lost. */
import { byId, pageData } from "mapwright/lib/dom.js";
import { createStore } from "mapwright/lib/history.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { day } from "mapwright/lib/format.js";
import { load, save } from "mapwright/lib/storage.js";
import { enterAdjust } from "mapwright/changes/adjust.js";
import { createDrafts } from "mapwright/changes/drafts.js";
import { bindQueueKeys } from "mapwright/changes/queue-keys.js";
import { keepLeases } from "mapwright/changes/queue-leases.js";
import { createQueueMap } from "mapwright/changes/queue-map.js";
import { drawLease, drawOffset, drawPhase, drawReasons, drawStatus, drawSubject, drawTally } from "mapwright/changes/queue-panel.js";
import { createServer } from "mapwright/changes/queue-server.js";
import * as act from "mapwright/changes/queue-state.js";

const page = pageData();
const person = pageData("person");
const drafts = createDrafts(person.id);
const decidedKey = `mapwright.decided.${person.id}.${page.region.id}`;
const store = createStore(act.initialState(load(decidedKey, [])));
const view = createQueueMap(byId("map"));
const comment = byId("comment");
const AGAIN_MS = 8000;

let adjusting = null;
let claiming = false;
let shownAt = performance.now();
let asking = false;
let againTimer = 0;

const server = createServer({
  region: page.region.id, person: person.id, leaseSeconds: page.lease_seconds, onStatus: drawStatus,
  onSaved: (message, reply) => (message.act === "decide" ? decisionSaved(message, reply) : undoSaved(message, reply)),
  onRefused: (message, error) => (message.act === "decide" ? decisionRefused(message, error) : undoRefused(message, error)),
});

const shapeOf = (subject, draft) => draft.geometry ?? subject.adjusted ?? subject.geometry;
const current = () => store.state.current;

/** Claim until one item is on the screen and one waits behind it. */
async function fillUp() {
  const { state } = store;
  if (claiming || (state.current && state.ahead.length)) return;
  claiming = true;
  let given = null;
  try {
    given = await server.claim([...act.held(store.state), ...store.state.skipped.slice(-900), ...server.underWay()]);
  } catch (error) {
    if (!error.passing) notifyError(error);
  }
  claiming = false;
  if (given?.claim) {
    const wanted = !server.underWay().includes(given.claim.id);
    if (wanted) store.apply(act.claimed, given.claim);
    if (store.state.ahead[0]) view.warm(store.state.ahead[0].subject);
    fillUp();
    return;
  }
  if (given) store.apply(act.nothingLeft, given.counts);
  clearTimeout(againTimer);
  againTimer = setTimeout(fillUp, AGAIN_MS);
}

function showCurrent() {
  const claim = current();
  if (!claim) { view.clear(); return; }
  const draft = drafts.read(claim.id);
  comment.value = draft.comment ?? "";
  view.show(claim.subject, shapeOf(claim.subject, draft));
  drawSubject(claim, shapeOf(claim.subject, draft), draft);
  drawReasons(claim.subject, (reason) => answer("reject", reason));
  drawLease(claim);
  shownAt = performance.now();
  byId("announce").textContent = byId("question").textContent;
}

store.watch((state, before) => {
  if (state.current?.id !== before.current?.id) { leaveAdjust(); showCurrent(); }
  if (state.decided !== before.decided) save(decidedKey, state.decided.map(({ id, decision, version }) => ({ id, decision, version })));
  drawPhase(state, page.links, () => { store.apply(act.forgetSkipped); fillUp(); });
  drawTally(state);
});

async function confirmOld(subject) {
  if (!subject.older_than_edit) return true;
  asking = true;
  const yes = await confirmDialog({ title: "The image is older than the map here", text: `The object was edited on ${day(subject.footprint.edited_at)}; the image was taken on ${day(subject.imagery.captured_on)}. The map may be right and the image out of date.`, yes: "Accept anyway" });
  asking = false;
  return yes;
}

/** Answer the current candidate and go on; the server hears of it in the background. */
async function answer(decision, reason = "") {
  const claim = current();
  if (!claim || asking) return;
  if (claim.undoing) { notify("This one's undo is still being saved; answer it in a moment.", { kind: "warn" }); return; }
  if (adjusting && decision === "accept") adjusting.done();
  if (decision === "accept" && !(await confirmOld(claim.subject))) return;
  if (current()?.id !== claim.id) return;
  const draft = drafts.read(claim.id);
  const geometry = decision === "accept" ? draft.geometry : null;
  const body = {
    decision, comment: comment.value.trim(), seconds: Math.min(86400, Math.round((performance.now() - shownAt) / 100) / 10),
    reason: reason || (decision === "accept" ? (geometry ? "adjusted" : "as_proposed") : ""),
    ...(geometry ? { payload: { geometry } } : {}),
  };
  server.saveDecision(claim, body);
  store.apply(act.decidedNow, decision);
  fillUp();
}

function decisionSaved(message, reply) {
  drafts.drop(message.item);
  store.apply(act.versionKnown, message.item, reply.item.version);
  if (!current()) fillUp();
}

/** The server said no for good: say why in words; a shape it can't take comes back to the screen. */
async function decisionRefused(message, error) {
  store.apply(act.forgetDecision, message.item);
  notify(`Not saved: ${error.message}.`.replace("..", "."), { kind: "bad" });
  if (message.body.comment || message.body.payload) drafts.write(message.item, { comment: message.body.comment, geometry: message.body.payload?.geometry });
  if (error.status !== 400) return;
  try {
    store.apply(act.bringBack, await server.reclaim(message.item));
  } catch (again) {
    notifyError(again);
  }
}

/** Take the last decision back; its item is on the screen at once, and can be answered when the server gave its lease. */
function undoLast() {
  const last = store.state.decided.at(-1);
  if (!last || asking) return;
  const waiting = server.outbox.messages.some((message) => message.item === last.id);
  if (last.version === null && !waiting) return;
  server.saveUndo(last.id, last.version);
  const shown = { id: last.id, version: last.version, lease_token: 0, leaseEnds: 0, subject: last.subject, undoing: true };
  if (last.subject) store.apply(act.undoneLast, shown);
  else store.apply((state) => ({ ...state, decided: state.decided.slice(0, -1) }));
}

async function undoSaved(message, reply) {
  const onScreen = act.held(store.state).includes(message.item);
  if (onScreen) {
    store.apply(act.leaseChanged, message.item, { ...server.leaseOf(reply.item), undoing: false });
    return;
  }
  try {
    store.apply(act.bringBack, await server.reclaim(message.item));
  } catch (error) {
    notifyError(error);
  }
}

function undoRefused(message, error) {
  notify(`Not undone: ${error.message}.`.replace("..", "."), { kind: "bad" });
  store.apply(act.dropItem, message.item);
  fillUp();
}

function skip() {
  const claim = current();
  if (!claim || asking) return;
  if (!claim.undoing) server.releaseAll([claim]);
  store.apply(act.skippedNow);
  fillUp();
}

function leaveAdjust() {
  adjusting?.leave();
  adjusting = null;
  byId("adjust-bar").hidden = true;
  document.body.classList.remove("adjusting");
}

function redraw() {
  const claim = current();
  const draft = drafts.read(claim.id);
  view.draw(claim.subject, shapeOf(claim.subject, draft));
  drawSubject(claim, shapeOf(claim.subject, draft), draft);
}

function adjust() {
  const claim = current();
  if (!claim || adjusting || claim.subject.kind === "remove") return;
  const start = shapeOf(claim.subject, drafts.read(claim.id));
  view.clear();
  byId("adjust-bar").hidden = false;
  document.body.classList.add("adjusting");
  adjusting = enterAdjust(view.map, start, {
    onChange(mode) {
      byId("adjust-undo").disabled = !mode.canUndo;
      byId("adjust-redo").disabled = !mode.canRedo;
      byId("adjust-what").textContent = mode.corner === null ? "Arrows move the whole shape; N chooses a corner" : `Corner ${mode.corner + 1} of ${mode.corners}: arrows move it`;
    },
    onDone(geometry) {
      if (JSON.stringify(geometry) !== JSON.stringify(claim.subject.geometry)) drafts.write(claim.id, { geometry });
      leaveAdjust();
      redraw();
    },
    onCancel() { leaveAdjust(); redraw(); },
    onRefused: (text) => notify(text, { kind: "warn" }),
  });
}

comment.addEventListener("input", () => current() && drafts.write(current().id, { comment: comment.value.trim() }));
for (const button of document.querySelectorAll("[data-decision]")) button.addEventListener("click", () => answer(button.dataset.decision));
for (const [id, run] of [["adjust", adjust], ["skip", skip], ["undo", undoLast], ["adjust-done", () => adjusting.done()], ["adjust-cancel", () => adjusting.cancel()], ["adjust-undo", () => adjusting.undo()], ["adjust-redo", () => adjusting.redo()]]) byId(id).addEventListener("click", run);
byId("compare").append(view.compare.controls);
bindQueueKeys({ answer, undoLast, skip, adjust, view, comment, reasonAt: (index) => byId("reasons").children[index]?.click(), fit: () => current() && view.fit(shapeOf(current().subject, drafts.read(current().id))) });
keepLeases({ store, server, leaseSeconds: page.lease_seconds, onTick: () => drawLease(current()), onLost: (claim, error) => claimLost(claim, error) });

/** Somebody else has it, or decided it: the draft stays, the item goes. */
function claimLost(claim, error) {
  if (error.data?.free) return;
  if (claim.id === current()?.id) notify(`This candidate went away: ${error.message}.`.replace("..", "."), { kind: "warn", seconds: 10 });
  store.apply(act.dropItem, claim.id);
  fillUp();
}

window.addEventListener("pagehide", () => server.releaseAll([current(), ...store.state.ahead].filter((claim) => claim && !claim.undoing)));
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
byId("align").checked = view.aligned;
byId("align").addEventListener("change", (event) => view.align(event.target.checked));
drawOffset(page.offset);
drawPhase(store.state, page.links, () => {});
drawTally(store.state);
drawStatus(server.outbox.status);
server.outbox.start();
fillUp();
