/** The page of review work: statistics of a queue by person, and its acts, filtered. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { DECISIONS, duration, humanise, moment, number } from "mapwright/lib/format.js";
import { held } from "mapwright/lib/forms.js";
import { notifyError } from "mapwright/lib/notices.js";
import { waitingWords } from "mapwright/review/batch-card.js";

const { region, stages, actions } = pageData();
const person = pageData("person");
const STAGES = {
  anchors: "Anchors",
  "anchor-adjudication": "Disagreements on anchors",
  correspondences: "Correspondences",
  "correspondence-adjudication": "Disagreements on correspondences",
  changes: "Changes",
};
const stage = byId("stage");
const acts = document.getElementById("acts");
const filters = document.getElementById("filters");
let next = null;
let generation = 0; // of the filters: an answer to earlier ones comes too late

const name = (decision) => humanise(DECISIONS[decision] ?? decision);
const inWords = (data) =>
  Object.entries(data)
    .map(([key, value]) => `${humanise(key)}: ${Array.isArray(value) ? value.join(", ") : value}`)
    .join("; ");

const answersInWords = ({ decisions, waiting }) =>
  [
    ...Object.entries(decisions).map(([decision, count]) => `${number(count)} ${DECISIONS[decision] ?? decision}`),
    ...(waiting ? [waitingWords(waiting)] : []),
  ].join(", ");

function drawWork({ decisions, waiting, reviewers }) {
  const told = Object.entries(decisions).map(([decision, count]) => [name(decision), count]);
  if (waiting) told.push(["Waiting for a second answer", waiting]);
  const totals = told.map(([word, count]) =>
    el("div", {}, el("dd", { class: "number", text: number(count) }), el("dt", { text: word })),
  );
  fill(
    byId("totals"),
    totals.length
      ? el("dl", { class: "figures" }, ...totals)
      : el("p", { class: "muted", text: "Nothing in this queue yet." }),
  );
  const rows = reviewers.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: one.reviewer }),
      el("td", { class: "number", text: number(one.decided) }),
      el("td", { text: answersInWords(one) }),
      el("td", { class: "number", text: number(one.undone) }),
      el("td", { class: "number", text: number(one.flagged) }),
      el("td", { class: "number", text: one.mean_seconds === null ? "not measured" : duration(one.mean_seconds) }),
    ),
  );
  const head = ["Person", "Decided", "Answers", "Taken back", "Flagged", "Mean time"].map((text) =>
    el("th", { scope: "col", text }),
  );
  fill(
    byId("people"),
    rows.length
      ? el(
          "div",
          { class: "table-scroll", tabindex: "0", role: "region", "aria-labelledby": "work-title" },
          el("table", { class: "report-table" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
        )
      : null,
  );
}

const ACTS = { "review.reassign": "Flag" };
/** What an act is about, as a way there; of what is gone its name alone. */
function about({ object_kind: kind, object_id: id, page_url: href }) {
  const text = `${humanise(kind)} ${id}`;
  return href ? el("a", { href, text }) : text;
}

const act = (one) =>
  el(
    "tr",
    {},
    el("td", { class: "number", text: moment(one.at) }),
    el("td", { text: one.actor ?? "the program" }),
    el("td", { text: ACTS[one.action] ?? humanise(one.action.replace("review.", "")) }),
    el("td", { class: "number" }, about(one)),
    el("td", { text: inWords(one.data) }),
  );

async function loadActs(path, fresh) {
  const mine = fresh ? (generation += 1) : generation;
  const answer = await api.get(path);
  if (mine !== generation) return;
  if (fresh) acts.replaceChildren();
  acts.append(...answer.results.map(act));
  if (!acts.children.length)
    acts.append(el("tr", {}, el("td", { colspan: "5", class: "muted", text: "No act fits." })));
  next = answer.next;
  byId("more").hidden = !next;
}

function restart() {
  const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
  for (const day of ["since", "until"]) if (query.get(day)) query.set(day, `${query.get(day)}T00:00:00Z`);
  query.set("region", String(region.id));
  query.set("page_size", "50");
  loadActs(`/api/review/${stage.value}/audit/?${query}`, true).catch(notifyError);
}

function show() {
  history.replaceState(null, "", `?stage=${stage.value}`);
  const shown = stage.value;
  api
    .get(`/api/review/${shown}/statistics/?region=${region.id}`)
    .then((work) => shown === stage.value && drawWork(work))
    .catch(notifyError);
  if (person.admin) restart();
}

stage.append(...stages.map((key) => el("option", { value: key, text: STAGES[key] ?? humanise(key) })));
stage.value = stages.find((key) => key === new URLSearchParams(location.search).get("stage")) ?? stages[0];
stage.addEventListener("change", show);
if (person.admin) {
  filters.elements
    .namedItem("action")
    .append(
      ...actions.map((key) => el("option", { value: key, text: ACTS[key] ?? humanise(key.replace("review.", "")) })),
    );
  filters.addEventListener("change", restart);
  filters.addEventListener("submit", (event) => event.preventDefault());
  const more = byId("more");
  const loadMore = () => loadActs(new URL(next).pathname + new URL(next).search, false);
  more.addEventListener("click", () => held(more, loadMore).catch(notifyError));
}
show();
