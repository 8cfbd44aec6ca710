/** The page of reference imagery: sets are registered and followed, and the feature database is built. */
import { ApiError, api } from "mapwright/lib/api.js";
import { byId, el, facts, fill, refill } from "mapwright/lib/dom.js";
import { bytes, moment, number, plural } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit, values } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobProgress } from "mapwright/lib/jobs.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { setCard } from "mapwright/geolocation/set-card.js";
import { addViewers, viewersOf } from "mapwright/geolocation/who-sees.js";

const cards = new Map(); // id of a set -> {sign, node}
const followed = new Map(); // id of a job -> stop
let sets = [];
let chosen = null;

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notifyError(error);
    return null;
  }
}

/* Sets */

/** The card of a set, as it was while nothing of it changed: what is unfolded or being typed there stays. */
function cardOf(set) {
  const sign = JSON.stringify(set);
  const before = cards.get(set.id);
  if (before?.sign === sign) return before.node;
  const node = setCard(set, {
    current: set.id === chosen,
    onShow: () => choose(set.id),
    onStop: cancelJob,
    onAgain: () => act(() => api.post(`/api/reference-sets/${set.id}/prepare/`)),
    onRemove: () => remove(set),
    onChanged: async () => {
      await load();
      notify(`Who sees ${set.name} is changed.`);
    },
    onAdded: async () => {
      await load();
      notify("The file is being read.");
    },
  });
  if (before) {
    const open = [...before.node.querySelectorAll("details")].map((one) => one.open);
    const mine = node.querySelectorAll("details");
    if (mine.length === open.length)
      mine.forEach((one, index) => {
        one.open = open[index];
      });
  }
  cards.set(set.id, { sign, node });
  return node;
}

function choose(id) {
  chosen = id;
  for (const [number_, { node }] of cards) node.setAttribute("aria-current", String(number_ === id));
}

function draw() {
  const nodes = sets.map(cardOf);
  const focused = document.activeElement?.closest?.("[data-set]")?.dataset.set;
  fill(
    byId("sets"),
    ...(nodes.length
      ? nodes
      : [el("p", { class: "muted", text: "No set yet. Regions have theirs once features are built." })]),
  );
  if (focused && !document.activeElement?.closest?.("[data-set]"))
    byId("sets").querySelector(`[data-set="${focused}"]`)?.focus();
}

async function act(work) {
  if ((await attempt(async () => (await work()) ?? true)) !== null) await Promise.all([load(), loadDatabase()]);
}

async function remove(set) {
  const sure = await confirmDialog({
    title: `Remove ${set.name}?`,
    text: "Its bases, files and features go with it. Places that were found on it stay with their images.",
    yes: "Remove it",
  });
  if (sure) await act(() => api.delete(`/api/reference-sets/${set.id}/`));
}

/** Follow a job until it ends; what it changed is asked for then. */
function follow(job, onChange = () => {}) {
  if (!job || FINISHED.has(job.state) || followed.has(job.id)) return;
  const end = async () => {
    followed.delete(job.id);
    await Promise.all([load(), loadDatabase()]);
  };
  followed.set(job.id, followJob(job.id, onChange, { onEnd: end }));
}

async function load() {
  const found = await attempt(() => api.all("/api/reference-sets/?page_size=200"));
  if (!found) return;
  sets = found;
  draw();
  for (const { id, job } of sets)
    follow(job, (now) => {
      sets = sets.map((one) => (one.id === id ? { ...one, job: now } : one));
      draw();
    });
}

/* The feature database */

function inWords(told) {
  if (!told.locator) return ["badge badge-bad", "No locator"];
  if (told.job && !FINISHED.has(told.job.state)) return ["badge badge-busy", "Being built"];
  if (!told.serving) return ["badge badge-warn", "Not built"];
  return told.serving.stale_since ? ["badge badge-warn", "Behind"] : ["badge badge-good", "Up to date"];
}

function drawDatabase(told) {
  const { serving, building, job, locator, remedy } = told;
  const [className, text] = inWords(told);
  const busy = job && !FINISHED.has(job.state);
  fill(byId("database-state"), el("span", { class: className, text }));
  refill(
    byId("database"),
    remedy ? el("p", { class: "note note-warn", text: remedy }) : null,
    facts([
      ["Looks for images", locator || "nothing"],
      ["Searched", serving ? plural(serving.base_count, "base") : "nothing yet"],
      ["On the disk", serving ? bytes(serving.size_bytes) : null],
      ["Built", serving ? moment(serving.built_at) : null],
      ["Behind since", serving?.stale_since ? moment(serving.stale_since) : null],
      ["Built anew for", building && serving ? `another locator, ${number(building.base_count)} bases so far` : null],
    ]),
    busy || job?.state === "failed" ? jobProgress(job, { onCancel: busy ? cancelJob : null }) : null,
  );
  byId("build").hidden = !locator || Boolean(busy);
}

async function loadDatabase() {
  const told = await attempt(() => api.get("/api/feature-database/"));
  if (!told) return;
  drawDatabase(told);
  follow(told.job, (job) => drawDatabase({ ...told, job }));
}

async function build() {
  if (byId("build").hidden || !(await attempt(() => api.post("/api/feature-database/build/")))) return;
  notify("Features are being built.");
  await loadDatabase();
}

/* A new set */

const form = byId("set-form");

function showKind() {
  for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== form.kind.value;
}

/** Four numbers or GeoJSON as GeoJSON; anything else is refused before it is sent. */
function areaOf(text) {
  const numbers = text.split(/[\s,;]+/).map(Number);
  if (numbers.length === 4 && numbers.every(Number.isFinite)) {
    const [west, south, east, north] = numbers;
    const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]; // prettier-ignore
    return { type: "Polygon", coordinates: [ring] };
  }
  try {
    return JSON.parse(text);
  } catch {
    const detail = "Give west, south, east and north in degrees, or a GeoJSON polygon.";
    throw new ApiError(400, { code: "invalid", detail, fields: { area: [detail] } });
  }
}

function wish() {
  const { kind, name = "", licence = "", attribution = "", open_to_all: open, ...more } = values(form);
  const all = { kind, name, licence, attribution, open_to_all: Boolean(open), viewers: viewersOf(form) };
  if (kind === "tiles") {
    const { url_template: address = "", zoom, area } = more;
    return { ...all, url_template: address, zoom: Number(zoom) || null, area: area ? areaOf(area) : null };
  }
  const paths = (more.server_files ?? "").split("\n").map((one) => one.trim());
  const at = more.resolution_m ? { resolution_m: Number(more.resolution_m) } : {};
  return { ...all, ...at, server_files: paths.filter(Boolean) };
}

onSubmit(form, async () => {
  const set = await api.post("/api/reference-sets/", wish());
  const next = set.kind === "files" && !set.files.length ? "Add its files now." : "It is being prepared.";
  notify(`${set.name} is registered. ${next}`);
  form.reset();
  showKind();
  await load();
  move(0, set.id);
});
form.addEventListener("change", showKind);
byId("build").addEventListener("click", build);

function move(by, to = null) {
  const at = sets.findIndex((set) => set.id === (to ?? chosen));
  const next = sets[Math.min(sets.length - 1, Math.max(0, at + by))];
  if (next) byId("sets").querySelector(`[data-set="${next.id}"]`)?.focus();
}

bindKey("j", "Next set", () => move(1), { repeats: true });
bindKey("k", "Set before", () => move(-1), { repeats: true });
bindKey("n", "Register a set", () => byId("set-name").focus());
bindKey("b", "Build features", build);
addViewers(form, byId("set-viewers"));
showKind();
load();
loadDatabase();
