/** An edit beside what the map has by now: three shapes on one map, the tags that differ, and whose of each part stays. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { day } from "mapwright/lib/format.js";
import { askDialog } from "mapwright/lib/forms.js";
import { createMap, geometryBounds, imageLayer, outline } from "mapwright/lib/map.js";

/** Sides in the order of their keys: [name, heading, line]. */
const SIDES = [
  ["base", "Before", "before"],
  ["theirs", "In the map now", "footprint"],
  ["ours", "This edit", "candidate"],
];
const GOES = { remove: "The building goes.", demolish: "The building goes, its tags are kept as demolished." };
const STAYS = { ours: "This edit's", theirs: "The map's" };

const shapesOf = ({ base, theirs, ours }) => ({ base: base?.geometry, theirs: theirs?.geometry, ours });

function about(conflict, side) {
  const state = conflict[side];
  if (side === "ours") return GOES[conflict.action] ?? (state ? "its shape" : "no shape");
  if (!state) return side === "base" ? "nothing: it is new" : "nothing: it is gone";
  const version = state.version ? `version ${state.version}` : "version unknown";
  return state.edited_at ? `${version}, ${day(state.edited_at)}` : version;
}

/** The shapes on a map, each under a box that shows or hides it. */
function picture(conflict, imagery) {
  const place = el("div", { class: "three-way-map" });
  const map = createMap(place, { label: "The three shapes" });
  if (imagery) imageLayer(imagery).addTo(map);
  const shapes = shapesOf(conflict);
  const layers = SIDES.map(([side, , style]) => shapes[side] && outline(shapes[side], style));
  for (const layer of layers.toReversed()) layer?.addTo(map); // dots over dashes over a line: all are seen where they meet
  const boxes = SIDES.map(([side, heading, style], index) => {
    const layer = layers[index];
    const box = el("input", {
      type: "checkbox",
      checked: Boolean(layer),
      disabled: !layer,
      on: { change: () => (box.checked ? layer.addTo(map) : layer.remove()) },
    });
    return el(
      "label",
      { class: "check" },
      box,
      el("span", { class: `sample sample-${style}`, "aria-hidden": "true" }),
      el("span", {}, el("strong", { text: heading }), ` ${about(conflict, side)} `, el("kbd", { text: index + 1 })),
    );
  });
  return {
    nodes: [place, el("div", { class: "three-way-sides" }, ...boxes)],
    fit() {
      map.invalidateSize({ animate: false });
      const bounds = L.latLngBounds([]);
      for (const shape of Object.values(shapes)) if (shape) bounds.extend(geometryBounds(shape));
      map.fitBounds(bounds.pad(0.35), { maxZoom: 20, animate: false });
    },
    first: boxes[0].querySelector("input:enabled"),
    toggle: (index) => boxes[index].querySelector("input").click(),
    remove: () => map.remove(),
  };
}

/** What the three say of each key they don't agree about. */
function tagsTable({ rows }) {
  if (!rows.length) return el("p", { class: "small muted", text: "Their tags are the same." });
  const cell = (text, row) =>
    el("td", { class: row.both ? "both" : null }, text === null ? el("span", { class: "muted", text: "–" }) : text);
  return el(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Tags that differ" },
    el(
      "table",
      { class: "three-way-tags" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...["Tag", ...SIDES.map(([, heading]) => heading)].map((text) => el("th", { scope: "col", text })),
        ),
      ),
      el(
        "tbody",
        {},
        ...rows.map((row) =>
          el(
            "tr",
            {},
            el(
              "th",
              { scope: "row" },
              el("code", { text: row.key }),
              " ",
              row.both && el("span", { class: "badge badge-warn", text: "both" }),
            ),
            ...SIDES.map(([side]) => cell(row[side], row)),
          ),
        ),
      ),
    ),
  );
}

/** Whose of one part stays; null where there is nothing to say. */
function choice(name, title, part) {
  if (!part) return null;
  const options = Object.entries(STAYS).map(([side, text]) =>
    el(
      "label",
      { class: "check" },
      el("input", {
        type: "radio",
        name,
        value: side,
        required: true,
        checked: part.suggested === side,
        disabled: !part.choices.includes(side),
      }),
      el("span", { text: name === "tags" && side === "ours" ? "This edit's over the map's" : text }),
    ),
  );
  const why = part.why_not || (part.suggested ? "" : `Both changed the ${name}: say whose stays.`);
  return el(
    "fieldset",
    { class: "three-way-part" },
    el("legend", { text: title }),
    el("div", { class: "toolbar" }, ...options),
    why && el("p", { class: "small muted", text: why }),
  );
}

const chosen = (part) => part?.querySelector("input:checked")?.value ?? null;

/** Keys of the dialog: 1, 2 and 3 show or hide a shape, D drops. */
function listen(shown, drop) {
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ("123".includes(event.key)) shown.toggle(Number(event.key) - 1);
    else if (event.key.toLowerCase() === "d") drop?.click();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

/**
 * Show the three. Resolves to what a person chose: {act: "rebase", seen, shape, tags}, {act: "drop"}, {act: "yes"}, or null.
 * @param {Object} conflict as the API tells it
 * @param {{imagery: ?Object, title?: string, may?: boolean, mayDrop?: boolean, yes?: ?string}} options `may`: lay it over the map's state;
 *   `yes`: what is offered in place of that
 */
export async function showThreeWay(conflict, options) {
  const { imagery, title = "This edit and the newest map", may = false, mayDrop = false, yes = null } = options;
  const shown = picture(conflict, imagery);
  const parts =
    may && !conflict.why_not
      ? ["shape", "tags"].map((name) => choice(name, name === "shape" ? "Shape" : "Tags", conflict[name]))
      : [];
  let dropped = false;
  const drop =
    mayDrop &&
    el(
      "button",
      { type: "button", class: "button", on: { click: () => dropIt() } },
      "Drop this edit ",
      el("kbd", { text: "D" }),
    );
  const dropIt = () => {
    dropped = true;
    drop.closest("dialog").close("no");
  };
  const stop = listen(shown, drop);
  const asked = askDialog({
    title,
    yes: may ? (conflict.why_not ? null : "Lay it over the map's state") : yes,
    focus: shown.first,
    body: [
      el("p", { text: conflict.detail }),
      el(
        "div",
        { class: "three-way" },
        el("div", { class: "stack" }, ...shown.nodes),
        el(
          "div",
          { class: "stack" },
          tagsTable(conflict),
          ...parts,
          may &&
            conflict.why_not &&
            el("p", { class: "note note-warn", text: `It can't be laid over: ${conflict.why_not}.` }),
          drop && el("div", { class: "toolbar" }, drop),
        ),
      ),
    ],
  });
  shown.fit();
  const accepted = await asked;
  stop();
  shown.remove();
  if (dropped) return { act: "drop" };
  if (!accepted) return null;
  if (!may) return { act: "yes" };
  const [shape, tags] = parts.map(chosen);
  return { act: "rebase", seen: conflict.theirs.digest, shape, tags };
}

/** What the newest map, or the map's "server", says against a suggestion; null where it says nothing. */
export const conflictOfChange = async (id, against = "map") =>
  (await api.get(`/api/changes/${id}/three-way/?against=${against}`)).conflict;
