/** The region page: image, map and score grid; the steps of the work and what runs. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData, refill } from "mapwright/lib/dom.js";
import { number } from "mapwright/lib/format.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { tellOnce } from "mapwright/lib/outlook.js";
import { offsetNote } from "mapwright/lib/offset.js";
import { sourcesInUse } from "mapwright/sources/in-use.js";
import { createRegionMap } from "mapwright/sources/region-map.js";
import { bindSettings } from "mapwright/sources/region-settings.js";
import { drawSteps } from "mapwright/sources/region-steps.js";

const { region, layers } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const begun = latest();
const view = createRegionMap(region, { layers, person });

function drawFigures(summary) {
  const rows = [
    ["tiles", summary.tiles],
    ["open changes", summary.changes.open],
    ["decided", summary.changes.decided],
  ];
  fill(
    byId("figures"),
    ...rows.map(([term, value]) => el("div", {}, el("dt", { text: term }), el("dd", { text: number(value ?? 0) }))),
  );
}

async function refresh() {
  const timely = begun();
  try {
    const [summary, imagery, snapshots] = await Promise.all([
      api.get(`${base}/summary/`),
      api.all(`${base}/imagery/`),
      api.all(`${base}/snapshots/`),
    ]);
    if (!timely()) return;
    drawFigures(summary);
    refill(byId("source-list"), ...sourcesInUse({ region, person, summary, imagery, snapshots, refresh }));
    const offset = summary.latest_scan?.offset;
    fill(byId("offset"), offset ? offsetNote(offset) : null).hidden = !offset;
    const ready = {
      imagery: imagery.find((one) => one.id === summary.imagery),
      snapshot: snapshots.find((one) => one.id === summary.snapshot),
    };
    drawSteps({ region, person, summary, imagery, snapshots, refresh });
    await view.show(ready, summary.latest_scan);
  } catch (error) {
    notifyError(error);
  }
}

bindSettings(region);
tellOnce(document.querySelector(".split-panel"));
bindKey("f", "See the whole region", () => view.fit(), { group: "Look" });
refresh();
