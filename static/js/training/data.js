/** What the next training would learn from: tiles, and what people decided. */
import { el } from "mapwright/lib/dom.js";
import { number, plural } from "mapwright/lib/format.js";
import { decisionRows } from "mapwright/training/names.js";

const WHY = { no_answer: "can't be judged from the image", map_changed: "the building was edited in the map since" };

function table(counts) {
  const heads = ["Accepted", "Adjusted", "Rejected"];
  const body = decisionRows(counts).map(([kind, ...numbers]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: kind }),
      ...numbers.map((one) => el("td", { class: "number", text: number(one) })),
    ),
  );
  return el(
    "table",
    { class: "decisions" },
    el("caption", { class: "visually-hidden", text: "Decisions the next training learns from" }),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, el("span", { class: "visually-hidden", text: "Suggestion" })),
        ...heads.map((text) => el("th", { scope: "col", class: "number", text })),
      ),
    ),
    el("tbody", {}, ...body),
  );
}

function left(counts) {
  const said = Object.entries(counts)
    .filter(([, count]) => count)
    .map(([why, count]) => `${number(count)} ${WHY[why] ?? why}`);
  return said.length ? el("p", { class: "muted small", text: `Left out: ${said.join("; ")}.` }) : null;
}

/** Which anchors the tiles are learnt with: verified by people first, as generated otherwise, rejected never. */
export function anchorsInWords({ accepted = 0, corrected = 0, proposed = 0, none = 0 } = {}) {
  if (!accepted && !corrected && !proposed && !none) return "";
  return [
    `${number(accepted + corrected)} verified`,
    `${number(proposed)} as generated`,
    none && `${number(none)} without one`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Nodes that say what is there to learn from. */
export function dataAhead(data) {
  if (data.pairs < data.needed)
    return [
      el("p", {
        class: "note note-warn",
        text: `${plural(data.pairs, "mapped tile")} with enough image; a training needs ${number(data.needed)} at least. Where the image has no data, or the map is not complete, a tile does not count.`,
      }),
    ];
  const parts = [
    el("p", { class: "small", text: `${plural(data.pairs, "mapped tile")} to learn from, and what people decided:` }),
  ];
  if (!Object.keys(data.decisions).length)
    return [
      el("p", { class: "small", text: `${plural(data.pairs, "mapped tile")} to learn from.` }),
      el("p", {
        class: "muted small",
        text: "Nobody has decided about a suggestion on this image yet. Decisions teach the next model: accepted ones as truth, rejected ones as what not to suggest.",
      }),
      left(data.left_out),
    ];
  const fresh = data.model
    ? `${data.new ? `${number(data.new)} of them ${data.new === 1 ? "is" : "are"}` : "None is"} new to model ${data.model}, in use.`
    : "No model has learnt from them yet.";
  return [...parts, table(data.decisions), el("p", { class: "small", text: fresh }), left(data.left_out)];
}
