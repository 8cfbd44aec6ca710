/** Two answers that differ, beside one another: only what differs is shown. */
import { byId, el, fill } from "mapwright/lib/dom.js";
import { DECISIONS, humanise, valueWords } from "mapwright/lib/format.js";

/** What an answer says of an attribute: nothing, where it calls the whole anchor wrong or can't tell. */
const said = ({ decision, attributes }, name) =>
  ["accept", "correct"].includes(decision) ? valueWords(attributes[name]) : "–";

/** Rows [label, first, second] of the attributes in which the answers differ. */
function differing(answers, schema) {
  const rows = schema
    .filter(({ name }) => answers[0]?.attributes[name] !== answers[1]?.attributes[name])
    .map(({ name, label }) => [label, ...answers.map((answer) => said(answer, name))]);
  if (answers[0]?.summary !== answers[1]?.summary) rows.push(["Summary", ...answers.map((answer) => answer.summary)]);
  return rows;
}

export function drawAnswers({ answers }, schema, onTake) {
  const names = ["First", "Second"];
  const head = el(
    "tr",
    {},
    el("td", {}),
    ...answers.map((answer, index) =>
      el(
        "th",
        { scope: "col" },
        `${names[index]}: ${DECISIONS[answer.decision] ?? valueWords(answer.decision)}`,
        answer.reason ? el("span", { class: "muted", text: ` (${humanise(answer.reason)})` }) : null,
      ),
    ),
  );
  const rows = differing(answers, schema).map(([label, ...values]) =>
    el("tr", {}, el("th", { scope: "row", text: label }), ...values.map((value) => el("td", { text: value }))),
  );
  const comments = answers.some(({ comment }) => comment)
    ? [
        el(
          "tr",
          {},
          el("th", { scope: "row", text: "Comment" }),
          ...answers.map(({ comment }) => el("td", { text: comment })),
        ),
      ]
    : [];
  const takes = el(
    "tr",
    {},
    el("td", {}),
    ...answers.map((_, index) =>
      el(
        "td",
        {},
        el(
          "button",
          { type: "button", class: "button button-small", on: { click: () => onTake(index) } },
          `Take ${names[index].toLowerCase()} `,
          el("kbd", { text: "JK"[index] }),
        ),
      ),
    ),
  );
  fill(
    byId("answers-given"),
    el("table", { class: "answers-given" }, el("thead", {}, head), el("tbody", {}, ...rows, ...comments, takes)),
  );
}
