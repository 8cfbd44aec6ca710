/** The page of one candidate: image and map, what the machine found, everything that was said, and what may be done. */
import { api } from "mapwright/lib/api.js";
import { bindCompareKeys } from "mapwright/lib/compare-keys.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { DECISIONS, humanise, moment } from "mapwright/lib/format.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notifyError } from "mapwright/lib/notices.js";
import { freshKey } from "mapwright/lib/once.js";
import { compareWithMap, onCompare } from "mapwright/changes/newer-map.js";
import { askServer } from "mapwright/changes/on-server.js";
import { askTags } from "mapwright/changes/tagging.js";
import { createQueueMap } from "mapwright/changes/queue-map.js";
import { subjectNodes } from "mapwright/changes/queue-panel.js";

const page = pageData();
const person = pageData("person");
const base = `/regions/${page.region.id}`;
const review = `${base}/changes/review/?change=${page.change}`;
const view = createQueueMap(byId("map"));

const EVENTS = { undo: "took the answer back", reassign: "put it back for everyone" };

function eventWords({ event, decision, reason, payload }) {
  if (event === "reassign" && payload.to) return `flagged it to ${payload.to}`;
  if (event !== "decide") return EVENTS[event];
  const why = reason && reason !== "as_proposed" ? ` (${humanise(reason).toLowerCase()})` : "";
  return `said: ${DECISIONS[decision] ?? humanise(decision)}${why}`;
}

const eventLine = (one) =>
  el(
    "li",
    {},
    el("p", {}, el("strong", { text: one.reviewer }), ` ${eventWords(one)}`),
    one.comment ? el("blockquote", { text: one.comment }) : null,
    el("p", { class: "muted small", text: moment(one.at) }),
  );

function stateBadge({ state, decision, in_map_at: at }) {
  if (state === "withdrawn" && at)
    return el("span", { class: "badge badge-good", text: `In the map by now (found ${moment(at)})` });
  if (state === "withdrawn") return el("span", { class: "badge", text: "No longer suggested" });
  if (!decision) return el("span", { class: "badge badge-warn", text: "Open" });
  const kinds = { accept: "badge badge-good", still_stands: "badge badge-good", reject: "badge badge-bad" };
  return el("span", { class: kinds[decision] ?? "badge", text: humanise(DECISIONS[decision] ?? decision) });
}

async function takeBack({ item, version, decided_by: by, decision }) {
  const sure = await confirmDialog({
    title: "Take this answer back?",
    text: `${by} said: ${DECISIONS[decision] ?? decision}. The candidate comes to your review page next; the old answer stays in its history.`,
    yes: "Take it back",
  });
  if (!sure) return;
  try {
    await api.post(`/api/review/items/${item}/undo/`, { version, idempotency_key: freshKey() });
    location.assign(review);
  } catch (error) {
    notifyError(error);
  }
}

/** Tags of an accepted building, as long as no changeset holds it. */
async function setTags(change) {
  const tags = await askTags(change, change.tags_set, page.building_values);
  if (!tags) return;
  try {
    await api.put(`/api/changes/${change.id}/tags/`, { version: change.version, tags, seen: change.tags_set });
  } catch (error) {
    notifyError(error);
  }
  await show();
}

const takesTags = ({ kind, decision }) => person.editor && decision === "accept" && kind !== "remove";

function acts(change) {
  const may = change.state === "decided" && (person.editor || change.decided_by === person.name);
  const { z, x, y } = change.tile;
  return [
    change.state === "open" && el("a", { class: "button button-main", href: review, text: "Answer it" }),
    may && el("button", { type: "button", class: "button", text: "Take back", on: { click: () => takeBack(change) } }),
    takesTags(change) &&
      el("button", { type: "button", class: "button", text: "Set tags", on: { click: () => setTags(change) } }),
    el("a", { class: "button button-small", href: `${base}/tiles/${z}/${x}/${y}/`, text: "Its tile" }),
    el("a", { class: "button button-small", href: `${base}/changes/`, text: "All changes" }),
  ];
}

/** What a person made of it, as the panel takes it. */
const drawnUpon = ({ adjusted, cut, merged, tags_set: tags }) => ({
  geometry: adjusted && { ...adjusted, cut, merged },
  tags: Object.keys(tags).length ? tags : null,
  whose: "The",
});

/** Ask for the change and draw it; `first` also puts it on the map and binds its keys. */
async function show(first = false) {
  try {
    const change = await api.get(`/api/changes/${page.change}/`);
    const said = await api.get(`/api/review/items/${change.item}/history/`);
    const shape = { ...(change.adjusted ?? change.geometry), cut: change.cut };
    if (first) view.show(change, shape);
    fill(byId("state"), stateBadge(change));
    fill(byId("subject"), ...subjectNodes({ subject: change }, shape, drawnUpon(change)));
    askServer(change);
    fill(byId("act"), ...acts(change));
    fill(
      byId("said"),
      ...(said.length ? said.map(eventLine) : [el("li", { class: "muted", text: "Nobody has answered it yet." })]),
    );
    if (!first) return;
    onCompare(byId("subject"), (against) => compareWithMap(change, against));
    if (change.newest_map || (page.asks_server && change.footprint))
      bindKey("9", "Compare with the newest map", () => compareWithMap(change), { group: "Look" });
    bindKey("f", "Fit the view to the candidate", () => view.fit(shape), { group: "Look" });
    if (change.state === "open") bindKey("Enter", "Answer it", () => location.assign(review));
  } catch (error) {
    notifyError(error);
  }
}

byId("compare").append(view.compare.controls);
bindCompareKeys(view.compare);
bindKey("h", "Hide the outlines", () => view.hide(true), { group: "Look", release: () => view.hide(false) });
show(true);
