/** The panel beside the queue's map: what is asked, what is known, what may be answered. */
import { byId, el, facts, fill, pageData } from "mapwright/lib/dom.js";
import { day, KINDS, sureness, percent } from "mapwright/lib/format.js";
import { arrow, offsetSentence } from "mapwright/lib/offset.js";
import { load, save } from "mapwright/lib/storage.js";
import { tagWords } from "mapwright/lib/tag-words.js";
import {
  ACCEPT,
  areas,
  detailRows,
  evidenceRows,
  isPart,
  modelWords,
  PART_QUESTION,
  reasonsOf,
  reasonWords,
} from "mapwright/changes/words.js";
import { exits } from "mapwright/changes/exits.js";
import { serverNode } from "mapwright/changes/on-server.js";
import { areaM2 } from "mapwright/changes/shapes.js";

const MORE = "mapwright.more-about";
const TAGS_SHOWN = 6;
/** A reshaped building that keeps less of its area, or gains as much, is told apart. */
const LEAST_SHARE = 0.67;

function tagList(tags) {
  const entries = Object.entries(tags);
  if (!entries.length) return el("span", { class: "muted", text: "none" });
  const list = el("span", { class: "tags" }, ...entries.slice(0, TAGS_SHOWN).map(tagWords));
  if (entries.length > TAGS_SHOWN)
    list.append(el("span", { class: "muted", text: `and ${entries.length - TAGS_SHOWN} more` }));
  return list;
}

function objectRows(footprint) {
  if (!footprint) return [];
  const version = footprint.version ? `v${footprint.version}` : "version unknown";
  return [
    ["In the map", `${footprint.key ?? "no OSM id"}, ${version}`],
    ["Tags", tagList(footprint.tags)],
  ];
}

/** What a decision rarely needs, folded away; it stays as it was left, for the next candidate and after a reload. */
function details(subject) {
  const open = document.getElementById("more-about")?.open ?? load(MORE, false);
  const rows = [...objectRows(subject.footprint), ["Map of", day(subject.snapshot.taken_at)], ...detailRows(subject)];
  return el(
    "details",
    { class: "why", id: "more-about", open, on: { toggle: (event) => save(MORE, event.target.open) } },
    el("summary", { text: "More about it" }),
    facts(rows),
    exits(subject, `/regions/${pageData().region.id}/changes/${subject.id}/`),
    subject.anchor ? el("p", { class: "anchor-sentence", text: subject.anchor }) : null,
  );
}

/** The question and its evidence. `geometry` is the shape as it stands, adjusted or not. */
export function drawSubject(claim, geometry, draft) {
  const { subject } = claim;
  fill(byId("subject"), ...subjectNodes(claim, geometry, draft));
  byId("accept-label").textContent = ACCEPT[subject.kind];
  byId("accept").classList.toggle("button-main", !subject.model?.trial && subject.confidence >= 0.5);
  byId("adjust").disabled = subject.kind === "remove";
  byId("set-tags").hidden = !pageData("person").editor || subject.kind === "remove";
  drawStanding(subject);
}

/** The answer that the building stands, where the region asks for it: the day it would say, or why it can't. */
function drawStanding({ standing }) {
  const button = byId("stands");
  button.hidden = !standing;
  if (!standing) return;
  button.disabled = Boolean(standing.why_not);
  button.title = standing.why_not || `Its check_date becomes ${standing.on}; nothing else of it changes`;
}

/** What becomes two, or one; "" where nothing does. */
function partingWords(geometry) {
  const { cut, merge, merged } = geometry ?? {};
  if (cut) return "Cut in two: the larger part keeps the building's id, address and name, the other is new.";
  const other = merge ?? merged;
  return other ? `One building with ${other}: the larger keeps its id, unless the other has an address or a name.` : "";
}

/** The question and its evidence, as nodes. */
export function subjectNodes({ subject }, geometry, draft) {
  const kind = KINDS[subject.kind];
  const newer =
    subject.newest_map &&
    el(
      "p",
      { class: "note note-warn", id: "newest-map" },
      el("strong", {
        text: subject.newest_map.state === "gone" ? "A newer map lacks it. " : "A newer map has it edited. ",
      }),
      `The map of ${day(subject.newest_map.taken_at)} is newer than the one that was scanned. `,
      el(
        "button",
        { type: "button", class: "button button-small", id: "compare-maps", "data-against": "map" },
        "Compare ",
        el("kbd", { text: "9" }),
      ),
    );
  const old =
    subject.older_than_edit &&
    el(
      "p",
      { class: "note note-warn", id: "older-badge" },
      el("strong", { text: "The image is older than the map here. " }),
      `The object was edited on ${day(subject.footprint.edited_at)}, the image was taken on ${day(subject.imagery.captured_on)}.`,
    );
  return [
    el(
      "div",
      { class: "question" },
      el("span", { class: `kind kind-${subject.kind}`, "aria-hidden": "true", text: kind.mark }),
      el("h1", { id: "question", text: isPart(subject) ? PART_QUESTION : kind.question }),
    ),
    el(
      "p",
      { class: "sure" },
      el("strong", { text: `The machine ${sureness(subject.confidence, subject.model)}` }),
      ` (${percent(subject.confidence)})`,
      el("span", { class: "muted small", id: "model-behind", text: ` ${modelWords(subject.model)}` }),
    ),
    subject.second
      ? el(
          "p",
          { class: "note", id: "second-look" },
          el("strong", { text: "A second look. " }),
          "Somebody accepted this removal. It leaves only if somebody else does too.",
        )
      : null,
    old || null,
    newer || null,
    serverNode(),
    resized(subject, geometry),
    draft.geometry
      ? el("p", { class: "note", text: `${draft.whose ?? "Your"} adjusted shape: ${Math.round(areaM2(geometry))} m².` })
      : null,
    partingWords(draft.geometry) ? el("p", { class: "note", id: "parted", text: partingWords(draft.geometry) }) : null,
    draft.tags
      ? el("p", { class: "note", id: "tags-set" }, `${draft.whose ?? "Your"} tags: `, tagList(draft.tags))
      : null,
    facts([
      ...evidenceRows(subject, geometry),
      ["Image taken", el("strong", { text: day(subject.imagery.captured_on) })],
      ["Object last edited", subject.footprint ? day(subject.footprint.edited_at, "unknown") : null],
    ]),
    details(subject),
  ];
}

/** A building that the change makes much smaller or larger is worth a second look. */
function resized(subject, geometry) {
  const [before, after] = areas(subject, geometry);
  if (!before || !after || (after / before > LEAST_SHARE && after / before < 1 / LEAST_SHARE)) return null;
  const text = `It would be ${percent(after / before)} of its size on the map: ${Math.round(before)} m² → ${Math.round(after)} m².`;
  return el("p", { class: "note note-warn", id: "resized" }, el("strong", { text: "Look twice. " }), text);
}

/** Reasons to reject with, one number key each. */
export function drawReasons(subject, onReason) {
  fill(
    byId("reasons"),
    ...reasonsOf(subject).map((reason, index) =>
      el(
        "button",
        { type: "button", class: "button button-small", on: { click: () => onReason(reason) } },
        el("kbd", { text: String(index + 1) }),
        el("span", { text: reasonWords(subject.kind, reason) }),
      ),
    ),
  );
}

/** Which of image and map could not be loaded at the candidate. */
export function drawMissing(names) {
  const node = byId("not-loaded");
  node.hidden = !names.length;
  node.firstElementChild.textContent = `The ${names.join(" and the ")} could not be loaded here${names.includes("map") ? ": what you see is no empty map" : ""}.`;
}

/** The region's offset of image and map, said once for all candidates. */
export function drawOffset(offset) {
  byId("offset-row").hidden = !offset;
  if (offset)
    fill(
      byId("offset-note"),
      el("strong", { "aria-hidden": "true", text: `${arrow(offset.east_m, offset.north_m)} ` }),
      offsetSentence(offset),
    );
}
