/** The page of a region's correspondences: match the tiles, see how far it is, start batches, look at every proposal. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { humanise, moment, number, percent } from "mapwright/lib/format.js";
import { firstLoad } from "mapwright/lib/first-load.js";
import { onSubmit, values } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobProgress, stateBadge } from "mapwright/lib/jobs.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notifyError } from "mapwright/lib/notices.js";
import { showProposals } from "mapwright/correspondences/proposals.js";
import { batchCard, drawnWords } from "mapwright/review/batch-card.js";
import { createBatchList } from "mapwright/review/batch-list.js";

const { region, links } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const MATCHERS = {
  structure: "The matcher that ships: a small network that reads the structure of both pictures.",
  sift: "OpenCV's SIFT: looks for places that look alike, which an image and a drawn map seldom do.",
  orb: "OpenCV's ORB: the same, faster and less sure.",
};
const STATES = [
  ["proposed", "waiting"],
  ["no_match", "of them without a match"],
  ["verified", "verified"],
  ["corrected", "corrected"],
  ["rejected", "rejected"],
];
const PLAN_WORDS = {
  random: "Every waiting proposal is as likely as any other: what comes of these speaks for all of them.",
  uncertain: "Where chance explains the match best, those first; tiles without a match last.",
  all: "Every waiting proposal, row by row from the north-west.",
};
let stopJob = () => {};
let tried = false;

function headlineOf({ progress, disagreements }) {
  const { accept = 0, adjust = 0, reject = 0 } = progress.decisions;
  const said = accept + adjust + reject;
  const taken = said
    ? `${percent((accept + adjust) / said, 1)} taken, ${number(adjust)} of them corrected`
    : progress.waiting
      ? "what they say is told once the second answers are in"
      : "no verdict yet";
  const settled = disagreements.decided ? `; ${number(disagreements.decided)} settled by a third person` : "";
  return `${number(progress.decided)} answered, ${taken}${settled}`;
}

function drawnOf(batch) {
  const { options, second_share: second } = batch;
  return [
    drawnWords(batch, "tile"),
    options.matcher ? `matched by ${options.matcher}` : null,
    options.scan ? "pairs of a map scan" : null,
    options.no_match ? "those without a match too" : null,
    second ? `${percent(second)} answered twice` : null,
  ]
    .filter(Boolean)
    .join(", ");
}

const list = createBatchList({
  base: `${base}/correspondence-batches/`,
  pathOf: (id) => `/api/correspondence-batches/${id}/`,
  stage: "correspondences",
  region: region.id,
  what: ["tile", "tiles"],
  empty: person.editor ? "Match the tiles, then start one below." : "An editor starts one.",
  card: (batch, handlers) =>
    batchCard(batch, {
      headline: headlineOf(batch),
      drawn: drawnOf(batch),
      links,
      report: `${links.batches}batches/${batch.id}/`,
      editor: person.editor,
      ...handlers,
    }),
});

function resultWords({ matched, verified, refused, kept }) {
  const words = [
    `${number(matched)} matched`,
    `${number(refused)} without a match`,
    `${number(kept)} looked at before`,
  ];
  if (verified) words.push(`${number(verified)} verified by the gate that is set`);
  return `${words.join(", ")}.`;
}

function drawJob(job) {
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
    job.result?.matched === undefined ? null : el("p", { class: "small", text: resultWords(job.result) }),
    ["failed", "cancelled"].includes(job.state)
      ? el("p", { class: "small muted", text: "Start it again: it goes on with the tiles that are missing." })
      : null,
  );
}

function drawCounts({ counts, counted_to: most }) {
  const said = (count) => (count >= most ? `${number(most)} or more` : number(count));
  fill(
    byId("counts"),
    ...STATES.map(([name, words]) =>
      el("div", {}, el("dd", { class: "number", text: said(counts[name]) }), el("dt", { text: words })),
    ),
  );
}

function drawMatchers({ offered }) {
  const options = () => offered.map((name) => el("option", { value: name, text: humanise(name) }));
  if (person.admin) {
    const chosen = byId("matcher").value;
    fill(byId("matcher"), ...options());
    if (offered.includes(chosen)) byId("matcher").value = chosen;
    describe();
  } else
    byId("matchers-offered").textContent =
      `Offered here: ${offered.map(humanise).join(", ")}. An administrator starts one.`;
  if (person.editor && byId("start-matcher").length < 2) byId("start-matcher").append(...options());
}

/** Map scans whose pairs are proposals, to choose one from; where there is none, nothing is asked. */
function offerScans(all) {
  const scans = all.filter((scan) => scan.made);
  const choices = [
    ["start-scan", "scan-field"],
    ["scan", "scan-filter"],
  ];
  for (const [select, field] of choices.filter(([id]) => document.getElementById(id))) {
    const options = scans.map((scan) => el("option", { value: String(scan.id), text: `Scan ${scan.original_name}` }));
    byId(select).append(...options);
    byId(field).hidden = !scans.length;
  }
}

function describe() {
  byId("matcher-words").textContent =
    `${MATCHERS[byId("matcher").value] ?? ""} Tiles that it has looked at before are left as they are.`.trim();
}

function draw(found) {
  drawMatchers(found);
  drawCounts(found);
  stopJob();
  const [job] = found.jobs;
  if (!job) return;
  drawJob(job);
  if (!FINISHED.has(job.state)) stopJob = followJob(job.id, drawJob, { onEnd: ended });
}

const ask = () => api.get(`${base}/matchers/`);

async function load() {
  try {
    draw(await ask());
  } catch (error) {
    notifyError(error);
  }
}

/** The matchers, and the lists too, where they did not come either. */
async function begin() {
  const again = tried;
  tried = true;
  draw(await ask());
  if (again) {
    proposals.restart();
    list.reload();
  }
}

function ended() {
  load();
  proposals.restart();
}

async function match(form) {
  await api.post(`${base}/correspondences/`, { matcher: values(form).matcher });
  await load();
}

const proposals = showProposals(region.id);
const matchers = firstLoad(begin, byId("match-title").parentElement);
const choosing = person.editor ? byId("start") : byId("proposals-title").closest("section");
const scans = firstLoad(async () => offerScans(await api.all(`${base}/map-scans/`)), choosing);
if (person.admin) {
  byId("matcher").addEventListener("change", describe);
  matchers.then(() => byId("matcher").length && onSubmit(byId("match"), match));
}
if (person.editor)
  list.bindStart({
    words: PLAN_WORDS,
    more: ({ matcher = "", scan = "" }) => ({
      matcher,
      scan: scan ? Number(scan) : null,
      no_match: byId("start-no-match").checked,
    }),
    ready: Promise.all([matchers, scans]),
  });
bindKey("r", "Review", () => location.assign(links.bench));
list.reload();
