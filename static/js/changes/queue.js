/** The queue page: one candidate at a time, every answer by one key, none ever lost. */
import { byId, onClick, pageData } from "mapwright/lib/dom.js";
import { notify } from "mapwright/lib/notices.js";
import { createLayers } from "mapwright/lib/layers.js";
import { fitControl } from "mapwright/lib/map.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { day, DECISIONS } from "mapwright/lib/format.js";
import { createAdjusting } from "mapwright/changes/adjusting.js";
import { draftOf, partsBuilding, payloadOf } from "mapwright/changes/answers.js";
import { createGroupMode } from "mapwright/changes/group.js";
import { createQueueFilters } from "mapwright/changes/queue-filters.js";
import { bindQueueKeys } from "mapwright/changes/queue-keys.js";
import { acceptOver, compareWithMap, mapSeen, onCompare } from "mapwright/changes/newer-map.js";
import { askServer } from "mapwright/changes/on-server.js";
import { askTags } from "mapwright/changes/tagging.js";
import { createQueueMap } from "mapwright/changes/queue-map.js";
import { drawMissing, drawOffset, drawReasons, drawSubject } from "mapwright/changes/queue-panel.js";
import { createEvidence } from "mapwright/landmarks/evidence.js";
import { createSimilar } from "mapwright/landmarks/similar.js";
import { createSimilarFirst } from "mapwright/landmarks/similar-first.js";
import { drawFlag, flagCurrent } from "mapwright/review/flag.js";
import { watchLeft } from "mapwright/review/left.js";
import { createLine } from "mapwright/review/line.js";

const page = pageData();
const person = pageData("person");
const view = createQueueMap(byId("map"), { onMissing: drawMissing });
const others = createLayers(view.map, { ...page, person });
const comment = byId("comment");
const shapeOf = (subject, draft) => draft.geometry ?? subject.adjusted ?? subject.geometry;
const similar = createSimilar();
const order = createSimilarFirst({ person, onChange: () => line.reorder() });
const filters = createQueueFilters({ region: page.region, person, onOrder: () => line.reorder() });
const evidence = createEvidence({ map: view.map, current: () => current()?.subject });

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
  wanted: filters.wanted,
  leave: leaveModes,
  busy,
  emptyActions: () => ({
    ...(filters.filtered ? { title: "Nothing open fits these filters" } : {}),
    done: "The next scan may bring new ones. Accepted changes wait on the page of edits.",
    links: [
      ...(filters.filtered ? [["Review without filters", filters.plainPath]] : []),
      ["To the edits", page.links.edits],
      ["Look at every change", page.links.changes],
    ],
  }),
  draftOf,
});
const { current, drafts } = line;
const free = () => !asking && !adjusting.on;
const groupMode = createGroupMode({ view, line, others, free, onLeave: () => current() && redraw() });
const adjusting = createAdjusting({ view, line, shapeOf, redraw });

function clear() {
  for (const part of [view, similar, order, evidence]) part.clear();
}

function showClaim(claim, draft) {
  others.begin();
  comment.value = draft.comment ?? "";
  view.show(claim.subject, shapeOf(claim.subject, draft));
  drawSubject(claim, shapeOf(claim.subject, draft), draft);
  askServer(claim.subject, () => current()?.id === claim.id);
  similar.show(claim.subject);
  order.show(claim);
  evidence.show(claim.subject);
  drawFlag(claim);
  drawReasons(claim.subject, (reason) => answer("reject", reason));
  const last = line.store.state.decided.at(-1);
  const before = last ? `${DECISIONS[last.decision] ?? last.decision}. ` : "";
  byId("announce").textContent = `${before}Next: ${byId("question").textContent}`;
}

/** Run what asks in a dialog: no key answers meanwhile. */
function asks(run) {
  asking = true;
  return (async () => run())().finally(() => (asking = false));
}

const confirmed = (question) => asks(() => confirmDialog(question));

const confirmOld = (subject) =>
  !subject.older_than_edit ||
  confirmed({
    title: "The image is older than the map here",
    text: `The object was edited on ${day(subject.footprint.edited_at)}; the image was taken on ${day(subject.imagery.captured_on)}. The map may be right and the image out of date.`,
    yes: "Accept anyway",
  });

const confirmNewer = (subject) => asks(() => acceptOver(subject));

/** The newest map beside the suggestion, where it says otherwise. */
const compareMaps = (against) => current() && !busy() && asks(() => compareWithMap(current().subject, against));

/** What is not on the screen can't be judged: only who says so answers all the same. */
const confirmUnseen = () =>
  !view.missing().length ||
  confirmed({
    title: `The ${view.missing().join(" and the ")} could not be loaded here`,
    text: "You would answer without having seen it. Load it again first, or wait for the connection: nothing is lost meanwhile.",
    yes: "Answer anyway",
  });

/** Whether something else comes first: a question that is open, a group, or a changed shape that only "accept" takes along. */
function busy() {
  if (groupMode.on) notify("Accept the group with Enter, or leave it with Esc, first.", { kind: "warn" });
  if (adjusting.changed()) notify("Keep the new shape with Enter, or leave it with Esc, first.", { kind: "warn" });
  return asking || groupMode.on || adjusting.changed();
}

/** Why a building can't be said to stand; "" where it can. */
function notStanding({ standing }) {
  if (!standing) return "Nothing to confirm here: the region does not ask for it, or the map has no such building.";
  return standing.why_not && `Not confirmed: ${standing.why_not}.`;
}

async function answer(decision, reason = "") {
  const claim = current();
  if (!line.ready() || (decision === "accept" && !groupMode.on ? asking : busy())) return;
  const whyNot = decision === "still_stands" && notStanding(claim.subject);
  if (whyNot) {
    notify(whyNot, { kind: "warn" });
    return;
  }
  if (["accept", "still_stands"].includes(decision) && others.putAway()) return;
  if (decision === "accept") adjusting.done();
  if (!(await confirmUnseen())) return;
  if (decision === "accept" && !((await confirmOld(claim.subject)) && (await confirmNewer(claim.subject)))) return;
  if (current()?.id !== claim.id) return;
  const draft = decision === "accept" ? drafts.read(claim.id) : {};
  const payload = decision === "accept" ? payloadOf(draft, { ...mapSeen(claim.subject), ...others.said() }) : {};
  line.answer({
    decision,
    comment: comment.value.trim(),
    reason: reason || (decision === "accept" ? (draft.geometry ? "adjusted" : "as_proposed") : ""),
    ...(Object.keys(payload).length ? { payload } : {}),
  });
}

function leaveModes() {
  groupMode.leave();
  adjusting.leave();
}

/** From the adjusted shape, if there is one, to the whole group. */
function group() {
  others.putAway();
  adjusting.done();
  if (partsBuilding(current() && drafts.read(current().id)))
    notify("A building that is cut, or made one with another, is answered by itself.", { kind: "warn" });
  else groupMode.enter();
}

function redraw() {
  const claim = current();
  const draft = drafts.read(claim.id);
  view.draw(claim.subject, shapeOf(claim.subject, draft));
  drawSubject(claim, shapeOf(claim.subject, draft), draft);
  askServer(claim.subject, () => current()?.id === claim.id);
}

/** Tags for the building on the screen; they leave with "accept". */
async function setTags() {
  const claim = current();
  if (!claim || byId("set-tags").hidden || busy()) return;
  const tags = await asks(() => askTags(claim.subject, drafts.read(claim.id).tags ?? {}, page.building_values));
  if (!tags || current()?.id !== claim.id) return;
  drafts.write(claim.id, { tags: Object.keys(tags).length ? tags : null });
  redraw();
}

onCompare(byId("subject"), compareMaps);

const adjust = () => groupMode.on || (others.putAway(), adjusting.enter());

/** Reject with a reason by its number; numbers that nobody has seen yet are shown first. */
function reasonAt(index) {
  const folded = byId("reasons").parentElement;
  if (folded.open) byId("reasons").children[index]?.click();
  else {
    folded.open = true;
    notify("A number rejects with its reason: press it again.");
  }
}

const undoLast = () => busy() || line.undoLast();
const back = () => busy() || line.back();
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
  ["set-tags", setTags],
  ["adjust-group", group],
])
  byId(id).addEventListener("click", onClick(run));
const fit = () => current() && view.fit(shapeOf(current().subject, drafts.read(current().id)));
fitControl(view.map, fit, "See the candidate");
byId("load-again").addEventListener("click", view.loadAgain);
byId("compare").append(view.compare.controls, others.controls);
byId("align").checked = view.aligned;
byId("align").addEventListener("change", (event) => view.align(event.target.checked));
drawOffset(page.offset);
bindQueueKeys({
  answer,
  undoLast,
  back,
  skip,
  flag,
  adjust,
  setTags,
  compareMaps: () => compareMaps(),
  group,
  view,
  comment,
  similar,
  order,
  filters,
  evidence,
  reasonAt,
  fit,
});
line.start(page.first);
if (page.first) {
  const rest = new URLSearchParams(location.search);
  rest.delete("change");
  history.replaceState(null, "", `${location.pathname}${rest.size ? `?${rest}` : ""}`);
}
watchLeft({ store: line.store, stage: "changes", region: page.region.id, count: filters.left });
