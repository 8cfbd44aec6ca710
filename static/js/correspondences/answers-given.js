/** Two answers on one tile that differ, beside one another: what each came to, how far apart they lie, and taking one. */
import { afterMouse, byId, el, fill } from "mapwright/lib/dom.js";
import { humanise, metres } from "mapwright/lib/format.js";
import { apartWords, decisionWords } from "mapwright/correspondences/words.js";

const NAMES = ["First", "Second"];
const KEYS = ["J", "K"];

const said = ({ decision, reason }) => decisionWords(decision) + (reason ? ` (${humanise(reason).toLowerCase()})` : "");
const ROWS = [
  ["Answer", said],
  ["Model", ({ transform }) => (transform ? humanise(transform.kind) : "–")],
  ["Points", ({ points }) => (points ? String(points.filter(({ enabled }) => enabled).length) : "–")],
  ["Fit error", ({ fit_rmse_m: error }) => (error === undefined ? "–" : metres(error))],
  ["Check error", ({ check_rmse_m: error }) => (error === undefined || error === null ? "–" : metres(error))],
  ["Comment", ({ comment }) => comment],
];

/** @param {{onTake: (index) => void, onStart: (index) => void}} on take an answer as it is; go on from its points */
export function drawAnswers({ answers, distance_m: distance }, agree, { onTake, onStart }) {
  const head = answers.map((_, index) =>
    el(
      "th",
      { scope: "col" },
      el("span", { class: `sample sample-answer-${index}`, "aria-hidden": "true" }),
      ` ${NAMES[index]}`,
    ),
  );
  const rows = ROWS.map(([label, words]) => [label, answers.map(words)]).filter(([, cells]) => cells.some(Boolean));
  const button = (text, key, run) =>
    el(
      "button",
      { type: "button", class: "button button-small", on: { click: afterMouse(run) } },
      text,
      key ? el("kbd", { text: key }) : null,
    );
  const takes = answers.map(({ points }, index) =>
    el(
      "td",
      {},
      button(`Take ${NAMES[index].toLowerCase()} `, KEYS[index], () => onTake(index)),
      points ? button(`Go on from it`, "", () => onStart(index)) : null,
    ),
  );
  fill(
    byId("answers-given"),
    el("p", { class: "note small", id: "apart", text: apartWords(distance, agree) }),
    el(
      "table",
      { class: "answers-given" },
      el("thead", {}, el("tr", {}, el("td", {}), ...head)),
      el(
        "tbody",
        {},
        ...rows.map(([label, cells]) =>
          el("tr", {}, el("th", { scope: "row", text: label }), ...cells.map((text) => el("td", { text }))),
        ),
        el("tr", {}, el("td", {}), ...takes),
      ),
    ),
  );
}
