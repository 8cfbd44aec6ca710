/** The training page: start a run, watch its curves, hold models side by side, choose the one in use. */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, fill, pageData, refill } from "mapwright/lib/dom.js";
import { moment, number } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobProgress, stateBadge } from "mapwright/lib/jobs.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { createSettings } from "mapwright/training/change-settings.js";
import { curves } from "mapwright/training/curves.js";
import { anchorsInWords, dataAhead } from "mapwright/training/data.js";
import { locatorsAhead } from "mapwright/training/locator.js";
import { base, dataPath, kind, mayFollow, NEXT_STEP, ofKind } from "mapwright/training/kind.js";
import { matchersAhead, takesFiles } from "mapwright/training/matcher.js";
import { modelCard } from "mapwright/training/models.js";
import { decisionsInWords, metricRows } from "mapwright/training/names.js";
import { changedSettings, settings } from "mapwright/training/settings.js";
import { searchAhead } from "mapwright/training/search.js";
import { createSideBySide } from "mapwright/training/side-by-side.js";

const person = pageData("person");
let stopRun = () => {};
let shownRun = null;
const sides = createSideBySide({ admin: person.admin, onUse: use });
const begun = latest();
let anew = false; // a newer comparison is to be shown, by whichever list comes next

const stateOf = (run) => run.job?.state ?? (run.model ? "succeeded" : "cancelled");
const attempt = (work) => work().catch((error) => void notifyError(error));

/* Runs */

function drawRun(run) {
  byId("curve").hidden = false;
  byId("run-title").textContent = `Run ${run.id}`;
  fill(byId("run-state"), stateBadge(stateOf(run)));
  refill(byId("run-progress"), run.job ? jobProgress(run.job, { onCancel: person.admin ? cancelJob : null }) : null);
  refill(byId("charts"), ...(run.preset === "imported" ? [] : curves(run.figures ?? {})));
  fill(
    byId("run-facts"),
    facts([
      ["Anchors", anchorsInWords(run.data_set.anchors)],
      ["People's decisions", decisionsInWords(run.data_set.decisions) || "none"],
      ...metricRows(run.metrics).slice(0, 2),
      ["Changed", changedSettings(run.changed)],
      ["Settings", settings(run.config)],
      ["Data digest", el("code", { text: run.data_set.digest.slice(0, 16), title: run.data_set.digest })],
    ]),
  );
}

async function refreshRun(id) {
  const run = await attempt(() => api.get(`/api/training-runs/${id}/`));
  if (run && id === shownRun) drawRun(run);
  return run;
}

async function showRun(id) {
  stopRun();
  shownRun = id;
  const run = await refreshRun(id);
  if (id === shownRun && run?.job && !FINISHED.has(run.job.state) && mayFollow())
    stopRun = followJob(run.job.id, () => refreshRun(id), { onEnd: afterRun });
}

function runRow(run) {
  const said = decisionsInWords(run.data_set.decisions);
  const cells = [
    String(run.id),
    run.preset,
    [number(run.seed), "number"],
    [number(run.data_set.pairs), "number"],
    said || "none",
    moment(run.created_at),
  ];
  return el(
    "tr",
    {},
    ...cells.map((cell) =>
      Array.isArray(cell) ? el("td", { class: cell[1], text: cell[0] }) : el("td", { text: cell }),
    ),
    el("td", {}, stateBadge(stateOf(run))),
    el(
      "td",
      {},
      el("button", {
        type: "button",
        class: "button button-small",
        text: "Curves",
        "aria-label": `Curves of run ${run.id}`,
        on: { click: () => showRun(run.id) },
      }),
    ),
  );
}

async function listRuns() {
  const page = await attempt(() => api.get(`${base}/training-runs/${ofKind}`));
  if (!page) return;
  fill(
    byId("runs"),
    ...(page.results.length
      ? page.results.map(runRow)
      : [el("tr", {}, el("td", { colspan: "8", class: "muted", text: "Nothing was trained yet." }))]),
  );
  if (shownRun === null && page.results.length) await showRun(page.results[0].id);
}

/* Models */

async function listModels(options = {}) {
  anew ||= Boolean(options.anew);
  const timely = begun();
  const page = await attempt(() => api.get(`${base}/models/${ofKind}`));
  if (!page || !timely()) return;
  const models = page.results;
  const on = { onUse: use, onCompare: sides.compare, onDescribed: () => listModels() };
  refill(
    byId("models"),
    ...(models.length
      ? models.map((model) => modelCard(model, { admin: person.admin, ...on }))
      : [el("p", { class: "muted small", text: "The first training leaves the first model." })]),
  );
  const back = document.getElementById("roll-back");
  if (back) back.hidden = !models.some((model) => model.state === "active" && (model.before || kind.built_in));
  sides.know(models, { anew });
  anew = false;
}

async function use(model) {
  const done = await attempt(() => api.post(`/api/models/${model.id}/promote/`));
  if (!done) return;
  notify(`Model ${model.id} is in use. ${NEXT_STEP}`);
  await Promise.all([listModels(), listData()]);
}

async function rollBack() {
  const sure = await confirmDialog({
    title: "Roll back?",
    text: "What was in use before the present model is put in use again; that one retires.",
    yes: "Roll back",
  });
  if (!sure || !(await attempt(() => api.post(`${base}/models/roll-back/${ofKind}`)))) return;
  notify("What was in use before is in use again.");
  await Promise.all([listModels(), listData()]);
}

/* What comes next */

async function listData() {
  const data = await attempt(() => api.get(dataPath));
  const ahead = { region: dataAhead, locator: locatorsAhead, landmarks: searchAhead }[kind.name] ?? matchersAhead;
  if (data) fill(byId("data"), ...ahead(data));
}

/** A run has ended: its model is in the list, and its comparison has begun. */
async function afterRun() {
  await Promise.all([listRuns(), listModels({ anew: true }), listData()]);
}

const form = document.getElementById("train-form");
if (form) {
  const changes = createSettings(kind.name, () => form.preset.value);
  const load = () => changes.load().catch(notifyError);
  form.preset.addEventListener("change", load);
  load();
  onSubmit(form, async () => {
    const run = await api.post(`${base}/training-runs/`, {
      kind: kind.name,
      preset: form.preset.value,
      seed: form.seed.value === "" ? null : Number(form.seed.value),
      settings: changes.values(),
    });
    changes.clear();
    notify("The training has started.");
    await listRuns();
    await showRun(run.id);
  });
}
const file = document.getElementById("take-in");
if (file)
  takesFiles(file, kind.name, async (id) => {
    await listRuns();
    await showRun(id);
  });
document.getElementById("roll-back")?.addEventListener("click", rollBack);
listRuns();
listModels();
listData();
