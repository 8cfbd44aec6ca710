/** The page of imagery of other servers: what a region offers, how it looks there, and, for admins, what it could offer. */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, fill, pageData } from "mapwright/lib/dom.js";
import { confirmDialog, onSubmit, values } from "mapwright/lib/forms.js";
import { createLayers, USE } from "mapwright/lib/layers.js";
import { createMap, toBounds } from "mapwright/lib/map.js";
import { notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";

const { region, layers } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const BADGES = { allowed: "badge badge-good", forbidden: "badge badge-bad", unknown: "badge badge-warn" };
const NUMBERS = ["min_zoom", "max_zoom", "east_m", "north_m"];

const map = createMap(byId("map"), { label: "How the imagery looks", keyboard: false });
if (region.bounds) map.fitBounds(toBounds(region.bounds), { animate: false });
const view = createLayers(map, { layers, person, region, place: "page" });
byId("tools").append(view.controls);

const button = (text, label, run) =>
  el("button", { type: "button", class: "button button-small", text, "aria-label": label, on: { click: run } });

const useBadge = (use) => el("span", { class: BADGES[use], text: USE[use] });
const zooms = ({ min_zoom: from, max_zoom: to }) => `${from} to ${to}`;
const moved = ({ east_m: east, north_m: north }) => (east || north ? `${east} m east, ${north} m north` : null);

function card(layer) {
  const by = layer.attribution_url
    ? el("a", { href: layer.attribution_url, target: "_blank", rel: "noopener noreferrer", text: layer.attribution })
    : layer.attribution;
  return el(
    "li",
    { class: "card", data: { layer: layer.id } },
    el("div", { class: "card-head" }, el("h3", { text: layer.title }), useBadge(layer.osm_use)),
    facts([
      ["Attribution", by],
      ["Licence", layer.licence],
      ["Captured", layer.captured],
      ["Zooms", zooms(layer)],
      ["Drawn further", moved(layer)],
      ["Offered", layer.everywhere ? "in every region" : "in this region"],
      ["Address", person.admin ? layer.template : null],
    ]),
    el(
      "div",
      { class: "form-end" },
      button("Look", `Look at ${layer.title}`, () => view.show(layer.id)),
      person.admin ? button("Remove", `Remove ${layer.title}`, () => remove(layer)) : null,
    ),
  );
}

async function remove(layer) {
  const sure = await confirmDialog({
    title: `Remove ${layer.title}?`,
    text: layer.everywhere ? "It is offered in no region any more." : "It is offered here no more.",
    yes: "Remove it",
  });
  if (!sure) return;
  try {
    await api.delete(`${base}/layers/${layer.id}/`);
    location.reload(); // with the policy of the hosts that are left
  } catch (error) {
    notifyError(error);
  }
}

async function list() {
  const found = await api.all(`${base}/layers/`);
  fill(
    byId("layers"),
    ...(found.length ? found.map(card) : [el("li", { class: "muted", text: "Nothing but our own imagery yet." })]),
  );
}

/** Fill the form with what the index says, for the admin to look through. */
function take(form, offered) {
  for (const [name, value] of Object.entries(offered))
    if (form.elements.namedItem(name)) form.elements.namedItem(name).value = value;
  form.dataset.index = offered.index_id;
  form.scrollIntoView({ block: "start" });
  form.elements.namedItem("title").focus();
}

function indexRow(form, offered) {
  return el(
    "li",
    { class: "index-row" },
    el("span", {}, el("strong", { text: offered.title }), " ", el("span", { class: "muted", text: offered.captured })),
    useBadge(offered.osm_use),
    button("Take", `Take ${offered.title}`, () => take(form, offered)),
  );
}

const begun = latest();

async function listIndex(form, wanted) {
  const timely = begun();
  const found = await api.get(`${base}/layer-index/?q=${encodeURIComponent(wanted)}`);
  if (!timely()) return;
  const empty = el("li", { class: "muted", text: "It has none that covers this region." });
  fill(byId("index"), ...(found.length ? found.map((one) => indexRow(form, one)) : [empty]));
}

function bindForm(form) {
  onSubmit(form, async () => {
    const given = values(form);
    const numbers = Object.fromEntries(
      NUMBERS.filter((name) => name in given).map((name) => [name, Number(given[name])]),
    );
    const body = { ...given, ...numbers, everywhere: form.elements.namedItem("everywhere").checked };
    await api.post(`${base}/layers/`, { ...body, index_id: form.dataset.index ?? "" });
    location.reload(); // with the policy of its host
  });
  const search = document.getElementById("index-q");
  if (!search) return;
  search.addEventListener("change", () => listIndex(form, search.value.trim()).catch(notifyError));
  listIndex(form, "").catch(notifyError);
}

list().catch(notifyError);
const form = document.getElementById("layer-form");
if (form) bindForm(form);
