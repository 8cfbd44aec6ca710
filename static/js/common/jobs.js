/** The jobs page: what runs, how far, why it failed; followed while it is open. */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts } from "mapwright/lib/dom.js";
import { moment } from "mapwright/lib/format.js";
import { held } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobName, jobProgress, stateBadge } from "mapwright/lib/jobs.js";
import { notifyError } from "mapwright/lib/notices.js";

const person = pageRegion().person;
const stops = [];
const names = new Map();
let next = null;
let generation = 0; // of the filters: an answer to earlier ones comes too late

function pageRegion() {
  return { person: JSON.parse(byId("person").textContent), region: new URLSearchParams(location.search).get("region") };
}

const maySteer = (job) => person.admin || job.created_by === person.name;

/** Tries a job again, and follows it on its card. */
async function retry(node, job) {
  try {
    const fresh = await api.post(`/api/jobs/${job.id}/retry/`);
    fillCard(node, fresh);
    stops.push(followJob(job.id, (newer) => fillCard(node, newer)));
  } catch (error) {
    fillCard(node, job);
    notifyError(error);
  }
}

function fillCard(node, job) {
  node.dataset.state = job.state;
  const about = facts([
    [
      "Region",
      job.region
        ? el("a", { href: `/regions/${job.region}/`, text: names.get(job.region) ?? `Region ${job.region}` })
        : null,
    ],
    ["Asked for", `${moment(job.created_at)}${job.created_by ? ` by ${job.created_by}` : ""}`],
    ["Ended", job.finished_at ? moment(job.finished_at) : null],
    ["Tries", job.attempts > 1 ? `${job.attempts} of ${job.max_attempts}` : null],
  ]);
  node.replaceChildren(
    el("div", { class: "card-head" }, el("h2", { text: jobName(job.kind) }), stateBadge(job.state)),
    jobProgress(job, {
      onCancel: maySteer(job) ? cancelJob : null,
      onRetry: maySteer(job) ? (failed) => retry(node, failed) : null,
    }),
    about,
  );
}

function card(job) {
  const node = el("article", { class: "card job-card" });
  fillCard(node, job);
  if (!FINISHED.has(job.state)) stops.push(followJob(job.id, (fresh) => fillCard(node, fresh)));
  return node;
}

async function load(path) {
  const mine = generation;
  try {
    const answer = await api.get(path);
    if (mine !== generation) return;
    const list = byId("jobs");
    list.append(...answer.results.map(card));
    if (!list.children.length)
      list.append(
        el(
          "div",
          { class: "empty" },
          el("h2", { text: "No jobs" }),
          el("p", { text: "Imports, training and scans show here while they run and after." }),
        ),
      );
    next = answer.next;
    byId("more").hidden = !next;
  } catch (error) {
    notifyError(error);
  }
}

function restart() {
  generation += 1;
  stops.splice(0).forEach((stop) => stop());
  byId("jobs").replaceChildren();
  const query = new URLSearchParams({ page_size: 30 });
  const { region } = pageRegion();
  if (region) query.set("region", region);
  const state = byId("state").value;
  if (state === "dead") query.set("dead", "true");
  else if (state) query.set("state", state);
  load(`/api/jobs/?${query}`);
}

const more = byId("more");
more.addEventListener("click", () => held(more, () => load(new URL(next).pathname + new URL(next).search)));
byId("state").addEventListener("change", restart);
api
  .all("/api/regions/?page_size=500")
  .then((regions) => regions.forEach((region) => names.set(region.id, region.name)))
  .catch(notifyError)
  .finally(restart);
