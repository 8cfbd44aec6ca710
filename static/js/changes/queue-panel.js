/** The panel beside the queue's map: what is asked, what is known, what may be answered. */
import { byId, el, facts, fill } from "mapwright/lib/dom.js";
import { day, humanise, KINDS, sureness, percent } from "mapwright/lib/format.js";
import { arrow, offsetSentence } from "mapwright/lib/offset.js";
import { ACCEPT, detailRows, evidenceRows, isPart, PART_QUESTION, reasonsOf } from "mapwright/changes/words.js";
import { areaM2 } from "mapwright/changes/shapes.js";

const TAGS_SHOWN = 6;

function tagList(tags) {
  const entries = Object.entries(tags);
  if (!entries.length) return el("span", { class: "muted", text: "none" });
  const list = el(
    "span",
    { class: "tags" },
    ...entries.slice(0, TAGS_SHOWN).map(([key, value]) => el("code", { text: `${key}=${value}` })),
  );
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

/** What a decision rarely needs, folded away; it stays as it was left when the next candidate comes. */
function details(subject) {
  const open = document.getElementById("more-about")?.open ?? false;
  const rows = [...objectRows(subject.footprint), ["Map of", day(subject.snapshot.taken_at)], ...detailRows(subject)];
  return el(
    "details",
    { class: "why", id: "more-about", open },
    el("summary", { text: "More about it" }),
    facts(rows),
    subject.anchor ? el("p", { class: "anchor-sentence", text: subject.anchor }) : null,
  );
}

/** The question and its evidence. `geometry` is the shape as it stands, adjusted or not. */
export function drawSubject(claim, geometry, draft) {
  const { subject } = claim;
  const kind = KINDS[subject.kind];
  const old =
    subject.older_than_edit &&
    el(
      "p",
      { class: "note note-warn", id: "older-badge" },
      el("strong", { text: "The image is older than the map here. " }),
      `The object was edited on ${day(subject.footprint.edited_at)}, the image was taken on ${day(subject.imagery.captured_on)}.`,
    );
  fill(
    byId("subject"),
    el(
      "div",
      { class: "question" },
      el("span", { class: `kind kind-${subject.kind}`, "aria-hidden": "true", text: kind.mark }),
      el("h1", { id: "question", text: isPart(subject) ? PART_QUESTION : kind.question }),
    ),
    el(
      "p",
      { class: "sure" },
      el("strong", { text: `The machine ${sureness(subject.confidence)}` }),
      ` (${percent(subject.confidence)})`,
    ),
    old || null,
    draft.geometry
      ? el("p", { class: "note", text: `Your adjusted shape: ${Math.round(areaM2(geometry))} m².` })
      : null,
    facts([
      ...evidenceRows(subject),
      ["Image taken", el("strong", { text: day(subject.imagery.captured_on) })],
      ["Object last edited", subject.footprint ? day(subject.footprint.edited_at, "unknown") : null],
    ]),
    details(subject),
  );
  byId("accept-label").textContent = ACCEPT[subject.kind];
  byId("adjust").disabled = subject.kind === "remove";
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
        el("span", { text: humanise(reason) }),
      ),
    ),
  );
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
