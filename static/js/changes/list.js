/** The list of changes: filters in the address, a map of what they show, pages by key, rows by keyboard, answers taken back. */
import { api } from "mapwright/lib/api.js";
import { byId, el, pageData } from "mapwright/lib/dom.js";
import { DECISIONS } from "mapwright/lib/format.js";
import { confirmDialog, held } from "mapwright/lib/forms.js";
import { bindKey } from "mapwright/lib/keys.js";
import { freshKey } from "mapwright/lib/once.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { load as kept, save as keep } from "mapwright/lib/storage.js";
import { createBulk } from "mapwright/changes/bulk.js";
import { drawExports } from "mapwright/changes/export.js";
import { drawChips, filtersIn } from "mapwright/changes/filters.js";
import { fillForm, queryOf } from "mapwright/changes/list-form.js";
import { createListMap } from "mapwright/changes/list-map.js";
import { changePath, drawRow } from "mapwright/changes/list-row.js";
import { createSavedFilters } from "mapwright/changes/saved-filters.js";

const MAP_OPEN = "mapwright.list-map";
const { region, models = [] } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const rows = byId("rows");
const form = byId("filters");
const folded = byId("map-fold");
let imagery = null;
let next = null;
let shown = 0;
let generation = 0;

const query = () => queryOf(form);
const filters = () => filtersIn(query());
const reviewPath = () => `/regions/${region.id}/changes/review/${filters().size ? `?${filters()}` : ""}`;

for (const model of models) form.elements.namedItem("model").add(new Option(`Model ${model}`, String(model)));
const bulk = person.editor ? createBulk({ region, filters, onDone: restart }) : null;
const map = createListMap({
  region,
  query,
  onArea(area) {
    form.elements.namedItem("area").value = area;
    restart();
  },
  onOpen: (id) => location.assign(changePath(region, { id })),
});
createSavedFilters({ region, filters, onChoose: choose });

/** Show what these filters leave, in the state and the order that the form has. */
function choose(chosen) {
  const rest = query();
  for (const name of [...filters().keys()]) rest.delete(name);
  for (const [name, value] of chosen) rest.append(name, value);
  fillForm(form, rest);
  restart();
}

/** Take an answer back: the candidate is then the first in this person's queue. */
async function reopen(change) {
  const sure = await confirmDialog({
    title: "Take this answer back?",
    text: `${change.decided_by} said: ${DECISIONS[change.decision] ?? change.decision}. The candidate comes to your review page next; the old answer stays in its history.`,
    yes: "Take it back",
  });
  if (!sure) return;
  try {
    await api.post(`/api/review/items/${change.item}/undo/`, { version: change.version, idempotency_key: freshKey() });
    location.assign(`/regions/${region.id}/changes/review/?change=${change.id}`);
  } catch (error) {
    notifyError(error);
  }
}

const row = (change) =>
  drawRow(change, {
    region,
    person,
    imagery,
    onReopen: reopen,
    onChoose: bulk?.choose,
    chosen: (one) => Boolean(bulk?.chosen(one)),
  });

async function load(path) {
  const mine = generation;
  try {
    const answer = await api.get(path);
    if (mine !== generation) return;
    rows.append(...answer.results.map(row));
    shown += answer.results.length;
    next = answer.next;
    if (!shown)
      rows.append(
        el(
          "tr",
          {},
          el("td", {
            colspan: "8",
            class: "muted",
            text: "No change fits. A scan finds candidates; other filters may show more.",
          }),
        ),
      );
    byId("count").textContent = next ? `The first ${shown}; there are more` : `${shown} shown`;
    byId("more").hidden = !next;
  } catch (error) {
    if (mine === generation) byId("count").textContent = "Nothing could be shown";
    const fields = Object.values(error.fields ?? {})
      .flat()
      .join(" ");
    if (fields) notify(fields, { kind: "bad" });
    else notifyError(error);
  }
}

function restart() {
  generation += 1;
  shown = 0;
  rows.replaceChildren();
  byId("count").textContent = "Loading …";
  const asked = query();
  history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
  drawChips(byId("chips"), filters(), choose);
  drawExports(byId("exports"), region.id, asked);
  byId("review-these").href = reviewPath();
  byId("review-these").textContent = filters().size ? "Review these" : "Review";
  if (folded.open) map.refresh();
  asked.set("page_size", "60");
  load(`${base}/changes/?${asked}`);
}

function move(by) {
  const all = [...rows.querySelectorAll("tr[data-change]")];
  const at = all.indexOf(document.activeElement.closest?.("tr"));
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.focus();
}

fillForm(form, new URLSearchParams(location.search));
folded.open = kept(MAP_OPEN, true);
folded.addEventListener("toggle", () => {
  keep(MAP_OPEN, folded.open);
  if (folded.open) map.refresh();
});
form.addEventListener("change", restart);
form.addEventListener("submit", (event) => event.preventDefault());
const more = byId("more");
more.addEventListener("click", () => held(more, () => load(new URL(next).pathname + new URL(next).search)));
bindKey("j", "Next row", () => move(1), { repeats: true });
bindKey("k", "Row before", () => move(-1), { repeats: true });
bindKey("x", "Choose the row", () => document.activeElement.closest("tr")?.querySelector("input")?.click());
bindKey("Enter", "Open the row's candidate", () =>
  document.activeElement.closest("tr")?.querySelector(".thumb")?.click(),
);
bindKey("r", "Review what the filters show", () => location.assign(reviewPath()));
api
  .get(`${base}/summary/`)
  .then((summary) => {
    imagery = summary.imagery && { id: summary.imagery, tile_version: summary.imagery_version };
    return imagery && api.get(`/api/imagery/${imagery.id}/`).then((told) => map.ground({ ...told, ...imagery }));
  })
  .catch(notifyError)
  .finally(restart);
