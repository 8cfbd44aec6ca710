/** The report of a batch of correspondences: what came of it, how far people lie apart, and the errors of what they set. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { duration, humanise, metres, number, percent, plural } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";
import { decisionWords } from "mapwright/correspondences/words.js";

const { batch } = pageData();

const shown = (value, words) => (value === null ? "none" : words(value));

function table(title, note, head, rows) {
  return el(
    "section",
    { class: "stack" },
    el("h2", { text: title }),
    note ? el("p", { class: "muted small", text: note }) : null,
    el(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": title },
      el(
        "table",
        { class: "report-table" },
        el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))),
        el(
          "tbody",
          {},
          ...rows.map(([first, ...cells]) =>
            el("tr", {}, el("th", { scope: "row", text: first }), ...cells.map((text) => el("td", { text }))),
          ),
        ),
      ),
    ),
  );
}

const decisionsOf = (decisions) =>
  Object.entries(decisions)
    .map(([name, count]) => `${number(count)} ${decisionWords(name)}`)
    .join(", ");

function overall(report) {
  const { acceptance: share, agreement } = report;
  const rows = [
    ["Inspected", number(report.inspected)],
    ["Taken as proposed", shown(share.share, (value) => percent(value, 1))],
    ["95 % interval", share.low === null ? "none" : `${number(share.low * 100, 1)} to ${percent(share.high, 1)}`],
    ["Median distance of two people", shown(agreement.apart_m.median, metres)],
  ];
  const waiting = report.waiting ? `; ${plural(report.waiting, "tile waits", "tiles wait")} for a third person` : "";
  return el(
    "section",
    { class: "card" },
    el(
      "dl",
      { class: "figures report-figures" },
      ...rows.map(([term, value]) => el("div", {}, el("dd", { text: value }), el("dt", { text: term }))),
    ),
    el("p", { class: "small muted", text: `${decisionsOf(report.outcomes) || "No answer yet"}${waiting}.` }),
  );
}

function agreementTable({ twice, same, agree_m: agree, apart_m: apart }) {
  if (!twice)
    return el(
      "section",
      { class: "stack" },
      el("h2", { text: "Agreement of two people" }),
      el("p", { class: "muted small", text: "No tile has two answers yet." }),
    );
  return table(
    "Agreement of two people",
    `${plural(twice, "tile")} answered twice, blindly. Two transforms agree where they bring the tile's corners no more than ${metres(agree)} apart on average.`,
    ["Tiles", "The same", "Share", "95 % interval", "Median distance", "9 of 10 within"],
    [
      [
        number(twice),
        number(same.hits),
        percent(same.share, 1),
        `${number(same.low * 100, 1)} to ${percent(same.high, 1)}`,
        shown(apart.median, metres),
        shown(apart.p90, metres),
      ],
    ],
  );
}

const spread = (name, { number: count, median, p90 }, words = metres) => [
  name,
  number(count),
  shown(median, words),
  shown(p90, words),
];

function draw(report) {
  byId("verdict").textContent =
    `${plural(report.inspected, "tile")} inspected, ${decisionsOf(report.outcomes) || "no answer yet"}.`;
  fill(
    byId("report"),
    overall(report),
    agreementTable(report.agreement),
    table(
      "Corrections",
      "Of tiles whose points people set: how far they moved the matcher's transform at the tile's corners, and the errors of their points.",
      ["", "Tiles", "Median", "9 of 10 within"],
      [
        spread("Moved by", report.moved_m),
        spread("RMSE of the fit", report.fit_rmse_m),
        spread("RMSE of check points", report.check_rmse_m),
      ],
    ),
    table(
      "By reviewer",
      "",
      ["Reviewer", "Answers", "Median time", "9 of 10 within"],
      report.by_reviewer.map(({ reviewer, decisions, seconds }) => [
        reviewer,
        decisionsOf(decisions),
        shown(seconds.median, duration),
        shown(seconds.p90, duration),
      ]),
    ),
    report.reasons.length
      ? table(
          "Reasons",
          "",
          ["Reason", "Answer", "Number"],
          report.reasons.map(({ decision, reason, number: count }) => [
            humanise(reason),
            humanise(decisionWords(decision)),
            number(count),
          ]),
        )
      : null,
  );
}

api.get(`/api/correspondence-batches/${batch.id}/report/`).then(draw).catch(notifyError);
