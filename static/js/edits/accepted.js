/** What is accepted and waits: on a map and as a list, each of it to be taken into the next changeset or left for later. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { KINDS, STANDS, number, percent, plural } from "mapwright/lib/format.js";
import { createEditsMap, editsLegend } from "mapwright/edits/edits-map.js";
import { toBounds } from "mapwright/lib/map.js";
import { latest } from "mapwright/lib/once.js";

/** More than that go into the next changeset; the database holds the rest. */
const MOST = 1000;

/** @param {{region: Object, imagery: ?Object, editor: boolean, onChosen: (count, of) => void}} options */
export function createAccepted({ region, imagery, editor, onChosen }) {
  const query = "state=decided&decision=accept&decision=still_stands&exported=false";
  const begun = latest();
  let changes = [];
  let features = [];
  let left = new Set();
  let view = null;
  const legend = editsLegend();

  const taken = (id) => !left.has(id);
  const chosen = () => changes.filter(({ id }) => taken(id));

  function leave(ids, on) {
    left = new Set([...left].filter((id) => !ids.includes(id)).concat(on ? ids : []));
    draw();
  }

  function line(change) {
    const kind = change.decision === "still_stands" ? STANDS : KINDS[change.kind];
    const id = `take-${change.id}`;
    return el(
      "li",
      { class: "change-name small" },
      editor &&
        el("input", {
          type: "checkbox",
          id,
          checked: taken(change.id),
          on: { change: (event) => leave([change.id], !event.target.checked) },
        }),
      el("span", { class: `kind kind-${change.kind}`, "aria-hidden": "true", text: kind.mark }),
      el("label", { for: id, text: kind.label }),
      el("span", { class: "muted number", text: percent(change.confidence) }),
      el("a", {
        href: `/regions/${region.id}/changes/${change.id}/`,
        text: "Look",
        "aria-label": `Look at change ${change.id}`,
      }),
    );
  }

  function draw() {
    const count = chosen().length;
    byId("accepted-count").textContent = changes.length
      ? `${plural(changes.length, "change")}${changes.length === MOST ? " or more" : ""}${editor ? `, ${number(count)} chosen` : ""}`
      : "None. Accept some in the review first.";
    const at = document.activeElement?.id;
    fill(byId("accepted"), ...changes.map(line));
    if (at?.startsWith("take-")) document.getElementById(at)?.focus({ preventScroll: true });
    view?.show(features, taken);
    onChosen(count, changes.length);
  }

  const inView = ({ bbox }) => view.map.getBounds().intersects(toBounds(bbox));

  function buttons() {
    const button = (text, run) =>
      el("button", { type: "button", class: "button button-small", text, on: { click: run } });
    const ids = () => changes.map(({ id }) => id);
    fill(
      byId("accepted-choice"),
      button("All", () => leave(ids(), false)),
      button("None", () => leave(ids(), true)),
      button("What the map shows", () => {
        left = new Set(changes.filter((one) => !inView(one)).map(({ id }) => id));
        draw();
      }),
    );
  }

  return {
    /** Ids of what was chosen; null: everything, however much it is. */
    ids: () => (left.size ? chosen().map(({ id }) => id) : null),
    /** Areas on the map of what is accepted. */
    showAreas: (areas) => view?.showAreas(areas),
    /** One of them, as large as the map has it. */
    showArea(bbox) {
      view?.map.fitBounds(toBounds(bbox), { maxZoom: 18, animate: false });
      byId("accepted-map").scrollIntoView({ block: "nearest" });
    },
    /** Whatever waits is chosen again: what was left out was so of the changeset that is made by now. */
    begin() {
      left = new Set();
    },
    async load() {
      const timely = begun();
      const found = await api.all(`/api/regions/${region.id}/changes/?${query}&page_size=500`, MOST);
      if (!timely()) return;
      changes = found;
      const known = new Set(changes.map(({ id }) => id));
      left = new Set([...left].filter((id) => known.has(id)));
      for (const part of [byId("accepted-map"), byId("accepted-choice"), legend]) part.hidden = !changes.length;
      if (changes.length) {
        const all = await api.get(`/api/regions/${region.id}/changes.geojson?${query}`);
        if (!timely()) return;
        features = all.features.filter(({ id }) => known.has(id));
        if (!view) {
          const pick = (id) => leave([id], taken(id));
          view = createEditsMap(byId("accepted-map"), {
            imagery,
            label: "Accepted changes",
            onPick: editor ? pick : null,
          });
          byId("accepted-map").after(legend);
          if (editor) buttons();
        }
        view.map.invalidateSize({ animate: false });
        view.fit(features);
      }
      draw();
    },
  };
}
