/** The control-point editor: one tile at a time, its proposal taken, corrected or refused. */
import { api } from "mapwright/lib/api.js";
import { afterMouse, byId, el, fill, onClick, pageData } from "mapwright/lib/dom.js";
import { humanise } from "mapwright/lib/format.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { drawAnswers } from "mapwright/correspondences/answers-given.js";
import { createDesk } from "mapwright/control-points/desk.js";
import { bindEditorKeys } from "mapwright/correspondences/editor-keys.js";
import { createPanel } from "mapwright/control-points/panel.js";
import { createPointFiles } from "mapwright/correspondences/point-files.js";
import { createStage } from "mapwright/correspondences/stage.js";
import { evidenceWords } from "mapwright/correspondences/words.js";
import { createBatchProgress } from "mapwright/review/batch-progress.js";
import { drawFlag, flagCurrent } from "mapwright/review/flag.js";
import { createLine } from "mapwright/review/line.js";
import { hidePlace, showPlace } from "mapwright/review/place.js";

const page = pageData();
const person = pageData("person");
const settles = page.stage === "correspondence-adjudication";
const comment = byId("comment");
const stage = createStage();
const { view } = stage;
const ASKED = { reject: "Why is it wrong?", cant_tell: "Why can't you tell?" };
const shortened = new WeakMap(); // payload -> the draft of it
let asking = ""; // the decision whose reason is asked for

const panel = createPanel({
  select: (number) => desk.select(number),
  toggle: (number) => desk.toggle(number),
  swapRole: (number) => desk.swapRole(number),
  remove: (number) => desk.remove(number),
  choose: (kind) => desk.chooseModel(kind),
  nudge: (by) => desk.nudge(by),
});
const desk = createDesk({
  stage,
  limits: page.limits,
  send: ({ id }, payload) => api.post(`/api/correspondences/${id}/refit/`, payload),
  farWords: "That is too far from the tile: set both ends on it, or on a neighbour of it.",
  onDraw(state) {
    panel.draw(state);
    byId("accept-label").textContent = state.changed ? "Save corrected" : "Accept as it is";
    files.changed(state.changed);
  },
  onKeep: (payload) => current() && drafts.write(current().id, { work: payload }),
  onAdding: drawAdding,
  onSelect: (number) => panel.reveal(number),
});
const progress = createBatchProgress({
  path: page.batch && `/api/correspondence-batches/${page.batch.id}/`,
  counts: settles ? "disagreements" : "progress",
});
const toBatches = settles || !page.may_report;
const line = createLine({
  page,
  person,
  stage: page.stage,
  batch: page.batch?.id ?? null,
  what: settles ? "disagreement" : "tile",
  show: showClaim,
  clear() {
    desk.close();
    hidePlace();
    stage.clear();
  },
  warm: (subject) => stage.warm(subject),
  leave() {
    ask("");
    desk.close();
  },
  emptyActions: () => ({
    done: settles
      ? "Where two answers differ again, it comes here."
      : toBatches
        ? ""
        : "The report says what came of it.",
    links: [toBatches ? ["To the batches", page.links.batches] : ["To the report", page.links.report]],
  }),
  draftOf: (body) => ({ comment: body.comment, work: shortened.get(body.payload) ?? body.payload }),
  onSaved: (message) => progress.saved(message.act),
});
const { current, drafts } = line;
const files = createPointFiles({ now: () => current()?.subject ?? null, take: (payload) => desk.take(payload) });

function showClaim(claim, draft) {
  const { subject } = claim;
  comment.value = draft.comment ?? "";
  byId("editor-scroll").scrollTop = 0;
  drawFlag(claim);
  stage.show(subject, notifyError);
  panel.begin(evidenceWords(subject), !subject.transform);
  desk.open(subject, draft.work ?? null);
  files.offer(subject);
  byId("of-scan").hidden = !subject.of_scan;
  byId("of-scan").textContent = subject.of_scan ? `The map is a scan: ${subject.snapshot.name}.` : "";
  if (settles) drawAnswers(subject, page.agree_m, { onTake: settle, onStart: startFrom });
  byId("announce").textContent = `${showPlace(subject)}. ${byId("evidence").textContent}`;
}

function say(decision, reason = "", payload = null) {
  line.answer({ decision, reason, comment: comment.value.trim(), ...(payload ? { payload } : {}) });
}

/** Accept what is unchanged, save what is corrected. */
function take() {
  if (!line.ready() || unfinished()) return;
  if (desk.changed) {
    if (desk.refusal) notify(desk.refusal, { kind: "warn" });
    else saveCorrected();
  } else if (current().subject.transform) say("accept");
  else notify("There is no match to accept: set points by hand, or reject it.", { kind: "warn" });
}

function saveCorrected() {
  const { payload, draft } = desk;
  shortened.set(payload, draft);
  say("adjust", "", payload);
}

/** A pair of which one end is set is no answer yet. */
function unfinished() {
  if (!desk.adding.half) return false;
  notify("Set the other end of the new pair, or leave it with Esc, first.", { kind: "warn" });
  return true;
}

/** Take one of the two answers as it is. */
function settle(index) {
  const given = current()?.subject.answers[index];
  if (!given) return;
  say(given.decision, given.reason, given.decision === "adjust" ? payloadOf(given) : null);
}

const payloadOf = ({ transform, points }) => ({
  transform: transform.kind,
  points: points.map(({ number, map_xy, image_xy, role, enabled }) => ({ number, map_xy, image_xy, role, enabled })),
});

const startFrom = (index) => current() && desk.take(payloadOf(current().subject.answers[index]));

/** Ask for the reason of a decision; none: ask no more. */
function ask(decision) {
  asking = decision && current() ? decision : "";
  byId("reasons").hidden = !asking;
  if (!asking) return;
  byId("reasons-title").textContent = ASKED[asking];
  fill(
    byId("reason-list"),
    ...page.reasons[asking].map((reason, index) =>
      el(
        "button",
        { type: "button", class: "button button-small", on: { click: onClick(() => giveReason(index)) } },
        humanise(reason),
        el("kbd", { text: String(index + 1) }),
      ),
    ),
  );
  byId("reasons").scrollIntoView({ block: "nearest" });
}

function giveReason(index) {
  const reason = page.reasons[asking]?.[index];
  if (reason) say(asking, reason);
}

function drawAdding(on, words) {
  byId("add-pair").setAttribute("aria-pressed", String(on));
  byId("adding").hidden = !on;
  byId("adding").textContent = words;
  document.body.classList.toggle("adding", on);
}

function add() {
  if (!current()) return;
  if (desk.adding.on) desk.adding.stop();
  else {
    if (view.compare.mode !== "side") view.compare.setMode("side");
    desk.adding.start();
  }
}

const snapBoxes = { map: byId("snap-map"), image: byId("snap-image") };

function setSnap(side, on) {
  stage.setSnap(side, on);
  snapBoxes[side].checked = on;
}

const flag = () => flagCurrent(line, { stage: page.stage, region: page.region.id, person: person.id });
const editor = {
  take,
  ask,
  settle,
  giveReason,
  add,
  flag,
  get asking() {
    return asking;
  },
  toggleSnap: (side) => setSnap(side, !stage.snaps[side]),
  bare: (on) => stage.bare(on),
  editComment: () => comment.focus(),
  fit: () => current() && view.fit(current().subject),
};

for (const [side, box] of Object.entries(snapBoxes)) {
  box.checked = stage.snaps[side];
  box.addEventListener("change", () => setSnap(side, box.checked));
}
comment.addEventListener("input", () => current() && drafts.write(current().id, { comment: comment.value.trim() }));
byId("exaggeration").addEventListener("input", ({ target }) => {
  byId("exaggeration-words").textContent = `× ${target.value}`;
  desk.exaggerate(Number(target.value));
});
for (const [id, run] of Object.entries({
  accept: take,
  reject: () => ask("reject"),
  "cant-tell": () => ask("cant_tell"),
  flag,
  back: line.back,
}))
  byId(id).addEventListener("click", onClick(run));
for (const [id, run] of Object.entries({
  "add-pair": add,
  "step-undo": desk.undo,
  "step-redo": desk.redo,
  "other-side": desk.otherSide,
  "show-all": desk.showAll,
}))
  byId(id).addEventListener("click", afterMouse(run));
byId("compare").append(view.compare.controls);
bindEditorKeys({ editor, desk, view, line, settles });
progress.load();
line.start();
