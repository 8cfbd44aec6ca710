/** Whether an image and a map fit, before anything is made of them: where both lie, how much is mapped, what is missing. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, fill } from "mapwright/lib/dom.js";
import { day, number, percent } from "mapwright/lib/format.js";
import { createMap, geometryBounds, toBounds } from "mapwright/lib/map.js";
import { notifyError } from "mapwright/lib/notices.js";

const STYLES = {
  image: { color: "#ffb000", weight: 2.5, fillOpacity: 0.12 },
  ground: { color: "#5ad1ff", weight: 1, fillOpacity: 0.35 },
  map: { color: "#5ad1ff", weight: 2, dashArray: "7 6", fill: false },
};
const KINDS = [
  ["imagery", "Image", "imagery", ({ captured_on: date }) => date],
  ["snapshots", "Map", "snapshot", ({ taken_at: date }) => date],
];

export function createFit(region) {
  const known = {};
  const chosen = {};
  let map = null;
  let drawn = [];

  function draw(fit) {
    map ??= createMap(byId("fit-map"), { label: "Where image and map lie", keyboard: false });
    drawn.forEach((layer) => layer.remove());
    drawn = [
      fit.map_bounds && L.rectangle(toBounds(fit.map_bounds), { ...STYLES.map, interactive: false }),
      fit.ground && L.geoJSON(fit.ground, { style: STYLES.ground, interactive: false }),
      L.geoJSON(fit.image, { style: STYLES.image, interactive: false }),
    ].filter(Boolean);
    drawn.forEach((layer) => layer.addTo(map));
    const both = geometryBounds(fit.image);
    if (fit.map_bounds && !fit.ground) both.extend(toBounds(fit.map_bounds)); // how far apart they are
    map.invalidateSize({ animate: false });
    map.fitBounds(both.pad(0.2), { animate: false });
  }

  function tell(fit) {
    const sample = (name) => el("span", { class: `fit-sample fit-of-${name}`, "aria-hidden": "true" });
    const where = (name, text) => el("span", {}, sample(name), ` ${text}`);
    fill(
      byId("fit-facts"),
      facts([
        ["The image", where("image", `taken ${day(chosen.imagery.captured_on, "on no known day")}`)],
        [
          "The map",
          where("map", `of ${day(chosen.snapshots.taken_at, "no known day")}, ${number(fit.buildings)} buildings`),
        ],
        [
          "Mapped",
          where("ground", `${percent(fit.mapped_share)} of the image, ${number(fit.on_image)} buildings on it`),
        ],
        ["Ids and versions", fit.stuck ? `missing of ${number(fit.stuck)}` : "of all buildings"],
      ]),
    );
    const note = (text) => el("p", { class: "note note-warn", text });
    fill(byId("fit-notes"), ...fit.notes.map(note));
    if (!fit.notes.length)
      fill(byId("fit-notes"), el("p", { class: "note note-good", text: "Nothing stands against it." }));
  }

  async function look() {
    const [imagery, snapshot] = [chosen.imagery, chosen.snapshots];
    byId("fit").hidden = !imagery || !snapshot;
    if (!imagery || !snapshot) return;
    const asked = `${imagery.id} ${snapshot.id}`;
    byId("fit").dataset.asked = asked;
    const fit = await api.get(`/api/regions/${region.id}/fit/?imagery=${imagery.id}&snapshot=${snapshot.id}`);
    if (byId("fit").dataset.asked !== asked) return; // another pair was chosen meanwhile
    draw(fit);
    tell(fit);
  }

  function choice([kind, label, , date]) {
    const id = `fit-${kind}`;
    const list = el(
      "select",
      { id },
      ...known[kind].map((one) =>
        el("option", { value: String(one.id), text: `${one.original_name} (${day(date(one), "no date")})` }),
      ),
    );
    list.value = String(chosen[kind].id);
    list.addEventListener("change", () => {
      chosen[kind] = known[kind].find((one) => String(one.id) === list.value);
      look().catch(notifyError);
    });
    return el("div", { class: "field" }, el("label", { for: id, text: label }), list);
  }

  return {
    /** The sources of a kind as they are by now; the pair in use is looked at first. */
    async know(kind, sources) {
      known[kind] = sources.filter((one) => one.state === "ready");
      if (!known.imagery?.length || !known.snapshots?.length) return;
      try {
        const summary = await api.get(`/api/regions/${region.id}/summary/`);
        for (const [name, , used] of KINDS)
          chosen[name] =
            known[name].find((one) => one.id === chosen[name]?.id) ??
            known[name].find((one) => one.id === summary[used]) ??
            known[name][0];
        const several = KINDS.filter(([name]) => known[name].length > 1);
        fill(byId("fit-choice"), ...several.map(choice));
        await look();
      } catch (error) {
        notifyError(error);
      }
    },
  };
}
