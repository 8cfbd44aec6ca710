/** The page of the generators: choose one, watch it, see what it made, what it cost and what is missing. */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, fill, pageData, refill } from "mapwright/lib/dom.js";
import { moment, number, plural } from "mapwright/lib/format.js";
import { firstLoad } from "mapwright/lib/first-load.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobProgress, stateBadge } from "mapwright/lib/jobs.js";
import { notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";

const { region } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const OPTION_LABELS = { transformers: "Model", http: "Endpoint" };
let state = { generators: [], made: [], mapped: 0, jobs: [] };
const begun = latest();
let stopJob = () => {};

const chosen = () => state.generators.find((one) => one.name === new FormData(byId("generate")).get("generator"));
const option = () => chosen()?.options.find((one) => one.name === byId("option").value);
const money = (value, currency) => `${number(value, value < 1 ? 4 : 2)} ${currency}`.trim();

/* Choosing */

function choice(generator, index) {
  const id = `generator-${generator.name}`;
  const off = person.admin && !generator.usable;
  const setUp = generator.problem || (generator.usable ? "" : "An administrator has to set it up first.");
  return el(
    "div",
    { class: "choice" },
    person.admin
      ? el("input", {
          type: "radio",
          name: "generator",
          id,
          value: generator.name,
          checked: index === 0,
          disabled: off,
          "aria-describedby": `${id}-help`,
          on: { change: drawOption },
        })
      : el("span", { "aria-hidden": "true", text: "·" }),
    person.admin
      ? el("label", { for: id }, el("strong", { text: generator.title }))
      : el("strong", { text: generator.title }),
    el(
      "span",
      { class: "choice-help", id: `${id}-help` },
      generator.words,
      setUp && el("strong", { class: "choice-note", text: setUp }),
    ),
  );
}

function drawOption() {
  if (!person.admin) return;
  const generator = chosen();
  const options = generator?.options ?? [];
  byId("option-field").hidden = !options.length;
  byId("option-label").textContent = OPTION_LABELS[generator?.name] ?? "Model";
  const before = byId("option").value;
  fill(
    byId("option"),
    ...options.map((one) =>
      el("option", { value: one.name, text: one.name === one.model ? one.name : `${one.name}: ${one.model}` }),
    ),
  );
  if (options.some((one) => one.name === before)) byId("option").value = before;
  drawPrice();
}

/** What lies ahead: tiles left for this choice, and the price as far as earlier tiles tell it. */
function drawPrice() {
  if (!person.admin) return;
  const generator = chosen();
  const one = option();
  const priced = one && (one.price_in || one.price_out);
  byId("option-words").textContent = priced
    ? `${money(one.price_in, one.currency)} per 1,000 tokens read, ${money(one.price_out, one.currency)} per 1,000 written`
    : generator?.name === "http"
      ? "No price is set for it."
      : "";
  const before = state.made.find((made) => made.generator === generator?.name && (!one || made.model === one.model));
  const left = (one ?? generator)?.left ?? 0;
  const perTile =
    before?.tiles && priced
      ? ((before.read ?? 0) * one.price_in + (before.written ?? 0) * one.price_out) / 1000 / before.tiles
      : 0;
  byId("ahead").textContent = !state.mapped
    ? "No tile is mapped yet."
    : left
      ? `${plural(left, "tile")} to describe${perTile ? `, about ${money(left * perTile, one.currency)} at the price of those before` : ""}.`
      : "Every mapped tile is described by it already.";
}

/* What there is */

function madeRow(made) {
  const label = state.generators.find((one) => one.name === made.generator)?.title ?? made.generator;
  const more = [
    made.prompt_version && `prompt ${made.prompt_version}`,
    made.model_digest && `weights ${made.model_digest.slice(0, 12)}`,
  ]
    .filter(Boolean)
    .join(", ");
  return el(
    "tr",
    {},
    el(
      "td",
      {},
      el(
        "span",
        { class: "made-origin" },
        el("span", { text: label }),
        made.model && el("code", { text: made.model }),
        more && el("span", { class: "small muted", text: more, title: made.model_digest || null }),
      ),
    ),
    el("td", { class: "number", text: number(made.tiles) }),
    el("td", { class: "number", text: number(made.accepted + made.corrected) }),
    el("td", { class: "number", text: number(made.rejected) }),
    el("td", { class: "number", text: made.read === null ? "none" : number(made.read + (made.written ?? 0)) }),
  );
}

function resultFacts(job) {
  const done = job.result ?? {};
  if (done.made === undefined) return null;
  return facts([
    ["Described", `${plural(done.made, "tile")}, ${number(done.kept)} had been before`],
    [
      "Tokens",
      done.tokens_in || done.tokens_out ? `${number(done.tokens_in)} read, ${number(done.tokens_out)} written` : "",
    ],
    ["Cost", done.cost ? money(done.cost, done.currency) : ""],
    [
      "Missing",
      done.missing
        ? el(
            "span",
            {},
            `${plural(done.missing, "tile")}: ${done.detail} `,
            el("span", {
              class: "small muted",
              text: done.missing_tiles.slice(0, 6).join(", ") + (done.missing > 6 ? " …" : ""),
            }),
          )
        : "",
    ],
  ]);
}

function drawJob(job) {
  const again = job.result?.missing || job.state === "failed" || job.state === "cancelled";
  byId("job").hidden = false;
  fill(
    byId("job"),
    el(
      "div",
      { class: "card-head" },
      el("h3", {
        text: FINISHED.has(job.state) ? `Last run, ${moment(job.finished_at ?? job.created_at)}` : "Under way",
      }),
      stateBadge(job.state),
    ),
    jobProgress(job, { onCancel: person.admin ? cancelJob : null }),
    resultFacts(job),
    again && el("p", { class: "small muted", text: "Start it again: it goes on with what is missing." }),
  );
}

function draw() {
  const picked = chosen()?.name;
  refill(byId("choices"), ...state.generators.map(choice));
  if (picked && byId(`generator-${picked}`)) byId(`generator-${picked}`).checked = true;
  drawOption();
  byId("made-none").hidden = state.made.length > 0;
  byId("made-part").hidden = !state.made.length;
  fill(byId("made"), ...state.made.map(madeRow));
  const job = state.jobs[0];
  stopJob();
  if (!job) return;
  drawJob(job);
  if (!FINISHED.has(job.state)) stopJob = followJob(job.id, drawJob, { onEnd: () => load().catch(notifyError) });
}

async function load() {
  const timely = begun();
  const found = await api.get(`${base}/anchor-generators/`);
  if (!timely()) return;
  state = found;
  draw();
}

async function send() {
  const generator = chosen();
  const body = { generator: generator.name };
  if (generator.name === "http") body.endpoint = byId("option").value;
  if (generator.name === "transformers") body.model = byId("option").value;
  await api.post(`${base}/anchors/`, body);
  await load();
}

async function showPrompt() {
  if (!byId("prompt").open || byId("prompt-body").children.length) return;
  try {
    const prompt = await api.get("/api/anchor-prompt/");
    fill(
      byId("prompt-body"),
      el("p", {
        class: "small muted",
        text: `Prompt ${prompt.version}, digest ${prompt.digest.slice(0, 16)}. Image and map of the tile go with it.`,
      }),
      el("h3", { text: "System" }),
      el("pre", { text: prompt.system, tabindex: "0" }),
      el("h3", { text: "Question" }),
      el("pre", { text: prompt.user, tabindex: "0" }),
    );
  } catch (error) {
    notifyError(error);
  }
}

byId("prompt").addEventListener("toggle", showPrompt);
const ready = firstLoad(load, byId("generate"));
if (person.admin) {
  byId("option").addEventListener("change", drawPrice);
  ready.then(() => state.generators.length && onSubmit(byId("generate"), send));
}
