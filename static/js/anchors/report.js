/** The report of a batch: how many were accepted, by what and whom; how far people agree; what is confused with what. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData, svg } from "mapwright/lib/dom.js";
import { DECISIONS, duration, humanise, number, percent, plural, valueWords } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";
import { acceptanceWords } from "mapwright/anchors/batch-words.js";

const { batch, labels } = pageData();
const figure = (value, digits = 2) => (value === null || value === undefined ? "not defined" : number(value, digits));
const labelOf = (name) => labels[name] ?? humanise(name);
const interval = ({ low, high }) => (low === null ? "" : `${number(low * 100, 1)} to ${percent(high, 1)}`);

/** The share as a bar with its interval as a line; the numbers stand beside it. */
function bar({ share, low, high }) {
  if (share === null) return el("span", { class: "muted", text: "none" });
  const at = (value) => (value * 200).toFixed(1);
  return svg(
    "svg",
    { class: "share-bar", viewBox: "0 0 200 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 0, width: at(share), height: 12 }),
    svg("line", { x1: at(low), x2: at(high), y1: 6, y2: 6 }),
    svg("line", { x1: at(low), x2: at(low), y1: 2, y2: 10 }),
    svg("line", { x1: at(high), x2: at(high), y1: 2, y2: 10 }),
  );
}

function table(title, note, head, rows) {
  const cells = (row) =>
    row.map((cell, index) =>
      el(
        index ? "td" : "th",
        {
          scope: index ? null : "row",
          class: index && typeof cell === "string" && /^[\d<]/.test(cell) ? "number" : null,
        },
        cell instanceof Node ? cell : String(cell),
      ),
    );
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
        el("tbody", {}, ...rows.map((row) => el("tr", {}, ...cells(row)))),
      ),
    ),
  );
}

const shareCells = (one) => [
  `${number(one.hits)} of ${number(one.of)}`,
  one.share === null ? "none" : percent(one.share, 1),
  interval(one),
  bar(one),
];
const decisionsOf = (decisions) =>
  Object.entries(decisions)
    .map(([name, count]) => `${number(count)} ${DECISIONS[name] ?? humanise(name)}`)
    .join(", ");

function overall(report) {
  const rows = [
    ["Inspected", number(report.inspected)],
    ["Accepted", report.acceptance.share === null ? "none" : percent(report.acceptance.share, 1)],
    ["95 % interval", interval(report.acceptance) || "none"],
    ["Median time", report.seconds.all.median === null ? "not measured" : duration(report.seconds.all.median)],
  ];
  return el(
    "section",
    { class: "card" },
    el(
      "dl",
      { class: "figures report-figures" },
      ...rows.map(([term, value]) => el("div", {}, el("dd", { text: value }), el("dt", { text: term }))),
    ),
    el("p", {
      class: "small muted",
      text: `${decisionsOf(report.outcomes) || "No answer yet"}${report.waiting ? `; ${plural(report.waiting, "anchor waits", "anchors wait")} for a third person` : ""}. The accepted share is of accepted, corrected and rejected anchors.`,
    }),
  );
}

function agreement({ agreement: found }) {
  if (!found.subjects)
    return el(
      "section",
      { class: "stack" },
      el("h2", { text: "Agreement" }),
      el("p", { class: "muted small", text: "No anchor has two answers yet." }),
    );
  const rows = [
    ["The whole anchor", ...shareCells(found.same).slice(0, 3), figure(found.kappa), figure(found.alpha)],
    ...found.by_attribute.map((one) => [
      labelOf(one.attribute),
      ...shareCells(one).slice(0, 3),
      figure(one.kappa),
      figure(one.alpha),
    ]),
  ];
  return table(
    "Agreement of two people",
    `${plural(found.subjects, "anchor")} answered twice, ${found.disagreements} differently. Attributes are compared where both took the anchor. Kappa and alpha are 1 for full agreement and 0 for what chance alone gives.`,
    ["Question", "Same", "Share", "95 % interval", "Cohen's kappa", "Krippendorff's alpha"],
    rows,
  );
}

const wrongOf = ({ cells }) =>
  cells.filter((cell) => cell.proposed !== cell.verified).reduce((sum, cell) => sum + cell.number, 0);

/** Attributes that people changed, each with its table; the others in one sentence. */
function confusion(found) {
  const same = found.filter((one) => !wrongOf(one)).map(({ attribute }) => labelOf(attribute).toLowerCase());
  return el(
    "section",
    { class: "stack" },
    el("h2", { text: "Confusion" }),
    el("p", {
      class: "muted small",
      text: "What was proposed against what people verified, of accepted and corrected anchors.",
    }),
    ...found.filter(wrongOf).map(matrix),
    same.length ? el("p", { text: `Never changed: ${same.join(", ")}.` }) : null,
  );
}

/** Proposed against verified, of one attribute; only values that occur. */
function matrix({ attribute, cells }) {
  const values = [...new Set(cells.flatMap((cell) => [cell.proposed, cell.verified]))].sort();
  const count = (proposed, verified) =>
    cells.find((cell) => cell.proposed === proposed && cell.verified === verified)?.number ?? 0;
  const row = (proposed) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: valueWords(proposed) }),
      ...values.map((verified) => {
        const found = count(proposed, verified);
        return el("td", {
          class: found ? (proposed === verified ? "same" : "other") : null,
          text: found ? number(found) : "·",
        });
      }),
    );
  return el(
    "section",
    { class: "card" },
    el("h3", { text: `${labelOf(attribute)}: ${number(wrongOf({ cells }))} changed` }),
    el(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `Confusion of ${labelOf(attribute)}` },
      el(
        "table",
        { class: "matrix" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col", text: "Proposed ↓ verified →" }),
            ...values.map((value) => el("th", { scope: "col", text: valueWords(value) })),
          ),
        ),
        el("tbody", {}, ...values.map(row)),
      ),
    ),
  );
}

function draw(report) {
  byId("verdict").textContent = `${number(report.inspected)} inspected, ${acceptanceWords(report.acceptance)}.`;
  const share = ["Accepted", "Share", "95 % interval", ""];
  fill(
    byId("report"),
    overall(report),
    table(
      "By attribute",
      "Share of attributes left as proposed, of accepted and corrected anchors.",
      ["Attribute", "As proposed", "Share", "95 % interval", ""],
      report.by_attribute.map((one) => [labelOf(one.attribute), ...shareCells(one)]),
    ),
    table(
      "By generator",
      "",
      ["Generator", ...share, "Answers"],
      report.by_generator.map((one) => [one.generator, ...shareCells(one), decisionsOf(one.decisions)]),
    ),
    table(
      "By reviewer",
      "",
      ["Reviewer", ...share, "Answers"],
      report.by_reviewer.map((one) => [one.reviewer, ...shareCells(one), decisionsOf(one.decisions)]),
    ),
    agreement(report),
    Object.keys(report.reasons).length
      ? table(
          "Reasons",
          "",
          ["Reason", "Number"],
          Object.entries(report.reasons).map(([name, count]) => [
            name
              .split(":")
              .map((part) => humanise(DECISIONS[part] ?? part))
              .join(": "),
            number(count),
          ]),
        )
      : null,
    table(
      "Time per answer",
      "",
      ["Reviewer", "Answers", "Median", "9 of 10 within"],
      [["Everyone", report.seconds.all], ...report.seconds.by_reviewer.map((one) => [one.reviewer, one])].map(
        ([name, one]) => [
          name,
          number(one.items),
          one.median === null ? "not measured" : duration(one.median),
          one.p90 === null ? "not measured" : duration(one.p90),
        ],
      ),
    ),
    report.confusion.length ? confusion(report.confusion) : null,
  );
}

api.get(`/api/anchor-batches/${batch.id}/report/`).then(draw).catch(notifyError);
