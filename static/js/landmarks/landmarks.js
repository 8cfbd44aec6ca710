/** The page of a region's landmarks: on the map and as a list; added by hand, from a table, from the map's own tags. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { cancelJob, FINISHED, followJob, jobProgress } from "mapwright/lib/jobs.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { uploadForm } from "mapwright/lib/uploads.js";
import { createIndexState } from "mapwright/landmarks/index-state.js";
import { landmarkLine } from "mapwright/landmarks/landmark-card.js";
import { createLandmarkForm } from "mapwright/landmarks/landmark-form.js";
import { createLandmarkMap } from "mapwright/landmarks/landmark-map.js";

const { region } = pageData();
const person = pageData("person");
const MOST_WHY = 8;
let landmarks = [];
let next = null;
/** The landmark that this page's address names: it is in the list, however many newer ones there are. */
let linked = Number(location.hash.match(/^#landmark-(\d+)$/)?.[1] ?? 0);
let form = null;

const view = createLandmarkMap(byId("map"), region, {
  onChoose: (id) => lineOf(id)?.querySelector(".landmark-name").focus(),
  onPlace: (place) => form?.setPlace(place),
});
const index = createIndexState(region, person);

const lineOf = (id) => document.getElementById(`landmark-${id}`);

function draw() {
  const lines = landmarks.map((one) =>
    landmarkLine(one, { may: person.editor, onShow: () => choose(one), onEdit: () => form.open(one) }),
  );
  const nothing = el("li", {
    class: "muted",
    text: person.editor
      ? "No landmark yet. Add one, read a table, or take those that the map names."
      : "No landmark yet. Editors add them.",
  });
  fill(byId("landmarks"), ...(lines.length ? lines : [nothing]));
  byId("more").hidden = !next;
  view.show(landmarks);
}

function choose(landmark) {
  for (const line of document.querySelectorAll(".landmark[data-chosen]")) delete line.dataset.chosen;
  const line = lineOf(landmark.id);
  if (line) line.dataset.chosen = "";
  view.point(landmark);
}

/** These and others, each once. */
const joined = (some, others) => [...some, ...others.filter(({ id }) => !some.some((one) => one.id === id))];

/** The landmark of the address, where the list so far lacks it. */
async function theLinked(listed) {
  if (!linked || listed.some(({ id }) => id === linked)) return [];
  try {
    const found = await api.get(`/api/landmarks/${linked}/`);
    return found.region === region.id ? [found] : [];
  } catch (error) {
    if (error.status !== 404) throw error;
    linked = 0;
    notify("The landmark of this link is not here any more.");
    return [];
  }
}

async function load({ more = false } = {}) {
  try {
    const answer = await api.get(more ? next : `/api/landmarks/?region=${region.id}&page_size=100`);
    landmarks = more ? joined(landmarks, answer.results) : joined(await theLinked(answer.results), answer.results);
    const address = answer.next && new URL(answer.next, location.origin);
    next = address ? address.pathname + address.search : null;
    draw();
  } catch (error) {
    notifyError(error);
  }
}

async function refresh() {
  await Promise.all([load(), index.refresh()]);
}

/** Take the landmarks that the region's map names; followed to its end. */
async function fromMap() {
  const button = byId("from-map");
  button.disabled = true;
  try {
    const { job } = await api.post("/api/landmarks/from-map/", { region: region.id });
    const draws = (now) => {
      const busy = !FINISHED.has(now.state);
      fill(byId("work"), jobProgress(now, { onCancel: busy ? cancelJob : null }));
    };
    followJob(job.id, draws, {
      onEnd: async (ended) => {
        button.disabled = false;
        if (ended.state === "succeeded") {
          fill(byId("work"));
          notify(ended.message || "The map's landmarks are here.");
        }
        await refresh();
      },
    });
  } catch (error) {
    button.disabled = false;
    notifyError(error);
  }
}

/** What was read of a table, and each line that was not, with why. */
function drawTold({ added, changed, left_out: left, skipped }) {
  const said = `${plural(added, "landmark")} added, ${changed} changed${left ? `, ${plural(left, "line")} left out` : ""}.`;
  const rest = left - MOST_WHY;
  fill(
    byId("csv-told"),
    el(
      "div",
      { class: `note ${skipped.length ? "note-warn" : "note-good"}` },
      el("p", { text: said }),
      skipped.length
        ? el(
            "ul",
            {},
            ...skipped.slice(0, MOST_WHY).map(({ line, why }) => el("li", { text: `Line ${line}: ${why}` })),
            rest > 0 ? el("li", { text: `and ${rest} more` }) : null,
          )
        : null,
    ),
  );
}

function bindTable() {
  const table = byId("csv-form");
  const button = byId("from-table");
  button.addEventListener("click", () => {
    table.hidden = !table.hidden;
    button.setAttribute("aria-expanded", String(!table.hidden));
    if (!table.hidden) byId("csv-file").focus();
  });
  uploadForm(table, {
    path: "/api/landmarks/import-csv/",
    check: (data) => data.set("region", String(region.id)),
    async onAdded(told) {
      drawTold(told);
      await refresh();
    },
  });
}

function bindEditing() {
  form = createLandmarkForm(region, {
    view,
    async onSaved(saved, { quiet = false } = {}) {
      await refresh();
      if (!quiet) lineOf(saved.id)?.querySelector(".landmark-name").focus();
    },
    async onRemoved(gone) {
      if (gone.id === linked) linked = 0;
      notify(`${gone.name} is removed.`);
      await refresh();
    },
    onLeave: () => byId("add").focus(),
  });
  byId("add").addEventListener("click", () => form.open());
  byId("from-map").addEventListener("click", fromMap);
  bindTable();
  bindKey("n", "Add a landmark", () => form.open());
  bindKey("Escape", "Leave the form", () => form.leave(), { when: () => form.shown });
}

function move(by) {
  const lines = [...document.querySelectorAll(".landmark-name")];
  const at = lines.indexOf(document.activeElement);
  lines[Math.min(lines.length - 1, Math.max(0, at + by))]?.focus();
}

const onMap = (event) => event.target.closest?.(".map");
for (const [key, by, label] of [
  ["ArrowDown", 1, "Next landmark"],
  ["ArrowUp", -1, "Landmark before"],
])
  bindKey(key, label, () => move(by), { repeats: true, when: (event) => !onMap(event) });
bindKey("f", "See the whole region", view.fit, { group: "Look" });
byId("more").addEventListener("click", () => load({ more: true }));

async function start() {
  if (person.editor) bindEditing();
  view.lay().catch(notifyError);
  await refresh();
  const asked = landmarks.find(({ id }) => id === linked);
  if (!asked || form?.shown) return; // who writes already stays where they write
  view.close(asked);
  lineOf(asked.id).querySelector(".landmark-name").focus();
}

start();
