/** The list of changes: filters in the address, pages by key, rows by keyboard, an answer taken back. */
import { api } from "mapwright/lib/api.js";
import { byId, el, pageData, svg } from "mapwright/lib/dom.js";
import { day, DECISIONS, humanise, KINDS, percent } from "mapwright/lib/format.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { bindKey } from "mapwright/lib/keys.js";
import { freshKey } from "mapwright/lib/once.js";
import { notifyError } from "mapwright/lib/notices.js";
import { imageUrl, tileUrl } from "mapwright/lib/tiles.js";
import { drawExports } from "mapwright/changes/export.js";
import { reasonWords } from "mapwright/changes/words.js";

const { region } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const rows = byId("rows");
const form = byId("filters");
let imagery = null;
let next = null;
let shown = 0;
let generation = 0;

const THUMB_PX = 72;
const LEAST_SIDE = 110;

/** The picture of a tile of which only `view` is seen. */
function closeUp({ left, top, side }, attributes) {
  const scale = 256 / side;
  const px = (at) => `${-(at / 256) * THUMB_PX * scale}px`;
  const picture = el("img", attributes);
  picture.style.transform = `translate(${px(left)}, ${px(top)}) scale(${scale})`;
  return picture;
}

/** Share of the way through a tile, in 0..256, of a place in degrees. */
function inTile([lon, lat], { z, x, y }) {
  const count = 2 ** z;
  const sin = Math.sin((lat * Math.PI) / 180);
  const eastward = ((lon + 180) / 360) * count;
  const southward = (0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)) * count;
  return [(eastward - x) * 256, (southward - y) * 256];
}

/** The square of a tile, in its 256 pixels, that shows a change with some of its surroundings. */
function around({ x, y, width, height }) {
  const side = Math.min(256, Math.max(LEAST_SIDE, 2.2 * Math.max(width, height)));
  const within = (middle) => Math.min(256 - side, Math.max(0, middle - side / 2));
  return { left: within(x + width / 2), top: within(y + height / 2), side };
}

function thumbnail(change) {
  const { tile, bbox } = change;
  const [west, south, east, north] = bbox;
  const [left, top] = inTile([west, north], tile);
  const [right, bottom] = inTile([east, south], tile);
  const box = { x: left, y: top, width: right - left, height: bottom - top };
  const picture = el("a", {
    class: "thumb",
    href: changePath(change),
    "aria-label": `Change ${change.id}`,
    tabindex: "-1",
  });
  const view = around(box);
  if (imagery)
    picture.append(
      closeUp(view, {
        src: tileUrl(imageUrl(imagery, 256), tile),
        alt: "",
        loading: "lazy",
        width: String(THUMB_PX),
        height: String(THUMB_PX),
      }),
    );
  picture.append(
    svg(
      "svg",
      { viewBox: `${view.left} ${view.top} ${view.side} ${view.side}`, "aria-hidden": "true" },
      svg("rect", { class: "casing", ...box }),
      svg("rect", box),
    ),
  );
  return picture;
}

const changePath = ({ id }) => `/regions/${region.id}/changes/${id}/`;
const tilePath = ({ z, x, y }) => `/regions/${region.id}/tiles/${z}/${x}/${y}/`;

const BADGES = { accept: "badge badge-good", reject: "badge badge-bad", "": "badge" };

function answerCell(change) {
  const flagged = !change.decision && change.flagged_to;
  const text = change.decision ? humanise(DECISIONS[change.decision] ?? change.decision) : "Open";
  const cell = el("td", {}, el("span", { class: BADGES[change.decision] ?? "badge badge-warn", text }));
  if (change.decided_by)
    cell.append(el("div", { class: "muted small", text: `${change.decided_by}, ${day(change.decided_at)}` }));
  if (flagged) cell.append(el("div", { class: "small", text: `⚑ Flagged to ${flagged}` }));
  const why = ["", "as_proposed", "adjusted"].includes(change.reason) ? "" : reasonWords(change.kind, change.reason);
  if (why || change.comment)
    cell.append(
      el(
        "div",
        { class: "small said-with" },
        why,
        why && change.comment ? ": " : "",
        change.comment && el("q", { text: change.comment }),
      ),
    );
  return cell;
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

function row(change) {
  const kind = KINDS[change.kind];
  const may = change.state === "decided" && !change.exported && (person.editor || change.decided_by === person.name);
  return el(
    "tr",
    { tabindex: "-1", data: { change: String(change.id) } },
    el("td", {}, thumbnail(change)),
    el(
      "td",
      {},
      el(
        "span",
        { class: "change-name" },
        el("span", { class: `kind kind-${change.kind}`, "aria-hidden": "true", text: kind.mark }),
        el("a", { href: changePath(change), text: kind.label }),
      ),
    ),
    el("td", { class: "number", text: percent(change.confidence) }),
    el("td", {}, change.key ? el("code", { text: change.key }) : el("span", { class: "muted", text: "new" })),
    answerCell(change),
    el("td", {}, el("a", { href: tilePath(change.tile), text: `${change.tile.x}/${change.tile.y}` })),
    el(
      "td",
      {},
      may
        ? el("button", {
            type: "button",
            class: "button button-small",
            text: "Take back",
            "aria-label": `Take back the answer on change ${change.id}`,
            on: { click: () => reopen(change) },
          })
        : change.exported && el("a", { class: "small", href: `/regions/${region.id}/edits/`, text: "In a changeset" }),
    ),
  );
}

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
            colspan: "7",
            class: "muted",
            text: "No change fits. A scan finds candidates; other filters may show more.",
          }),
        ),
      );
    byId("count").textContent = next ? `The first ${shown}; there are more` : `${shown} shown`;
    byId("more").hidden = !next;
  } catch (error) {
    notifyError(error);
  }
}

function restart() {
  generation += 1;
  shown = 0;
  rows.replaceChildren();
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  drawExports(byId("exports"), region.id, Object.fromEntries(query));
  query.set("page_size", "60");
  load(`${base}/changes/?${query}`);
}

function move(by) {
  const all = [...rows.querySelectorAll("tr[data-change]")];
  const at = all.indexOf(document.activeElement.closest?.("tr"));
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.focus();
}

for (const [name, value] of new URLSearchParams(location.search)) {
  const field = form.elements.namedItem(name);
  if (field) field.value = value;
}
form.addEventListener("change", restart);
form.addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", () => load(new URL(next).pathname + new URL(next).search));
bindKey("j", "Next row", () => move(1), { repeats: true });
bindKey("k", "Row before", () => move(-1), { repeats: true });
bindKey("Enter", "Open the row's candidate", () =>
  document.activeElement.closest("tr")?.querySelector(".thumb")?.click(),
);
bindKey("r", "Review", () => location.assign(`/regions/${region.id}/changes/review/`));
api
  .get(`${base}/summary/`)
  .then((summary) => {
    imagery = summary.imagery && { id: summary.imagery, tile_version: summary.imagery_version };
  })
  .catch(notifyError)
  .finally(restart);
