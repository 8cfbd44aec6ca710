/** A batch as a card: how far, how good, what to do with it. */
import { el } from "mapwright/lib/dom.js";
import { day, DECISIONS, humanise, number, percent, plural } from "mapwright/lib/format.js";

const PLANS = {
  random: " at random",
  stratified: " by strata",
  uncertain: ", most uncertain first",
  all: ", all of them",
  imported: " brought in from Label Studio",
};

/** "94.2 % accepted (91.8 to 95.9 %)" */
export function acceptanceWords(share) {
  if (!share || share.share === null) return "no verdict yet";
  return `${percent(share.share, 1)} accepted (${number(share.low * 100, 1)} to ${percent(share.high, 1)})`;
}

function planWords({ plan, options, size, second_share: second, generator }) {
  const by = options.by ? ` of ${humanise(options.by).toLowerCase()}` : "";
  const from = options.generator ?? generator;
  return [
    `${plural(size, "anchor")}${PLANS[plan] ?? ` ${plan}`}${by}`,
    from ? `from ${from}` : null,
    second ? `${percent(second)} answered twice` : null,
  ]
    .filter(Boolean)
    .join(", ");
}

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

export function batchCard(batch, { links, editor, onClose, onPeople }) {
  const total = batch.progress.open + batch.progress.decided;
  const waiting = batch.disagreements.open;
  const closed = Boolean(batch.closed_at);
  const decisions = Object.entries(batch.progress.decisions)
    .sort(byDecision)
    .map(([name, count]) => `${number(count)} ${DECISIONS[name] ?? humanise(name)}`);
  const report = `${links.batches}${batch.id}/`;
  const api = `/api/anchor-batches/${batch.id}`;
  return el(
    "article",
    { class: "card batch-card", data: { batch: String(batch.id) } },
    el("div", { class: "card-head" }, el("h3", { text: batch.name }), stateBadge(batch)),
    el(
      "p",
      { class: "verdict-line" },
      el("strong", {
        class: "number",
        text: `${number(batch.inspected)} of ${number(batch.size)} inspected, ${acceptanceWords(batch.acceptance)}`,
      }),
    ),
    el(
      "div",
      { class: "progress" },
      el("progress", {
        max: String(Math.max(1, total)),
        value: String(batch.progress.decided),
        "aria-label": `Answers of ${batch.name}`,
      }),
      el(
        "div",
        { class: "progress-line muted" },
        el("span", { class: "number", text: `${number(batch.progress.decided)} of ${plural(total, "answer")}` }),
        el("span", { text: decisions.join(", ") }),
      ),
    ),
    el("p", {
      class: "small muted",
      text: `${planWords(batch)}; ${forWhom(batch)}; started ${day(batch.created_at)}${batch.created_by ? ` by ${batch.created_by}` : ""}`,
    }),
    waiting
      ? el(
          "p",
          { class: "note note-warn" },
          `${plural(waiting, "disagreement waits", "disagreements wait")} for a third person. `,
          batch.may_work
            ? el("a", {
                href: `${links.disagreements}?batch=${batch.id}`,
                text: waiting === 1 ? "Settle it" : "Settle them",
              })
            : null,
        )
      : null,
    el(
      "div",
      { class: "form-end" },
      batch.may_work && batch.progress.open
        ? el("a", {
            class: "button button-main button-small",
            href: `${links.bench}?batch=${batch.id}`,
            text: "Review",
            "aria-label": `Review ${batch.name}`,
          })
        : null,
      editor
        ? el("a", {
            class: "button button-small",
            href: report,
            text: "Report",
            "aria-label": `Report of ${batch.name}`,
          })
        : null,
      editor
        ? el("a", {
            class: "button button-small",
            href: `${api}/answers.csv`,
            download: true,
            text: "CSV",
            "aria-label": `Answers of ${batch.name} as CSV`,
          })
        : null,
      editor
        ? el("a", {
            class: "button button-small",
            href: `${api}/answers.json`,
            download: true,
            text: "JSON",
            "aria-label": `Answers of ${batch.name} as JSON`,
          })
        : null,
      editor && !closed && (batch.progress.open || waiting)
        ? el("button", {
            type: "button",
            class: "button button-small",
            text: "People",
            "aria-label": `People of ${batch.name}`,
            on: { click: () => onPeople(batch) },
          })
        : null,
      editor && !closed && batch.progress.open
        ? el("button", {
            type: "button",
            class: "button button-small",
            text: "Close",
            "aria-label": `Close ${batch.name}`,
            on: { click: () => onClose(batch) },
          })
        : null,
    ),
  );
}
