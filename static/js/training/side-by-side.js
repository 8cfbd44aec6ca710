/** Two models side by side: the newest comparison, that of one with the model in use, or of any two. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, refill } from "mapwright/lib/dom.js";
import { holding, onSubmit } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob } from "mapwright/lib/jobs.js";
import { notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { comparison } from "mapwright/training/comparison.js";
import { kind, mayFollow, nameOfOther } from "mapwright/training/kind.js";
import { MODEL_BADGE, nameOf } from "mapwright/training/models.js";

const BUILT_IN = "built in";
const isRunning = ({ job }) => Boolean(job) && !FINISHED.has(job.state);

/**
 * @param {{admin: boolean, onUse: (model: Object) => void}} options
 */
export function createSideBySide({ admin, onUse }) {
  let models = [];
  let shown = null; // {id of the model, evaluation}
  let stop = () => {};
  let drawn = { what: "", actions: "" };
  const begun = latest(); // what was asked for last is what is shown
  const form = document.getElementById("compare-form");

  const inUse = () => models.find((model) => model.state === "active")?.id ?? null;
  const address = (id) => `/api/models/${id}/evaluations/`;

  async function ask(id, body) {
    try {
      return await api.post(address(id), body);
    } catch (error) {
      notifyError(error);
      return null;
    }
  }

  function actions(model, evaluation) {
    const { against, finished_at: finished } = evaluation;
    const choose =
      admin &&
      model.state !== "active" &&
      el("button", {
        type: "button",
        class: `button${finished ? " button-main" : ""}`,
        id: "promote",
        text: `Use model ${model.id}`,
        on: { click: holding(() => onUse(model)) },
      });
    const again =
      admin &&
      !finished &&
      !isRunning(evaluation) &&
      el("button", {
        type: "button",
        class: "button",
        text: "Compare again",
        on: { click: holding(() => start(model, against === null && !kind.built_in ? {} : { against })) },
      });
    return [choose, again];
  }

  function draw() {
    const model = models.find((one) => one.id === shown?.id);
    const evaluation = model && shown.evaluation;
    byId("comparison").hidden = !evaluation;
    if (!evaluation) return;
    const what = `${model.id} ${evaluation.id}`;
    const put = drawn.what === what ? refill : fill; // of another comparison no button is the same
    const other = nameOfOther(evaluation.against);
    byId("comparison-title").textContent = `Model ${model.id}${other ? ` beside ${other}` : ""}`;
    const [className, text] = MODEL_BADGE[model.state];
    fill(byId("comparison-state"), el("span", { class: className, text }));
    put(byId("comparison-body"), ...comparison(evaluation, { inUse: inUse(), onCancel: admin ? cancelJob : null }));
    const stands = [what, model.state, evaluation.finished_at, isRunning(evaluation)].join(" ");
    if (drawn.actions !== stands) put(byId("comparison-actions"), ...actions(model, evaluation));
    drawn = { what, actions: stands };
  }

  /** The list, too, has the newest comparison of each model. */
  function known(id, evaluation) {
    const model = models.find((one) => one.id === id);
    if (model && !(model.evaluation?.id > evaluation.id)) model.evaluation = evaluation;
  }

  /** A job has ended: what came of it. */
  async function ended({ id, evaluation }) {
    const page = await api.get(address(id)).catch(notifyError);
    const fresh = page?.results.find((one) => one.id === evaluation.id);
    if (!fresh) return;
    known(id, fresh);
    if (shown?.evaluation.id === fresh.id) show(id, fresh);
  }

  function follow() {
    stop();
    const { evaluation } = shown;
    if (!isRunning(evaluation) || evaluation.finished_at || !mayFollow()) return;
    const mine = shown;
    stop = followJob(
      evaluation.job.id,
      (job) => {
        evaluation.job = job;
        draw();
      },
      { onEnd: () => ended(mine) },
    );
  }

  function show(id, evaluation) {
    shown = { id, evaluation };
    draw();
    follow();
  }

  /** Show what was asked for, unless something else was since. */
  function answer(id, evaluation, timely) {
    known(id, evaluation);
    if (!timely()) return;
    show(id, evaluation);
    byId("comparison").scrollIntoView({ block: "nearest" });
  }

  /** Start a comparison, or get the one that is there, and show it. */
  async function start(model, body) {
    const timely = begun();
    const evaluation = await ask(model.id, body);
    if (evaluation) answer(model.id, evaluation, timely);
  }

  function drawChoice() {
    if (!form) return;
    const options = (list) => list.map(([value, text]) => el("option", { value, text }));
    const named = models.map((model) => [String(model.id), nameOf(model)]);
    const others = kind.built_in ? [...named, [BUILT_IN, kind.built_in]] : named;
    const chosen = [form.first.value, form.second.value];
    fill(form.first, ...options(named));
    fill(form.second, ...options(others));
    form.first.value = named.some(([value]) => value === chosen[0]) ? chosen[0] : (named[0]?.[0] ?? "");
    form.second.value = others.some(([value]) => value === chosen[1]) ? chosen[1] : (others[1]?.[0] ?? "");
    byId("compare-two").hidden = !named.length || others.length < 2;
  }
  if (form)
    onSubmit(form, async () => {
      const timely = begun();
      const [first, second] = [form.first.value, form.second.value];
      const evaluation = await api.post(address(first), { against: second === BUILT_IN ? null : Number(second) });
      answer(Number(first), evaluation, timely);
    });

  return {
    /** Show a model's comparison; one with the present model in use is started where there is none. */
    async compare({ id }) {
      const model = models.find((one) => one.id === id);
      const { evaluation } = model;
      const current = evaluation && (model.state === "active" || evaluation.against === inUse());
      const done = current && evaluation.finished_at && kind.per_region; // more may be verified since: ask again
      if (admin && !done && !(evaluation && isRunning(evaluation))) return start(model, {});
      return answer(model.id, evaluation, begun());
    },
    /** The models as they are by now; `anew` shows the newest comparison. */
    know(list, { anew = false } = {}) {
      models = list;
      drawChoice();
      const newest = models.find((model) => model.evaluation);
      if (anew) begun();
      if ((anew || !shown) && newest) show(newest.id, newest.evaluation);
      else draw();
    },
  };
}
