/** Curves of a run: one small chart per loss, one line per fold. */
import { lineChart } from "mapwright/lib/chart.js";
import { el } from "mapwright/lib/dom.js";
import { isMeasured, lossHint, lossLabel, lossOf } from "mapwright/training/names.js";

const FIRST = [
  "structure/coarse_loss",
  "structure/fine_loss",
  "structure/near_share",
  "landmarks/loss",
  "locator/loss",
  "locator/tokens_found",
  "locator/bases_found",
  "evidence/loss",
  "evidence/held_out_f1",
  "consistency/contrastive_loss",
  "consistency/cell_loss",
  "consistency/discriminator_loss",
];

function grouped(figures) {
  const groups = new Map();
  for (const [name, points] of Object.entries(figures)) {
    const [loss, fold] = lossOf(name);
    if (!points.length || !loss.includes("/")) continue;
    groups.set(loss, [
      ...(groups.get(loss) ?? []),
      { name: fold, points: points.map(([step, value]) => [step + 1, value]) },
    ]);
  }
  for (const series of groups.values())
    series.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  return groups;
}

function chart(loss, series) {
  const drawn = lineChart(lossLabel(loss), series, { step: "epoch", best: isMeasured(loss) });
  const hint = lossHint(loss);
  if (hint) drawn.querySelector("figcaption").append(el("span", { class: "hint", text: hint }));
  return drawn;
}

/** The charts of a run's figures: the main ones, and the rest behind a summary. */
export function curves(figures) {
  const groups = grouped(figures);
  const main = FIRST.filter((loss) => groups.has(loss));
  const rest = [...groups.keys()].filter((loss) => !main.includes(loss)).sort();
  if (!groups.size) return [el("p", { class: "muted small", text: "The curves start with the first epoch." })];
  const parts = [el("div", { class: "charts" }, ...main.map((loss) => chart(loss, groups.get(loss))))];
  if (rest.length)
    parts.push(
      el(
        "details",
        { class: "more" },
        el("summary", { text: "More curves" }),
        el("div", { class: "charts" }, ...rest.map((loss) => chart(loss, groups.get(loss)))),
      ),
    );
  return parts;
}
