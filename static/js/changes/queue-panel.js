/** The panel beside the queue's map: what is asked, what is known, what may be answered. */
import { byId, el, facts, fill } from "mapwright/lib/dom.js";
import { day, DECISIONS, humanise, KINDS, plural, sureness, percent } from "mapwright/lib/format.js";
import { arrow, offsetSentence } from "mapwright/lib/offset.js";
import { ACCEPT, detailRows, evidenceRows, REASONS } from "mapwright/changes/words.js";
import { areaM2 } from "mapwright/changes/shapes.js";

const TAGS_SHOWN = 6;

function tagList(tags) {
  const entries = Object.entries(tags);
  if (!entries.length) return el("span", { class: "muted", text: "none" });
  const list = el("span", { class: "tags" }, ...entries.slice(0, TAGS_SHOWN).map(([key, value]) => el("code", { text: `${key}=${value}` })));
  if (entries.length > TAGS_SHOWN) list.append(el("span", { class: "muted", text: `and ${entries.length - TAGS_SHOWN} more` }));
  return list;
}

function objectRows(footprint) {
  if (!footprint) return [];
  const version = footprint.version ? `v${footprint.version}` : "version unknown";
  return [["In the map", `${footprint.key ?? "no OSM id"}, ${version}`], ["Tags", tagList(footprint.tags)]];
}

/** What a decision rarely needs, folded away; it stays as it was left when the next candidate comes. */
function details(subject) {
  const open = document.getElementById("more-about")?.open ?? false;
  const rows = [...objectRows(subject.footprint), ["Map of", day(subject.snapshot.taken_at)], ...detailRows(subject)];
  return el("details", { class: "why", id: "more-about", open }, el("summary", { text: "More about it" }), facts(rows), subject.anchor ? el("p", { class: "anchor-sentence", text: subject.anchor }) : null);
}

/** The question and its evidence. `geometry` is the shape as it stands, adjusted or not. */
export function drawSubject(claim, geometry, draft) {
  const { subject } = claim;
  const kind = KINDS[subject.kind];
  const old = subject.older_than_edit && el("p", { class: "note note-warn", id: "older-badge" }, el("strong", { text: "The image is older than the map here. " }), `The object was edited on ${day(subject.footprint.edited_at)}, the image was taken on ${day(subject.imagery.captured_on)}.`);
  fill(
    byId("subject"),
    el("div", { class: "question" }, el("span", { class: `kind kind-${subject.kind}`, "aria-hidden": "true", text: kind.mark }), el("h1", { id: "question", text: kind.question })),
    el("p", { class: "sure" }, el("strong", { text: `The machine is ${sureness(subject.confidence)}` }), ` (${percent(subject.confidence)})`),
    old || null,
    draft.geometry ? el("p", { class: "note", text: `Your adjusted shape: ${Math.round(areaM2(geometry))} m².` }) : null,
    facts([...evidenceRows(subject), ["Image taken", el("strong", { text: day(subject.imagery.captured_on) })], ["Object last edited", subject.footprint ? day(subject.footprint.edited_at, "unknown") : null]]),
    details(subject),
  );
  byId("accept-label").textContent = ACCEPT[subject.kind];
  byId("adjust").disabled = subject.kind === "remove";
}

/** Reasons to reject with, one number key each. */
export function drawReasons(subject, onReason) {
  fill(byId("reasons"), ...REASONS[subject.kind].map((reason, index) => el("button", { type: "button", class: "button button-small", on: { click: () => onReason(reason) } }, el("kbd", { text: String(index + 1) }), el("span", { text: humanise(reason) }))));
}

/** The region's offset of image and map, said once for all candidates. */
export function drawOffset(offset) {
  byId("offset-row").hidden = !offset;
  if (offset) fill(byId("offset-note"), el("strong", { "aria-hidden": "true", text: `${arrow(offset.east_m, offset.north_m)} ` }), offsetSentence(offset));
}

const STATUS = {
  saved: () => ["✓", "Saved", "good"],
  saving: (waiting) => ["◐", waiting > 1 ? `Saving ${waiting}` : "Saving", "busy"],
  offline: (waiting) => ["!", `Offline: ${waiting} waiting`, "warn"],
  "signed-out": (waiting) => ["!", `Signed out: ${waiting} waiting`, "bad"],
};

export function drawStatus({ state, waiting }) {
  const [mark, text, kind] = STATUS[state](waiting);
  const node = byId("saved-state");
  node.className = `saved-state saved-${kind}`;
  node.dataset.state = state;
  fill(node, el("span", { "aria-hidden": "true", text: mark }), ` ${text}`);
  byId("sign-in-again").hidden = state !== "signed-out";
}

export function drawLease(claim) {
  const node = byId("lease");
  if (!claim?.leaseEnds) { node.textContent = ""; return; }
  const left = Math.max(0, Math.round((claim.leaseEnds - Date.now()) / 1000));
  node.textContent = left ? `Yours for ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "Your hold has ended";
  node.classList.toggle("lease-short", left < 30);
  node.title = left ? "Nobody else gets this candidate in the meantime; working here renews it" : "Any answer takes it again, if nobody else has it";
}

export function drawTally(state) {
  const last = state.decided.at(-1);
  byId("tally").textContent = state.session ? `${plural(state.session, "decision")} so far` : "";
  byId("undo").disabled = !last;
  byId("undo-what").textContent = last ? `Undo: ${DECISIONS[last.decision] ?? humanise(last.decision)}` : "Undo";
}

const texts = {
  loading: () => ["Fetching the next candidate", "", null],
  waiting: ({ counts }) => ["Others have the rest just now", `${plural(counts.leased, "candidate is", "candidates are")} on other people's screens. This page looks again every few seconds; nothing to do.`, null],
  empty: ({ skipped, counts }) => {
    if (skipped.length) return [`You skipped ${plural(skipped.length, "candidate")}`, "Everything else has an answer.", "again"];
    return counts.open ? ["Saving the last answers", "", null] : ["Every candidate has an answer", "The next scan may bring new ones. Accepted changes wait on the page of edits.", null];
  },
};

/** What is shown instead of a candidate. */
export function drawPhase(state, links, onAgain) {
  const reviewing = state.phase === "reviewing";
  byId("review").hidden = !reviewing;
  byId("no-item").hidden = reviewing;
  document.body.dataset.phase = state.phase;
  if (reviewing) return;
  const [title, text, action] = texts[state.phase](state);
  const done = state.phase === "empty" && !action;
  fill(
    byId("no-item"),
    el("h2", { text: title }),
    text ? el("p", { text }) : null,
    action ? el("button", { type: "button", class: "button button-main", text: "Go through them again", on: { click: onAgain } }) : null,
    done ? el("p", {}, el("a", { class: "button button-main", href: links.edits, text: "To the edits" })) : null,
    done ? el("p", {}, el("a", { href: links.changes, text: "Look at every change" })) : null,
  );
}
