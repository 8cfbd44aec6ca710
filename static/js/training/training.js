/** The training page: start a run, watch its curves, choose the model in use. */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, fill, pageData } from "mapwright/lib/dom.js";
import { humanise, moment, number } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobProgress, stateBadge } from "mapwright/lib/jobs.js";
import { lineChart } from "mapwright/lib/chart.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

const { region } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const MODEL_BADGE = { active: ["badge badge-good", "In use"], candidate: ["badge", "Not in use"], retired: ["badge", "Retired"] };
let stop = () => {};
let shown = null;

const stateOf = (run) => run.job?.state ?? (run.model ? "succeeded" : "cancelled");

function metricRows(metrics) {
  return Object.entries(metrics).map(([name, value]) => [humanise(name.replace(/\//g, ": ")), Math.abs(value) >= 100 || Number.isInteger(value) ? number(value) : number(value, 3)]);
}

/** Curves that belong together share a chart: the part of the name before the slash. */
function charts(figures) {
  const groups = new Map();
  for (const [name, points] of Object.entries(figures)) {
    if (!points.length || /(^|\/)(epoch|step)$/.test(name)) continue;
    const at = name.lastIndexOf("/");
    const group = at < 0 ? "Figures" : name.slice(0, at);
    groups.set(group, [...(groups.get(group) ?? []), { name: name.slice(at + 1), points }]);
  }
  return [...groups].map(([name, series]) => lineChart(humanise(name.replace(/\//g, ": ")), series));
}

function drawRun(run) {
  byId("curve").hidden = false;
  byId("run-title").textContent = `Run ${run.id}`;
  fill(byId("run-state"), stateBadge(stateOf(run)));
  fill(byId("run-progress"), run.job ? jobProgress(run.job, { onCancel: person.admin ? cancelJob : null }) : null);
  const drawn = charts(run.figures ?? {});
  fill(byId("charts"), ...(drawn.length ? drawn : [el("p", { class: "muted small", text: "The curves start with the first epoch." })]));
  fill(byId("run-facts"), facts([...metricRows(run.metrics), ["Data set", el("code", { text: run.data_set.digest.slice(0, 12) })]]));
}

async function refresh(id) {
  try {
    const run = await api.get(`/api/training-runs/${id}/`);
    if (id === shown) drawRun(run);
    return run;
  } catch (error) {
    notifyError(error);
    return null;
  }
}

async function show(id) {
  stop();
  shown = id;
  const run = await refresh(id);
  if (run?.job && !FINISHED.has(run.job.state)) stop = followJob(run.job.id, () => refresh(id), { onEnd: () => { listRuns(); listModels(); } });
}

function runRow(run) {
  const cells = [String(run.id), run.preset, [number(run.seed), "number"], [number(run.data_set.pairs), "number"], moment(run.created_at)];
  return el("tr", {}, ...cells.map((cell) => (Array.isArray(cell) ? el("td", { class: cell[1], text: cell[0] }) : el("td", { text: cell }))), el("td", {}, stateBadge(stateOf(run))), el("td", {}, el("button", { type: "button", class: "button button-small", text: "Curves", "aria-label": `Curves of run ${run.id}`, on: { click: () => show(run.id) } })));
}

async function listRuns() {
  try {
    const { results } = await api.get(`${base}/training-runs/`);
    fill(byId("runs"), ...(results.length ? results.map(runRow) : [el("tr", {}, el("td", { colspan: "7", class: "muted", text: "Nothing was trained yet." }))]));
    if (shown === null && results.length) await show(results[0].id);
  } catch (error) {
    notifyError(error);
  }
}

function modelCard(model) {
  const [className, text] = MODEL_BADGE[model.state];
  const promote = person.admin && model.state !== "active" && el("button", { type: "button", class: "button button-small", text: "Use this one", "aria-label": `Use model ${model.id}`, on: { click: () => change(`/api/models/${model.id}/promote/`, `Model ${model.id} is in use.`) } });
  return el("article", { class: "model" }, el("div", { class: "model-head" }, el("h3", { text: `Model ${model.id}` }), el("span", { class: className, text }), promote || el("span")), facts([["Run", String(model.run)], ["Made", moment(model.created_at)], ...metricRows(model.metrics).slice(0, 8), ["SHA-256", el("code", { text: model.sha256.slice(0, 16) })]]));
}

async function listModels() {
  try {
    const { results } = await api.get(`${base}/models/`);
    fill(byId("models"), ...(results.length ? results.map(modelCard) : [el("p", { class: "muted small", text: "The first training leaves the first model." })]));
    const back = document.getElementById("roll-back");
    if (back) back.hidden = !results.some((model) => model.state === "active" && model.before);
  } catch (error) {
    notifyError(error);
  }
}

async function change(path, text) {
  try {
    await api.post(path);
    notify(text);
    await listModels();
  } catch (error) {
    notifyError(error);
  }
}

const form = document.getElementById("train-form");
if (form) {
  onSubmit(form, async () => {
    const run = await api.post(`${base}/training-runs/`, { preset: form.preset.value, seed: Number(form.seed.value) });
    notify("The training has started.");
    await listRuns();
    await show(run.id);
  });
}
document.getElementById("roll-back")?.addEventListener("click", async () => {
  const sure = await confirmDialog({ title: "Roll back?", text: "The model that was in use before is put in use again; the present one retires.", yes: "Roll back" });
  if (sure) await change(`${base}/models/roll-back/`, "The model before is in use again.");
});
listRuns();
listModels();
