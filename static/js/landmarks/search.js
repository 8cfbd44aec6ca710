/** The page of the search: one box, what it finds on the map and as tiles, all of it by keyboard. */
import { api } from "mapwright/lib/api.js";
import { byId, fill, el, pageData } from "mapwright/lib/dom.js";
import { takeOver } from "mapwright/lib/handed-over.js";
import { bindKey } from "mapwright/lib/keys.js";
import { nextCard, WALK_KEYS } from "mapwright/lib/walk.js";
import { FIRST_COUNT, filtersOf, fromAddress, MOST_COUNT, request, toAddress } from "mapwright/landmarks/query.js";
import { landmarkCard, resultCard } from "mapwright/landmarks/result-card.js";
import { createSearchBox } from "mapwright/landmarks/search-box.js";
import { createSearchMap } from "mapwright/landmarks/search-map.js";
import { drawNothing, saidOf, sentence } from "mapwright/landmarks/search-words.js";

/** A view that stands still this long is searched anew. */
const STILL_MS = 350;
const { regions, links } = pageData();
const person = pageData("person");
const fields = { region: byId("region"), score: byId("score"), from: byId("from"), to: byId("to") };
const form = byId("search-form");
/** Where there is room the filters are always open. */
const wide = matchMedia("(min-width: 60rem)");
const cards = () => [...document.querySelectorAll(".found-card")];
let wish = fromAddress(location.search);
let answer = null;
let generation = 0;

const box = createSearchBox({
  onPhoto: (photo) => ask({ kind: "photo", photo, text: "", tile: null }),
  onRefused: (text) => trouble(text),
  onEmptied: () => ask({ kind: "", photo: null, tile: null, text: "" }),
});
const view = createSearchMap(byId("map"), {
  onChoose: (index) =>
    cards()
      .find((card) => card.dataset.index === String(index))
      ?.focus(),
  onLandmark: (index) =>
    cards()
      .find((card) => card.dataset.landmark === String(index))
      ?.focus(),
  onMoved: () => wish.bbox && later(() => ask({ bbox: view.view() }, { remember: "replace" })),
});

let timer = 0;
function later(work) {
  clearTimeout(timer);
  timer = setTimeout(work, STILL_MS);
}

function trouble(text) {
  fill(byId("trouble"), text ? el("p", { class: "note note-bad", role: "alert", text }) : null);
}

/** Change the search and run it; the address keeps all but a photo. */
function ask(change, { remember = "push" } = {}) {
  const anyway = "kind" in change ? false : wish.anyway;
  wish = { ...wish, count: FIRST_COUNT, anyway, ...change };
  if (remember) history[`${remember}State`](null, "", toAddress(wish));
  return run();
}

async function run() {
  const mine = (generation += 1);
  drawForm();
  trouble("");
  if (!wish.kind) {
    answer = null;
    return draw();
  }
  byId("results").setAttribute("aria-busy", "true");
  if (!answer) byId("nothing").hidden = true;
  byId("said").textContent = wish.kind === "photo" ? "Looking for what the photo shows …" : "Searching …";
  try {
    const { path, form: body } = request(wish);
    const found = await (body ? api.upload(path, body) : api.get(path));
    if (mine !== generation) return null;
    answer = found;
    draw();
    if (wish.kind === "tile" && document.activeElement === document.body) cards()[0]?.focus();
    return answer;
  } catch (error) {
    if (mine !== generation) return null;
    answer = null;
    draw();
    byId("nothing").hidden = true;
    byId("said").textContent = "";
    return trouble(wish.kind === "photo" ? error.message : sentence(error.message)); // a photo's begins with its name
  } finally {
    byId("results").removeAttribute("aria-busy");
  }
}

function drawForm() {
  box.show(wish);
  for (const [name, field] of Object.entries(fields)) field.value = wish[name];
  byId("here").checked = Boolean(wish.bbox);
  const set = filtersOf(wish).length;
  byId("filters-set").textContent = set ? ` (${set})` : "";
  byId("clear").hidden = !set;
}

function draw() {
  const results = answer?.results ?? [];
  const landmarks = answer?.landmarks ?? [];
  const withRegion = new Set(results.map((result) => result.region)).size > 1;
  fill(
    byId("results"),
    ...results.map((result, index) => resultCard(result, { index, withRegion, onLike: () => like(result) })),
  ).hidden = !results.length;
  fill(
    byId("landmarks"),
    ...landmarks.map((one, index) => landmarkCard(one, { index, href: landmarkPage(one) })),
  ).hidden = !landmarks.length;
  byId("said").textContent = answer ? saidOf(answer, wish) : "";
  drawNothing(byId("nothing"), answer, wish, {
    onWords: (text) => ask({ kind: "words", text, photo: null, tile: null }),
    onClear: clear,
    onAnyway: () => ask({ anyway: true }).then(() => cards()[0]?.focus()),
    readIn: person.editor ? asked().map(({ id, name }) => ({ name, href: pageOf(id) })) : [],
  });
  byId("more").hidden = results.length < wish.count || wish.count >= MOST_COUNT;
  return view.show(results, landmarks, answer?.position ?? null, { keepView: Boolean(wish.bbox) });
}

const pageOf = (region) => links.landmarks.replace("/0/", `/${region}/`);
const landmarkPage = (one) => `${pageOf(one.region)}#landmark-${one.id}`;
/** The region that is asked about, else the first few. */
const asked = () => regions.filter(({ id }) => !wish.region || String(id) === wish.region).slice(0, 3);

/** More tiles like this one. */
function like(result) {
  const tile = { id: result.tile, address: result.address, image: result.image_url };
  return ask({ kind: "tile", tile, text: "", photo: null });
}

const clear = () => ask({ region: "", score: "", from: "", to: "", bbox: null });

function chosen() {
  const card = document.activeElement?.closest?.(".found-item")?.querySelector(".found-card");
  return card ? answer?.results[Number(card.dataset.index)] : null;
}

function walk(key) {
  const all = cards();
  const from = document.activeElement.closest?.(".found-item, li")?.querySelector(".found-card");
  const next = nextCard(all, from ?? null, key);
  if (next) next.focus();
  else if (key === "ArrowUp") box.input.focus();
  next?.scrollIntoView({ block: "nearest" });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.input.value.trim();
  if (text) ask({ kind: "words", text, photo: null, tile: null });
  else if (wish.kind === "words") ask({ kind: "", text: "" });
  else run();
});
form.querySelector("[type=submit]").disabled = false;
for (const [name, field] of Object.entries(fields))
  field.addEventListener("change", () => ask({ [name]: field.value }));
byId("here").addEventListener("change", (event) => ask({ bbox: event.target.checked ? view.view() : null }));
byId("clear").addEventListener("click", clear);
byId("more").addEventListener("click", () => ask({ count: Math.min(MOST_COUNT, 2 * wish.count) }, { remember: "" }));
box.input.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" || !cards().length) return;
  event.preventDefault();
  cards()[0].focus();
});
byId("results").addEventListener("focusin", () => {
  const result = chosen();
  view.point(result, result ? answer.results.indexOf(result) : -1);
});
byId("results").addEventListener("mouseover", (event) => {
  const card = event.target.closest(".found-item")?.querySelector(".found-card");
  if (card) view.point(answer.results[Number(card.dataset.index)], Number(card.dataset.index), { still: true });
});
window.addEventListener("popstate", () => {
  wish = fromAddress(location.search);
  run();
});

const onMap = (event) => event.target.closest?.(".map");
for (const key of WALK_KEYS)
  bindKey(key, "Walk over what was found", () => walk(key), {
    shown: "← → ↑ ↓",
    hidden: key !== WALK_KEYS[0],
    repeats: true,
    when: (event) => !onMap(event),
  });
bindKey("m", "More like this tile", () => chosen() && like(chosen()));
bindKey("Enter", "Open this tile; in the box, search", () =>
  document.activeElement.closest(".found-item")?.querySelector(".found-card").click(),
);
bindKey("p", "Choose a photo", () => byId("choose-photo").click());
bindKey("f", "See all that was found", view.fit, { group: "Look" });

async function start() {
  byId("region").append(...regions.map(({ id, name }) => el("option", { value: String(id), text: name })));
  byId("filters").open = wide.matches;
  wide.addEventListener("change", () => {
    byId("filters").open = wide.matches;
  });
  const first = regions.find(({ id }) => String(id) === wish.region) ?? regions[0];
  if (first?.bounds) view.look(first.bounds);
  if (first) view.lay([first.id]);
  const photo = new URLSearchParams(location.search).has("photo") ? await takeOver() : null;
  if (photo) {
    await ask({ kind: "photo", photo });
    return;
  }
  if (!wish.kind) {
    box.input.focus();
    document.addEventListener("DOMContentLoaded", () => box.input.focus()); // nothing takes it before
  }
  await run();
}

start();
