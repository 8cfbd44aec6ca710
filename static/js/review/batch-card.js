/** A batch as a card: how far, how good, what to do with it. */
import { el } from "mapwright/lib/dom.js";
import { day, DECISIONS, humanise, number, plural } from "mapwright/lib/format.js";

const PLANS = {
  random: " at random",
  stratified: " by strata",
  uncertain: ", most uncertain first",
  all: ", all of them",
  imported: " brought in from Label Studio",
};

/** "500 anchors at random": how a batch was drawn. */
export const drawnWords = ({ plan, size }, what, many) => `${plural(size, what, many)}${PLANS[plan] ?? ` ${plan}`}`;

function forWhom({ open_to_all: open, people }) {
  return open ? "open to everyone" : `for ${people.join(", ")}`;
}

const ORDER = Object.keys(DECISIONS);
const byDecision = ([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other);

function stateBadge({ closed_at: closed, progress, disagreements }) {
  if (closed) return el("span", { class: "badge", text: "Closed" });
  if (progress.open) return el("span", { class: "badge badge-busy", text: "Open" });
  if (disagreements.open) return el("span", { class: "badge badge-busy", text: "To settle" });
  return el("span", { class: "badge badge-good", text: "Done" });
}

const small = (tag, name, batch, rest) =>
  el(tag, { class: "button button-small", text: name, "aria-label": `${name} of ${batch.name}`, ...rest });

/** Answers that are not told yet: whoever gives the second one must not learn the first. */
export const waitingWords = (count) => `${number(count)} waiting for a second answer`;

/** The bar of answers and what they were. */
function answersDone({ name, progress }) {
  const total = progress.open + progress.decided;
  const decisions = Object.entries(progress.decisions)
    .sort(byDecision)
    .map(([decision, count]) => `${number(count)} ${DECISIONS[decision] ?? humanise(decision)}`);
  if (progress.waiting) decisions.push(waitingWords(progress.waiting));
  return el(
    "div",
    { class: "progress" },
    el("progress", {
      max: String(Math.max(1, total)),
      value: String(progress.decided),
      "aria-label": `Answers of ${name}`,
    }),
    el(
      "div",
      { class: "progress-line muted" },
      el("span", { class: "number", text: `${number(progress.decided)} of ${plural(total, "answer")}` }),
      el("span", { text: decisions.join(", ") }),
    ),
  );
}

function toSettle(batch, links) {
  const waiting = batch.disagreements.open;
  if (!waiting) return null;
  return el(
    "p",
    { class: "note note-warn" },
    `${plural(waiting, "disagreement waits", "disagreements wait")} for a third person. `,
    batch.may_work
      ? el("a", {
          href: `${links.disagreements}?batch=${batch.id}`,
          text: waiting === 1 ? "Settle it" : "Settle them",
        })
      : null,
  );
}

/** What one may do with a batch. */
function acts(batch, { links, report, files, editor, onClose, onPeople }) {
  const open = !batch.closed_at;
  const review = el("a", {
    class: "button button-main button-small",
    href: `${links.bench}?batch=${batch.id}`,
    text: "Review",
    "aria-label": `Review ${batch.name}`,
  });
  const close = small("button", "Close", batch, {
    type: "button",
    "aria-label": `Close ${batch.name}`,
    on: { click: () => onClose(batch) },
  });
  return [
    batch.may_work && batch.progress.open ? review : null,
    editor ? small("a", "Report", batch, { href: report }) : null,
    ...(editor ? files : []).map(([name, href]) =>
      small("a", name, batch, { href, download: true, "aria-label": `Answers of ${batch.name} as ${name}` }),
    ),
    editor && open && (batch.progress.open || batch.disagreements.open)
      ? small("button", "People", batch, { type: "button", on: { click: () => onPeople(batch) } })
      : null,
    editor && open && batch.progress.open ? close : null,
  ];
}

/**
 * @param {Object} batch of the API
 * @param {Object} options
 * @param {string} options.headline what came of it so far
 * @param {string} options.drawn how it was drawn
 * @param {{bench: string, disagreements: string}} options.links
 * @param {string} options.report address of its report
 * @param {Array} [options.files] [name, address] of files of its answers
 * @param {boolean} options.editor whether the person may change it
 */
export function batchCard(batch, { headline, drawn, files = [], ...options }) {
  const by = batch.created_by ? ` by ${batch.created_by}` : "";
  return el(
    "article",
    { class: "card batch-card", data: { batch: String(batch.id) } },
    el("div", { class: "card-head" }, el("h3", { text: batch.name }), stateBadge(batch)),
    el("p", { class: "verdict-line" }, el("strong", { class: "number", text: headline })),
    answersDone(batch),
    el("p", { class: "small muted", text: `${drawn}; ${forWhom(batch)}; started ${day(batch.created_at)}${by}` }),
    toSettle(batch, options.links),
    el("div", { class: "form-end" }, ...acts(batch, { files, ...options })),
  );
}
