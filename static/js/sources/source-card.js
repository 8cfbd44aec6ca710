/** One imagery or map as a card: where it is from, how its import goes, what was mended, why it failed. */
import { el, facts } from "mapwright/lib/dom.js";
import { day, humanise, metres, moment, number, plural } from "mapwright/lib/format.js";
import { FINISHED, followJob, jobProgress } from "mapwright/lib/jobs.js";

const BADGE = {
  pending: ["badge badge-busy", "Importing"],
  ready: ["badge badge-good", "Ready"],
  failed: ["badge badge-bad", "Not usable"],
};
const REPAIRS_SHOWN = 5;
const AGAIN_MS = 5000;
const ended = new Set(); // ids of jobs whose end was told

export function sourceBadge(state) {
  const [className, text] = BADGE[state] ?? ["badge", humanise(state)];
  return el("span", { class: className, text });
}

/** What a map has, one and many, as its kinds of features are told; buildings first. */
const CONTENTS = {
  building: ["building"],
  road: ["road"],
  rail: ["railway line"],
  water: ["water", "waters"],
  green: ["green area"],
};

function countWords(counts) {
  const kinds = Object.keys(counts ?? {});
  const known = Object.keys(CONTENTS).filter((kind) => kinds.includes(kind));
  return [...known, ...kinds.filter((kind) => !(kind in CONTENTS))]
    .map((kind) => plural(counts[kind], ...(CONTENTS[kind] ?? [kind])))
    .join(", ");
}

function repairsNote(repairs) {
  if (!repairs.length) return null;
  const rest = repairs.length - REPAIRS_SHOWN;
  const list = el("ul", {}, ...repairs.slice(0, REPAIRS_SHOWN).map((text) => el("li", { text })));
  return el(
    "details",
    { class: "note" },
    el("summary", { text: `${plural(repairs.length, "repair")} on import` }),
    list,
    rest > 0 ? el("p", { text: `and ${plural(rest, "more", "more")}` }) : null,
  );
}

/** What will not work with this source, always open: it is told before anything is built on it. */
export function warningsNote(warnings) {
  if (!warnings?.length) return null;
  return el(
    "div",
    { class: "note note-warn", role: "note" },
    ...warnings.map((text) => el("p", { text: text[0].toUpperCase() + text.slice(1) })),
  );
}

export const sourceFacts = (source, kind) =>
  facts([
    ...(kind === "imagery"
      ? [
          ["Captured on", day(source.captured_on)],
          ["Resolution", source.resolution_m ? `${metres(source.resolution_m)} per pixel` : null],
          ["Size", source.width ? `${number(source.width)} × ${number(source.height)} px` : null],
        ]
      : [
          ["Taken at", moment(source.taken_at, "not stated")],
          ["Contents", countWords(source.counts)],
          ["Complete", source.state === "ready" ? (source.coverage ? "inside the given area" : "everywhere") : null],
        ]),
    ["Licence", source.licence],
    ["Attribution", source.attribution],
  ]);

/**
 * @param {Object} source
 * @param {"imagery"|"snapshots"} kind
 * @param {{onChange: Function, onRemove?: Function}} on
 */
export function sourceCard(source, kind, { onChange, onRemove }) {
  const progress = el("div");
  const node = el(
    "article",
    { class: "card source-card", data: { state: source.state, key: `${kind}-${source.id}` } },
    el("div", { class: "card-head" }, el("h3", { text: source.original_name }), sourceBadge(source.state)),
    sourceFacts(source, kind),
    source.error
      ? el("div", { class: "note note-bad", role: "alert" }, el("strong", { text: "Refused: " }), source.error.detail)
      : null,
    warningsNote(source.warnings),
    repairsNote(source.repairs ?? []),
    progress,
    onRemove && source.state !== "pending"
      ? el(
          "div",
          {},
          el("button", {
            type: "button",
            class: "button button-small",
            text: "Remove",
            "aria-label": `Remove ${source.original_name}`,
            on: { click: () => onRemove(source) },
          }),
        )
      : null,
  );
  /** The end of an import is told at once; where the source is as it was all the same, now and then. */
  const told = (job) => {
    setTimeout(onChange, ended.has(job.id) ? AGAIN_MS : 0);
    ended.add(job.id);
  };
  if (source.state === "pending" && source.job)
    followJob(
      source.job,
      (job) => {
        if (!FINISHED.has(job.state)) progress.replaceChildren(jobProgress(job));
      },
      { onEnd: told, within: node },
    );
  return node;
}
