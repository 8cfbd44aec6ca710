/** The regions as cards; each card's figures arrive on their own. */
import { api } from "mapwright/lib/api.js";
import { byId, el } from "mapwright/lib/dom.js";
import { bindKey } from "mapwright/lib/keys.js";
import { day, number } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";
import { imageUrl, tileUrl } from "mapwright/lib/tiles.js";

const AT_ONCE = 4;

function figures(summary) {
  const rows = [
    ["tiles", summary.tiles],
    ["open changes", summary.changes.open],
    ["decided", summary.changes.decided],
  ];
  const list = el("dl", { class: "figures" });
  for (const [term, value] of rows)
    list.append(el("div", {}, el("dt", { text: term }), el("dd", { text: number(value ?? 0) })));
  return list;
}

/** The tile in the middle of the bounds, small enough to lie inside them. */
function middleTile([west, south, east, north]) {
  const side = Math.max(
    1e-6,
    Math.min(east - west, (north - south) / Math.cos((((south + north) / 2) * Math.PI) / 180)),
  );
  const z = Math.max(2, Math.min(19, Math.ceil(Math.log2(360 / side)) + 1));
  const sin = Math.sin((((south + north) / 2) * Math.PI) / 180);
  const x = Math.floor((((west + east) / 2 + 180) / 360) * 2 ** z);
  const y = Math.floor((0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)) * 2 ** z);
  return { z, x, y };
}

function card(region) {
  const body = el("div", { class: "stack" }, el("p", { class: "muted small", text: "…" }));
  const node = el(
    "li",
    { class: "card region-card" },
    el("h2", {}, el("a", { href: `/regions/${region.id}/`, text: region.name })),
    body,
  );
  return { node, region, body };
}

async function complete({ region, body }) {
  try {
    const summary = await api.get(`/api/regions/${region.id}/summary/`);
    const scan = summary.latest_scan;
    const address = summary.imagery && region.bounds ? middleTile(region.bounds) : null;
    const picture =
      address &&
      el("img", {
        class: "region-picture",
        alt: "",
        width: "304",
        height: "112",
        src: tileUrl(imageUrl({ id: summary.imagery, tile_version: summary.imagery_version }, 512), address),
      });
    body.replaceChildren(
      ...(picture ? [picture] : []),
      figures(summary),
      el("p", { class: "muted small", text: scan ? `Last scan: ${day(scan.created_at)}` : "Not scanned yet" }),
    );
    if (summary.changes.open)
      body.append(
        el(
          "div",
          {},
          el("a", { class: "button button-small", href: `/regions/${region.id}/changes/review/`, text: "Review" }),
        ),
      );
  } catch (error) {
    body.replaceChildren(el("p", { class: "muted small", text: error.message }));
  }
}

async function start() {
  const list = byId("regions");
  try {
    const cards = (await api.all("/api/regions/?page_size=200")).map(card);
    list.append(...cards.map((one) => one.node));
    byId("no-regions").hidden = cards.length > 0;
    const waiting = [...cards];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (waiting.length) await complete(waiting.shift());
      }),
    );
  } catch (error) {
    notifyError(error);
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

const create = document.getElementById("new-region");
if (create) bindKey("n", "New region", () => create.click());
start();
