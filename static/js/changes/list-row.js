/** One row of the list of changes: its close-up, its name, its answer, what may be done with it. */
import { el, svg } from "mapwright/lib/dom.js";
import { day, DECISIONS, humanise, KINDS, percent } from "mapwright/lib/format.js";
import { imageUrl, placeOf, tileUrl } from "mapwright/lib/tiles.js";
import { reasonWords } from "mapwright/changes/words.js";

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

/** The rings of a polygon, or of several, as one path in the pixels of a tile. */
function pathOf({ type, coordinates }, tile) {
  const ring = (corners) => `M${corners.map((corner) => inTile(corner, tile).join(" ")).join("L")}Z`;
  return (type === "MultiPolygon" ? coordinates.flat() : coordinates).map(ring).join("");
}

function thumbnail(change, { region, imagery }) {
  const { tile, bbox } = change;
  const [west, south, east, north] = bbox;
  const [left, top] = inTile([west, north], tile);
  const [right, bottom] = inTile([east, south], tile);
  const box = { x: left, y: top, width: right - left, height: bottom - top };
  const picture = el("a", {
    class: "thumb",
    href: changePath(region, change),
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
      svg("path", { class: "casing", d: pathOf(change.outline, tile) }),
      svg("path", { class: change.kind === "remove" ? "removal" : "", d: pathOf(change.outline, tile) }),
    ),
  );
  return picture;
}

export const changePath = (region, { id }) => `/regions/${region.id}/changes/${id}/`;
const tilePath = (region, { z, x, y }) => `/regions/${region.id}/tiles/${z}/${x}/${y}/`;

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

/** The box by which an open change is chosen. */
function choice(change, { onChoose, chosen }) {
  const box = el("input", {
    type: "checkbox",
    "aria-label": `Choose change ${change.id}`,
    on: { change: (event) => onChoose(change, event.target.checked) },
  });
  box.checked = chosen(change);
  return box;
}

/**
 * @param {Object} change as the list gives it
 * @param {Object} about
 * @param {Object} about.region
 * @param {Object} about.person
 * @param {?Object} about.imagery what the close-ups show
 * @param {(change) => void} about.onReopen take its answer back
 * @param {?(change, chosen: boolean) => void} about.onChoose where rows can be chosen
 * @param {(change) => boolean} about.chosen
 */
export function drawRow(change, about) {
  const { region, person, onReopen, onChoose } = about;
  const kind = KINDS[change.kind];
  const may = change.state === "decided" && !change.exported && (person.editor || change.decided_by === person.name);
  return el(
    "tr",
    { tabindex: "-1", data: { change: String(change.id) } },
    onChoose && el("td", {}, change.state === "open" ? choice(change, about) : null),
    el("td", {}, thumbnail(change, about)),
    el(
      "td",
      {},
      el(
        "span",
        { class: "change-name" },
        el("span", { class: `kind kind-${change.kind}`, "aria-hidden": "true", text: kind.mark }),
        el("a", { href: changePath(region, change), text: kind.label }),
      ),
    ),
    el("td", { class: "number", text: percent(change.confidence) }),
    el("td", {}, change.key ? el("code", { text: change.key }) : el("span", { class: "muted", text: "new" })),
    answerCell(change),
    el("td", { class: "number" }, el("a", { href: tilePath(region, change.tile), text: placeOf(change.tile) })),
    el(
      "td",
      {},
      may
        ? el("button", {
            type: "button",
            class: "button button-small",
            text: "Take back",
            "aria-label": `Take back the answer on change ${change.id}`,
            on: { click: () => onReopen(change) },
          })
        : change.exported && el("a", { class: "small", href: `/regions/${region.id}/edits/`, text: "In a changeset" }),
    ),
  );
}
