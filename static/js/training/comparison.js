/** A model beside the one in use: figures with their intervals, the difference in words, and the button that decides. */
import { el, svg } from "mapwright/lib/dom.js";
import { number, percent, plural } from "mapwright/lib/format.js";
import { FINISHED, jobProgress } from "mapwright/lib/jobs.js";
import { kind, nameOfOther } from "mapwright/training/kind.js";
import { locatorsGround } from "mapwright/training/locator.js";
import { searchGround } from "mapwright/training/search.js";
import { matchersGround } from "mapwright/training/matcher.js";
import { COMPARED, WORDS } from "mapwright/training/names.js";

const WIDTH = 120;
const HEIGHT = 18;

function value(figure, interval) {
  if (!interval) return el("span", { class: "muted", text: "no value" });
  const { show } = COMPARED[figure.name];
  return el(
    "span",
    { class: "compared-value" },
    el("span", { text: show(interval.value) }),
    el("small", { class: "muted", text: `${show(interval.low)} to ${show(interval.high)}` }),
  );
}

/** The interval of a difference against nothing: a line, a dot, and a mark at zero. */
function whisker({ value: middle, low, high }, word) {
  const reach = Math.max(Math.abs(low), Math.abs(high), 0.05);
  const x = (share) => ((share / reach + 1) / 2) * (WIDTH - 8) + 4;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: `whisker whisker-${word}`, "aria-hidden": "true" },
    svg("line", { class: "whisker-zero", x1: x(0), x2: x(0), y1: 1, y2: HEIGHT - 1 }),
    svg("line", { class: "whisker-range", x1: x(low), x2: x(high), y1: HEIGHT / 2, y2: HEIGHT / 2 }),
    svg("circle", { cx: x(middle), cy: HEIGHT / 2, r: 4 }),
  );
}

function signed(figure, amount) {
  const { show } = COMPARED[figure.name];
  const points = show === percent ? `${number(Math.abs(amount) * 100)} points` : number(Math.abs(amount), 3);
  const sign = Math.abs(amount) < 0.0005 ? "" : amount > 0 ? "+" : "−";
  return `${sign}${points}`;
}

function difference(figure) {
  if (!figure.difference) return el("span", { class: "muted", text: "–" });
  return el(
    "span",
    { class: "compared-difference" },
    whisker(figure.difference, figure.word),
    el("span", { class: "number", text: signed(figure, figure.difference.value) }),
  );
}

function row(figure, alone) {
  const known = COMPARED[figure.name];
  const [className, word] = WORDS[figure.word];
  const why =
    figure.name === "agreement" && figure.word === "too_few"
      ? "At least 5 accepted and 5 rejected suggestions are needed."
      : known.hint;
  const cells = [
    el(
      "th",
      { scope: "row" },
      el("span", { text: known.label }),
      el("span", { class: "hint", text: why }),
      el("span", { class: "hint number", text: `Of ${number(figure.count)}.` }),
    ),
    el("td", {}, value(figure, figure.first)),
  ];
  if (!alone)
    cells.push(
      el("td", {}, value(figure, figure.second)),
      el("td", {}, difference(figure)),
      el("td", {}, el("span", { class: className, text: word })),
    );
  return el("tr", {}, ...cells);
}

/** `Better in 2 figures, worse in none; no clear difference in 3.` */
export function conclusion(figures) {
  const count = (word) => figures.filter((figure) => figure.word === word).length;
  const [better, worse, unclear] = ["better", "worse", "unclear"].map(count);
  if (!better && !worse) return "No clear difference in any figure: more tiles or more decisions would tell.";
  const said = (number_, word) => `${word} in ${number_ ? plural(number_, "figure") : "none"}`;
  return `${said(better, "Better")}, ${said(worse, "worse")}; no clear difference in ${unclear || "none"}.`;
}

/** Nothing stands beside the model: there was no other, and nothing is built in. */
const isAlone = (evaluation) => evaluation.against === null && !kind.built_in;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function table(evaluation, inUse) {
  const alone = isAlone(evaluation);
  const heads = alone
    ? ["Figure", `Model ${evaluation.model}`]
    : [
        "Figure",
        `Model ${evaluation.model}`,
        `${capital(nameOfOther(evaluation.against))}${inUse === evaluation.against ? ", in use" : ""}`,
        "Difference",
        "In words",
      ];
  const caption = el("caption", { class: "visually-hidden", text: `Model ${evaluation.model} on the frozen set` });
  return el(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Figures side by side" },
    el(
      "table",
      { class: "compared" },
      caption,
      el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...evaluation.figures.map((figure) => row(figure, alone))),
    ),
  );
}

function givenTo(evaluation) {
  if (kind.name === "locator") return locatorsGround(evaluation.counts);
  if (kind.name === "landmarks") return searchGround(evaluation.counts);
  if (!kind.per_region) return matchersGround(evaluation.counts);
  const { tiles = 0, errors = 0, accepted = 0, rejected = 0 } = evaluation.counts;
  const decided = accepted + rejected ? ` and ${plural(accepted + rejected, "suggestion")} that people decided` : "";
  const both = isAlone(evaluation) ? "It was given" : "Both were given the same";
  return `${both} ${plural(tiles, "tile")} with ${plural(errors, "known error")}${decided}; each tile is scored by networks that did not learn from it.`;
}

function ground(evaluation) {
  return el(
    "p",
    { class: "muted small" },
    `${givenTo(evaluation)} The second line is the range that holds the figure 19 times in 20. Frozen set `,
    el("code", { text: evaluation.frozen_sha256.slice(0, 12) }),
    ".",
  );
}

/** What the card shows of a comparison: its progress, why it ended, or its figures. */
export function comparison(evaluation, { inUse, onCancel }) {
  if (evaluation.finished_at) {
    return [
      isAlone(evaluation)
        ? el("p", { text: "Measured alone: no other model was in use. Compare another one to hold it beside this." })
        : el("p", { class: "conclusion", text: conclusion(evaluation.figures) }),
      table(evaluation, inUse),
      ground(evaluation),
    ];
  }
  const { job } = evaluation;
  if (job && !FINISHED.has(job.state))
    return [
      el("p", { class: "muted small", text: "Both models are being scored on the same tiles." }),
      jobProgress(job, { onCancel }),
    ];
  return [job ? jobProgress(job) : el("p", { class: "muted small", text: "This comparison was not finished." })];
}
