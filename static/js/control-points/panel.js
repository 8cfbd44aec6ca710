/** The panel of the editor: what the matcher says, the model, both errors, and the points one by one. */
import { afterMouse, byId, el, fill } from "mapwright/lib/dom.js";
import { humanise, metres, plural } from "mapwright/lib/format.js";
import { KINDS, pointOf } from "mapwright/control-points/points.js";
import { accuracyWords } from "mapwright/control-points/words.js";

const MODEL_HELP = {
  auto: "the one that the points support",
  shift: "moves",
  similarity: "moves, turns and scales",
  affine: "moves, turns, scales and shears",
  homography: "sees it from an angle",
};
const inPixels = (side, [x, y]) => `${x.toFixed(1)}, ${y.toFixed(1)}`;
const STEPS = [
  ["←", "west", -1, 0],
  ["↑", "north", 0, -1],
  ["↓", "south", 0, 1],
  ["→", "east", 1, 0],
];

/**
 * @param {Object} on what a person may do: `select(number)`, `toggle(number)`, `swapRole(number)`, `remove(number)`,
 *   `choose(kind)`, `nudge([dx, dy])`, `showAll()`
 * @param {{kinds?: Array<string>, where?: string, placeWords?: Function}} options the models to choose from; what ends the
 *   word on accuracy; `placeWords(side, place)` says where a point lies
 */
export function createPanel(on, { kinds = KINDS, where, placeWords = inPixels } = {}) {
  const rows = new Map();
  const press = (run) => ({ click: afterMouse(run) });

  const models = kinds.map((kind, index) =>
    el(
      "button",
      {
        type: "button",
        data: { kind },
        title: `${humanise(kind)}: ${MODEL_HELP[kind]}`,
        on: press(() => on.choose(kind)),
      },
      humanise(kind),
      " ",
      el("kbd", { text: String(index + 1) }),
    ),
  );
  fill(byId("models"), ...models);
  fill(
    byId("nudges"),
    ...STEPS.map(([arrow, name, dx, dy]) =>
      el("button", {
        type: "button",
        class: "button button-small",
        text: arrow,
        "aria-label": `Move it to the ${name} by 0.1 px`,
        on: press(() => on.nudge([dx / 10, dy / 10])),
      }),
    ),
  );

  function makeRow(number) {
    const select = el("button", { type: "button", class: "point-name", on: press(() => on.select(number)) });
    const residual = el("span", { class: "number point-residual" });
    const role = el("button", {
      type: "button",
      class: "button button-small",
      on: press(() => on.swapRole(number)),
    });
    const used = el("button", {
      type: "button",
      class: "button button-small",
      on: press(() => on.toggle(number)),
    });
    const gone = el("button", {
      type: "button",
      class: "icon-button",
      text: "×",
      "aria-label": `Delete point ${number}`,
      on: press(() => on.remove(number)),
    });
    const row = el("li", { class: "point-row", data: { number: String(number) } }, select, residual, role, used, gone);
    return { row, select, residual, role, used, gone };
  }

  /** What a button is set to, and what it sets. */
  function say(button, text, what, marked) {
    button.textContent = text;
    button.setAttribute("aria-label", `${text}: ${what}`);
    button.dataset.marked = String(marked);
  }

  function drawRow(point, { residuals, selected, worst }) {
    const { number } = point;
    if (!rows.has(number)) rows.set(number, makeRow(number));
    const { row, select, residual, role, used, gone } = rows.get(number);
    const marks = [point.confidence === null ? "set by hand" : null, number === worst ? "worst" : null].filter(Boolean);
    fill(
      select,
      el("span", { class: "visually-hidden", text: "Point " }),
      el("strong", { text: String(number) }),
      ...marks.map((text) => el("span", { class: `badge badge-plain${text === "worst" ? " badge-bad" : ""}`, text })),
    );
    select.setAttribute("aria-current", String(number === selected));
    residual.textContent = residuals.has(number) ? metres(residuals.get(number)) : "–";
    say(role, point.role === "check" ? "Check" : "Fit", `what point ${number} is for`, point.role === "check");
    say(used, point.enabled ? "On" : "Off", `whether point ${number} counts`, point.enabled);
    gone.hidden = point.confidence !== null;
    row.classList.toggle("point-off", !point.enabled);
    return row;
  }

  function drawPoints(view) {
    const list = byId("points");
    const wanted = view.shown.map((point) => drawRow(point, view));
    if (wanted.length !== list.children.length || wanted.some((row, index) => list.children[index] !== row))
      fill(list, ...wanted);
    const left = view.work.points.length - view.shown.length;
    byId("show-all").hidden = !left && !view.all;
    byId("show-all").textContent = view.all ? "Show the surest alone" : `Show all ${view.work.points.length}`;
    byId("points-title").textContent = left
      ? `The ${view.shown.length} surest of ${view.work.points.length} points`
      : plural(view.work.points.length, "point");
  }

  function drawErrors({ fit, waiting, refusal }) {
    byId("errors").dataset.waiting = String(waiting);
    byId("fit-rmse").textContent = fit && !refusal ? metres(fit.fit_rmse_m) : "none";
    byId("check-rmse").textContent = fit && !refusal && fit.check_rmse_m !== null ? metres(fit.check_rmse_m) : "none";
    byId("accuracy").className = refusal ? "note note-warn small" : "small";
    byId("accuracy").textContent = refusal || (fit ? accuracyWords(fit, fit.counts, where) : "Nothing is fitted yet.");
  }

  function drawSelected({ work, selected, side }) {
    const point = selected === null ? null : pointOf(work, selected);
    byId("selected").hidden = !point;
    if (!point) return;
    byId("selected-what").textContent =
      `Point ${selected}, ${side === "image" ? "image" : "map"}: ${placeWords(side, point[side])}`;
  }

  return {
    /** Draw the state of the editor: work, shown points, residuals in metres by number, fit, what is selected. */
    draw(view) {
      for (const button of models) button.setAttribute("aria-pressed", String(button.dataset.kind === view.work.kind));
      drawErrors(view);
      drawPoints(view);
      drawSelected(view);
      byId("step-undo").disabled = !view.canUndo;
      byId("step-redo").disabled = !view.canRedo;
    },
    /** What is known of the points before anybody touches them, and whether that is a warning. */
    begin(evidence, warns = false) {
      rows.clear();
      byId("points").replaceChildren();
      byId("evidence").className = warns ? "note note-warn small" : "small";
      byId("evidence").textContent = evidence;
    },
    /** Keep the chosen point's row in sight. */
    reveal: (number) => rows.get(number)?.row.scrollIntoView({ block: "nearest" }),
  };
}
