/** One map scan as a card: its job, where it lies and how well that is known, what became of its windows, what may be done. */
import { el, facts } from "mapwright/lib/dom.js";
import { humanise, metres, moment, number, percent, plural } from "mapwright/lib/format.js";
import { FINISHED, jobProgress, stateBadge } from "mapwright/lib/jobs.js";

/** Why a window became no pair, in the order of the rules. */
const RULES = {
  overlap: "reach into another part of the split",
  no_data: "the image has too little data",
  off_the_map: "off the picture",
  empty_map: "the map draws nothing",
  low_texture: "the image shows nothing",
  duplicate: "like a window before",
  no_match: "no match",
  implausible: "moved too far, or unlike the windows around",
};
const FOUND_BY = {
  georeference: "by its own georeference",
  points: "by the given points",
};
const STATES = ["proposed", "verified", "corrected", "rejected"];
const STATE_WORDS = { proposed: "waiting", verified: "verified", corrected: "corrected", rejected: "rejected" };

function leftOut(made) {
  const rows = Object.entries(made.left_out).filter(([, count]) => count);
  if (!rows.length) return null;
  const sum = rows.reduce((all, [, count]) => all + count, 0);
  return el(
    "details",
    { class: "small" },
    el("summary", { text: `${plural(sum, "window")} left out, by rule` }),
    facts(rows.map(([rule, count]) => [humanise(RULES[rule] ?? rule), number(count)])),
  );
}

/** "about 0.8 m": the larger of what placed the picture and what its pairs say. */
function errorWords({ coarse_rmse_m: coarse, pair_rmse_m: pairs }) {
  const parts = [];
  if (Number.isFinite(pairs)) parts.push(`pairs ${metres(pairs)} (median RMSE)`);
  if (Number.isFinite(coarse)) parts.push(`picture as a whole ${metres(coarse)}`);
  return parts.join(", ") || "not known";
}

function proposalWords(proposals) {
  const said = STATES.filter((state) => proposals[state]).map(
    (state) => `${number(proposals[state])} ${STATE_WORDS[state]}`,
  );
  return said.join(", ") || "none";
}

function result({ made, placed, proposals }) {
  const { coarse } = made;
  return [
    el(
      "dl",
      { class: "figures" },
      ...[
        ["pairs kept", number(made.pairs)],
        ["of windows", number(made.sampling_points)],
        ["kept", percent(made.sampling_points ? made.pairs / made.sampling_points : 0)],
      ].map(([term, value]) => el("div", {}, el("dd", { class: "number", text: value }), el("dt", { text: term }))),
    ),
    facts([
      ["Error", placed ? errorWords(placed) : "not known"],
      [
        "Placed",
        FOUND_BY[coarse.found_by] ??
          `by matching, ${number(coarse.agreeing)} of ${number(coarse.windows)} windows agree`,
      ],
      ["In review", proposalWords(proposals)],
    ]),
    made.pairs
      ? null
      : el("p", {
          class: "note note-warn",
          text: "No window became a pair: nothing waits for review. More windows, a larger part of the map or points that place it better may help.",
        }),
    leftOut(made),
    placed && !placed.outline
      ? el("p", {
          class: "note note-warn",
          text: "The picture reaches beyond the horizon of its transform: it can't be outlined.",
        })
      : null,
  ];
}

const ENDED = {
  failed: "It goes on where it was once you resume it.",
  cancelled: "What was done is kept; resume it when you like.",
};

function stateOf({ job, made }) {
  if (made)
    return el(
      "span",
      made.pairs ? { class: "badge badge-good", text: "Found" } : { class: "badge badge-warn", text: "No pairs" },
    );
  return job && stateBadge(job.state);
}

/**
 * @param {Object} scan
 * @param {Object} options person, links, current; onShow, onStop, onResume, onReview, onRemove
 */
export function scanCard(scan, { person, links, current, onShow, onStop, onResume, onReview, onRemove }) {
  const { job, made, proposals } = scan;
  const ended = job && FINISHED.has(job.state);
  const mayStop = person.admin || job?.created_by === person.name;
  const button = (text, run, options = {}) =>
    el("button", { type: "button", class: "button button-small", text, on: { click: run }, ...options });
  const buttons = [
    made && button("Show on the map", onShow),
    person.editor &&
      made &&
      proposals.proposed &&
      button("Review its pairs", onReview, { class: "button button-small button-main" }),
    made &&
      !person.editor &&
      proposals.proposed &&
      el("a", { class: "button button-small", href: links.bench, text: "Review" }),
    person.editor && !made && ended && button("Resume", onResume, { class: "button button-small button-main" }),
    person.editor &&
      made &&
      el("a", {
        class: "button button-small",
        href: `/api/map-scans/${scan.id}/pairs.zip`,
        download: true,
        text: "Download the pairs",
      }),
    person.editor && button("Remove", onRemove, { "aria-label": `Remove ${scan.original_name}` }),
  ];
  return el(
    "article",
    {
      class: "card scan-card",
      tabindex: "-1",
      "aria-current": String(current),
      data: { scan: String(scan.id), key: `scan-${scan.id}` },
    },
    el("div", { class: "card-head" }, el("h3", { text: scan.original_name }), stateOf(scan)),
    el("p", {
      class: "muted small",
      text: `${moment(scan.created_at)}, ${scan.licence}, © ${scan.attribution.replace(/^©\s*/, "")}`,
    }),
    ...(made ? result(scan) : job ? [jobProgress(job, { onCancel: mayStop ? onStop : null })] : []),
    !made && ENDED[job?.state] && person.editor ? el("p", { class: "small muted", text: ENDED[job.state] }) : null,
    el("div", { class: "toolbar" }, ...buttons),
  );
}
