/** The queue page: one candidate at a time, every answer by one key, none ever lost. */
import { afterMouse, byId, onClick, pageData } from "mapwright/lib/dom.js";
import { notify } from "mapwright/lib/notices.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { day, DECISIONS } from "mapwright/lib/format.js";
import { enterAdjust } from "mapwright/changes/adjust.js";
import { createGroupMode } from "mapwright/changes/group.js";
import { bindQueueKeys } from "mapwright/changes/queue-keys.js";
import { createQueueMap } from "mapwright/changes/queue-map.js";
import { drawOffset, drawReasons, drawSubject } from "mapwright/changes/queue-panel.js";
import { createEvidence } from "mapwright/landmarks/evidence.js";
import { createSimilar } from "mapwright/landmarks/similar.js";
import { createSimilarFirst } from "mapwright/landmarks/similar-first.js";
import { drawFlag, flagCurrent } from "mapwright/review/flag.js";
import { watchLeft } from "mapwright/review/left.js";
import { createLine } from "mapwright/review/line.js";

const page = pageData();
const person = pageData("person");
const view = createQueueMap(byId("map"));
const comment = byId("comment");
const similar = createSimilar();
const order = createSimilarFirst({ person, onChange: () => line.reorder() });
const evidence = createEvidence({ map: view.map, current: () => current()?.subject });

let adjusting = null;
let asking = false;

const line = createLine({
  page,
  person,
  stage: "changes",
  what: "candidate",
  show: showClaim,
  clear,
  warm: (subject) => view.warm(subject),
  first: order.first,
  leave: leaveModes,
  busy,
  emptyActions: () => ({
    done: "The next scan may bring new ones. Accepted changes wait on the page of edits.",
    links: [
      ["To the edits", page.links.edits],
      ["Look at every change", page.links.changes],
    ],
  }),
  draftOf: (body) => ({ comment: body.comment, geometry: body.payload?.geometry }),
});
const { current, drafts } = line;
const groupMode = createGroupMode({ view, line, onLeave: () => current() && redraw() });

const shapeOf = (subject, draft) => draft.geometry ?? subject.adjusted ?? subject.geometry;

function clear() {
  for (const part of [view, similar, order, evidence]) part.clear();
}

function showClaim(claim, draft) {
  comment.value = draft.comment ?? "";
  view.show(claim.subject, shapeOf(claim.subject, draft));
  drawSubject(claim, shapeOf(claim.subject, draft), draft);
  similar.show(claim.subject);
  order.show(claim);
  evidence.show(claim.subject);
  drawFlag(claim);
  drawReasons(claim.subject, (reason) => answer("reject", reason));
  const last = line.store.state.decided.at(-1);
  const before = last ? `${DECISIONS[last.decision] ?? last.decision}. ` : "";
  byId("announce").textContent = `${before}Next: ${byId("question").textContent}`;
}

async function confirmOld(subject) {
  if (!subject.older_than_edit) return true;
  asking = true;
  const yes = await confirmDialog({
    title: "The image is older than the map here",
    text: `The object was edited on ${day(subject.footprint.edited_at)}; the image was taken on ${day(subject.imagery.captured_on)}. The map may be right and the image out of date.`,
    yes: "Accept anyway",
  });
  asking = false;
  return yes;
}

/** Whether something else comes first: a question that is open, a group, or a changed shape that only "accept" takes along. */
function busy() {
  if (groupMode.on) notify("Accept the group with Enter, or leave it with Esc, first.", { kind: "warn" });
  if (adjusting?.changed()) notify("Keep the new shape with Enter, or leave it with Esc, first.", { kind: "warn" });
  return asking || groupMode.on || Boolean(adjusting?.changed());
}

async function answer(decision, reason = "") {
  const claim = current();
  if (!line.ready() || (decision === "accept" && !groupMode.on ? asking : busy())) return;
  if (adjusting && decision === "accept") adjusting.done();
  if (decision === "accept" && !(await confirmOld(claim.subject))) return;
  if (current()?.id !== claim.id) return;
  const geometry = decision === "accept" ? drafts.read(claim.id).geometry : null;
  line.answer({
    decision,
    comment: comment.value.trim(),
    reason: reason || (decision === "accept" ? (geometry ? "adjusted" : "as_proposed") : ""),
    ...(geometry ? { payload: { geometry } } : {}),
  });
}

function leaveAdjust() {
  adjusting?.leave();
  adjusting = null;
  byId("adjust-bar").hidden = true;
  document.body.classList.remove("adjusting");
}

function leaveModes() {
  groupMode.leave();
  leaveAdjust();
}

/** From the adjusted shape, if there is one, to the whole group. */
function group() {
  adjusting?.done();
  groupMode.enter();
}

function redraw() {
  const claim = current();
  const draft = drafts.read(claim.id);
  view.draw(claim.subject, shapeOf(claim.subject, draft));
  drawSubject(claim, shapeOf(claim.subject, draft), draft);
}

function adjust() {
  const claim = current();
  if (!claim || adjusting || groupMode.on || claim.subject.kind === "remove") return;
  const before = drafts.read(claim.id).geometry;
  const start = shapeOf(claim.subject, { geometry: before });
  const keep = (geometry) => drafts.write(claim.id, { geometry });
  view.clear();
  byId("adjust-bar").hidden = false;
  document.body.classList.add("adjusting");
  adjusting = enterAdjust(view.map, start, claim.subject.geometry, {
    onChange(mode) {
      if (mode.canUndo || mode.canRedo) keep(mode.geometry); // a reload loses nothing
      byId("adjust-undo").disabled = !mode.canUndo;
      byId("adjust-redo").disabled = !mode.canRedo;
      byId("adjust-what").textContent =
        mode.corner === null
          ? "Arrows move the whole shape; N chooses a corner"
          : `Corner ${mode.corner + 1} of ${mode.corners}: arrows move it`;
    },
    onDone(geometry) {
      keep(JSON.stringify(geometry) === JSON.stringify(shapeOf(claim.subject, {})) ? null : geometry);
      leaveAdjust();
      redraw();
    },
    onCancel() {
      keep(before);
      leaveAdjust();
      redraw();
    },
    onRefused: (text) => notify(text, { kind: "warn" }),
  });
}

const undoLast = () => busy() || line.undoLast();
const skip = () => busy() || line.skip();
const flag = () => busy() || flagCurrent(line, { stage: "changes", region: page.region.id, person: person.id });

comment.addEventListener("input", () => current() && drafts.write(current().id, { comment: comment.value.trim() }));
for (const button of document.querySelectorAll("[data-decision]"))
  button.addEventListener(
    "click",
    onClick(() => answer(button.dataset.decision)),
  );
for (const [id, run] of [
  ["flag", flag],
  ["adjust", adjust],
  ["adjust-group", group],
])
  byId(id).addEventListener("click", onClick(run));
for (const step of ["done", "cancel", "undo", "redo", "reset"])
  byId(`adjust-${step}`).addEventListener(
    "click",
    afterMouse(() => adjusting[step]()),
  );
byId("compare").append(view.compare.controls);
byId("align").checked = view.aligned;
byId("align").addEventListener("change", (event) => view.align(event.target.checked));
drawOffset(page.offset);
bindQueueKeys({
  answer,
  undoLast,
  skip,
  flag,
  adjust,
  group,
  view,
  comment,
  similar,
  order,
  evidence,
  reasonAt: (index) => byId("reasons").children[index]?.click(),
  fit: () => current() && view.fit(shapeOf(current().subject, drafts.read(current().id))),
});
line.start();
watchLeft({ store: line.store, stage: "changes", region: page.region.id });
