/** A small line chart in SVG with a table for those who can't see it. */
import { el, svg } from "mapwright/lib/dom.js";
import { humanise } from "mapwright/lib/format.js";

const WIDTH = 340;
const HEIGHT = 150;
const MARGIN = { top: 10, right: 10, bottom: 26, left: 46 };
/** Eight lines can be told apart: each pairs one of four colours with one of four dashes. */
const colourOf = (index) => (index + Math.floor(index / 4)) % 4;
const DASHES = ["", "6 4", "2 3", "9 3 2 3"];

const short = (value) =>
  Math.abs(value) >= 1000 || (value !== 0 && Math.abs(value) < 0.01)
    ? value.toExponential(1)
    : Number(value.toPrecision(3)).toString();

/** A tick in as many digits as tell it from the next one. */
const tick = (value, spread) =>
  spread < 1e-4 || spread >= 1e4 ? short(value) : value.toFixed(Math.max(0, Math.ceil(1 - Math.log10(spread))));

function range(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const pad = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - pad, high + pad];
}

function axes(xs, ys, at, step) {
  const group = svg("g", { class: "chart-axes" });
  for (const share of [0, 0.5, 1]) {
    const value = ys[0] + share * (ys[1] - ys[0]);
    const y = at(xs[0], value)[1];
    group.append(svg("line", { x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y, y2: y }));
    const text = svg("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" });
    text.textContent = tick(value, ys[1] - ys[0]);
    group.append(text);
  }
  for (const [value, anchor] of [
    [xs[0], "start"],
    [xs[1], "end"],
  ]) {
    const text = svg("text", { x: at(value, ys[0])[0], y: HEIGHT - 8, "text-anchor": anchor });
    text.textContent = `${step} ${Math.round(value)}`;
    group.append(text);
  }
  return group;
}

/** The first of the highest points: where more training stopped helping. */
const highest = (points) => points.reduce((best, one) => (one[1] > best[1] ? one : best));

function line(series, index, at, best) {
  const group = svg("g", { class: `chart-line chart-line-${colourOf(index)}` });
  const points = series.points.map(([step, value]) =>
    at(step, value)
      .map((v) => v.toFixed(1))
      .join(","),
  );
  group.append(svg("polyline", { points: points.join(" "), "stroke-dasharray": DASHES[index % 4] }));
  const [x, y] = points.at(-1).split(",");
  group.append(svg("circle", { cx: x, cy: y, r: 3 }));
  if (best) {
    const [cx, cy] = at(...highest(series.points));
    group.append(svg("circle", { class: "chart-best", cx: cx.toFixed(1), cy: cy.toFixed(1), r: 6 }));
  }
  return group;
}

/**
 * @param {string} title
 * @param {Array<{name: string, points: Array<[number, number]>}>} series
 * @param {{step?: string, best?: boolean}} [options] what a step across is called; whether the highest point of each is marked
 * @returns {HTMLElement}
 */
export function lineChart(title, series, { step: word = "step", best = false } = {}) {
  const shown = series
    .map((one) => ({ ...one, points: one.points.filter(([, value]) => Number.isFinite(value)) }))
    .filter((one) => one.points.length);
  const figure = el("figure", { class: "chart" }, el("figcaption", {}, el("span", { text: title })));
  if (!shown.length) return figure;
  const steps = shown.flatMap((one) => one.points.map(([step]) => step));
  const xs = [Math.min(...steps), Math.max(...steps, Math.min(...steps) + 1)];
  const ys = range(shown.flatMap((one) => one.points.map(([, value]) => value)));
  const at = (step, value) => [
    MARGIN.left + ((step - xs[0]) / (xs[1] - xs[0])) * (WIDTH - MARGIN.left - MARGIN.right),
    MARGIN.top + (1 - (value - ys[0]) / (ys[1] - ys[0])) * (HEIGHT - MARGIN.top - MARGIN.bottom),
  ];
  const words = shown
    .map(
      (one) =>
        `${humanise(one.name)} went from ${short(one.points[0][1])} to ${short(one.points.at(-1)[1])} in ${one.points.length} points${best ? `, ${bestWords(one, word)}` : ""}`,
    )
    .join("; ");
  figure.append(
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${words}` },
      axes(xs, ys, at, word),
      ...shown.map((one, index) => line(one, index, at, best)),
    ),
  );
  figure.append(legend(shown, best ? word : null));
  return figure;
}

/** `best 0.81 in epoch 7` */
function bestWords({ points }, word) {
  const [step, value] = highest(points);
  return `best ${short(value)} in ${word} ${step}`;
}

/** @param {?string} bestIn what a step is called, where the best one is told beside the last value */
function legend(shown, bestIn) {
  const list = el("ul", { class: "chart-legend" });
  shown.forEach((one, index) => {
    const sample = svg(
      "svg",
      { viewBox: "0 0 26 8", class: `chart-line chart-line-${colourOf(index)}`, "aria-hidden": "true" },
      svg("polyline", { points: "1,4 25,4", "stroke-dasharray": DASHES[index % 4] }),
    );
    list.append(
      el(
        "li",
        {},
        sample,
        el("span", { text: humanise(one.name) }),
        el("span", { class: "number muted", text: short(one.points.at(-1)[1]) }),
        bestIn && el("span", { class: "number muted", text: `(${bestWords(one, bestIn)})` }),
      ),
    );
  });
  return list;
}
