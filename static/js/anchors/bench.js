/** The review bench: one anchor at a time, checked against image and map, by one key where nothing is wrong. */
import { byId, onClick, pageData } from "mapwright/lib/dom.js";
import { humanise, percent, valueWords } from "mapwright/lib/format.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { notify } from "mapwright/lib/notices.js";
import {
  asDraft,
  begin,
  choose,
  contradiction,
  correction,
  differences,
  valueOf,
  write,
} from "mapwright/anchors/anchor-state.js";
import { createForm } from "mapwright/anchors/bench-form.js";
import { bindBenchKeys } from "mapwright/anchors/bench-keys.js";
import { drawAnswers } from "mapwright/anchors/settle.js";
import { createBatchProgress } from "mapwright/review/batch-progress.js";
import { drawFlag, flagCurrent } from "mapwright/review/flag.js";
import { createLine } from "mapwright/review/line.js";
import { createPairMap } from "mapwright/review/pair-map.js";
import { hidePlace, showPlace } from "mapwright/review/place.js";

const page = pageData();
const person = pageData("person");
const settles = page.stage === "anchor-adjudication";
const view = createPairMap({ key: "mapwright.compare.bench" });
const comment = byId("comment");
const summary = byId("summary");

let work = null;
let at = 0;
let rejecting = false;
const progress = createBatchProgress({
  path: page.batch && `/api/anchor-batches/${page.batch.id}/`,
  counts: settles ? "disagreements" : "progress",
});

const form = createForm(page.schema, {
  maxWords: page.max_words,
  reasons: page.reasons.reject,
  onSelect: select,
  onChoose: chooseValue,
  onReason: (reason) => say("reject", reason),
});
const line = createLine({
  page,
  person,
  stage: page.stage,
  batch: page.batch?.id ?? null,
  what: settles ? "disagreement" : "anchor",
  show: showClaim,
  clear() {
    hidePlace();
    view.clear();
  },
  warm: (subject) => view.warm(subject),
  leave: () => {
    rejecting = false;
  },
  emptyActions: () => ({
    done: settles
      ? "Where two answers differ again, it comes here."
      : page.may_report
        ? "The report says what came of it."
        : "",
    links: [
      [
        settles || !page.may_report ? "To the batches" : "To the report",
        settles || !page.may_report ? page.links.batches : page.links.report,
      ],
      ["Look at every batch", page.links.batches],
    ].slice(0, page.may_report && !settles ? 2 : 1),
  }),
  draftOf: (body) => ({ comment: body.comment, attributes: body.payload?.attributes, summary: body.payload?.summary }),
  onSaved: (message) => progress.saved(message.act),
});
const { current, drafts } = line;

function showClaim(claim, draft) {
  work = begin(claim.subject, draft);
  comment.value = draft.comment ?? "";
  draw(true);
  byId("bench-scroll").scrollTop = 0;
  drawFlag(claim);
  if (settles) drawAnswers(claim.subject, page.schema, settle);
  view.show(claim.subject);
  showPlace(claim.subject);
  byId("partly").hidden = claim.subject.valid_share > 0.99;
  byId("partly").textContent = `The image covers ${percent(claim.subject.valid_share)} of this tile.`;
  byId("announce").textContent = claim.subject.summary;
}

function proposedSummary() {
  if (!work) return;
  changed(write(work, work.proposedSummary));
  draw(true);
}

const draw = (fresh = false) => form.draw(work, { at, rejecting, fresh });

function changed(next) {
  work = next;
  if (current()) drafts.write(current().id, asDraft(work));
  draw();
}

function select(index) {
  at = index;
  rejecting = false;
  draw();
}

function chooseValue(index) {
  const given = form.choicesOf(at)[index];
  if (work && given) changed(choose(work, form.nameOf(at), given[0]));
}

/** Ask where two values can't both hold. */
async function holdsTogether() {
  const pair = contradiction(work);
  if (!pair) return true;
  const words = pair.map((name) => `${humanise(name).toLowerCase()} is ${valueWords(valueOf(work, name))}`);
  return confirmDialog({ title: "Do these hold together?", text: `${words.join(", but ")}.`, yes: "Save it so" });
}

/** Accept what is unchanged, save what is changed. */
async function take() {
  if (!line.ready()) return;
  if (!differences(work)) {
    say("accept");
    return;
  }
  if (!form.fits(work.summary)) {
    notify(`The summary needs between 1 and ${page.max_words} words.`, { kind: "warn" });
    summary.focus();
    return;
  }
  const asked = work;
  if ((await holdsTogether()) && work === asked) say("correct", "", correction(work));
}

function say(decision, reason = "", payload = null) {
  line.answer({ decision, reason, comment: comment.value.trim(), ...(payload ? { payload } : {}) });
}

/** Take one of the two answers as it is. */
function settle(index) {
  const given = current()?.subject.answers[index];
  if (!given) return;
  if (given.decision === "correct") say("correct", "", { attributes: given.attributes, summary: given.summary });
  else say(given.decision, given.reason);
}

function startReject() {
  if (!current()) return;
  rejecting = true;
  draw();
  byId("choices").querySelector("button")?.scrollIntoView({ block: "nearest" });
}

const flag = () => flagCurrent(line, { stage: page.stage, region: page.region.id, person: person.id });

const bench = {
  take,
  say,
  settle,
  startReject,
  flag,
  get rejecting() {
    return rejecting;
  },
  stopReject() {
    rejecting = false;
    draw();
  },
  reason: (index) => page.reasons.reject[index] && say("reject", page.reasons.reject[index]),
  choose: chooseValue,
  step: (by) => work && select((at + by + form.rows) % form.rows),
  reset: () => work && changed(choose(work, form.nameOf(at), work.proposed[form.nameOf(at)])),
  editSummary: () => summary.focus(),
  editComment: () => comment.focus(),
  fit: () => current() && view.fit(current().subject),
};

summary.addEventListener("input", () => work && changed(write(work, summary.value)));
comment.addEventListener("input", () => current() && drafts.write(current().id, { comment: comment.value.trim() }));
for (const [id, run] of [
  ["accept", take],
  ["reject", startReject],
  ["flag", flag],
  ["as-proposed", proposedSummary],
])
  byId(id).addEventListener("click", onClick(run));
for (const button of document.querySelectorAll("[data-decision]"))
  button.addEventListener(
    "click",
    onClick(() => say(button.dataset.decision)),
  );
byId("compare").append(view.compare.controls);
bindBenchKeys({ bench, view, line, settles });

if (page.batch) {
  progress.load();
  line.start();
}
