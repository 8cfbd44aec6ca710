/** Ways from a candidate to the tools of OpenStreetMap: its object and history, iD, JOSM, and the place itself. */
import { copyButton } from "mapwright/lib/copy.js";
import { el } from "mapwright/lib/dom.js";
import { notify } from "mapwright/lib/notices.js";

const OSM = "https://www.openstreetmap.org";
/** JOSM's remote control, on the person's own machine. */
const JOSM = "http://127.0.0.1:8111";
const ZOOM = 20;
const MARGIN = 0.0003; // degrees around the candidate, some 30 m

const middle = ([west, south, east, north]) => [(west + east) / 2, (south + north) / 2];

/** `{type, id}` of an OSM element; null where the map came without ids. */
function element(key) {
  const [, type, id] = key?.match(/^(node|way|relation)\/(\d+)$/) ?? [];
  return type ? { type, id } : null;
}

const link = (href, text) =>
  el("a", { class: "button button-small", href, target: "_blank", rel: "noopener noreferrer", text });

/** Let JOSM load the place, with the object selected. */
async function openInJosm({ bbox, footprint }) {
  const [west, south, east, north] = bbox;
  const object = element(footprint?.key);
  const query = new URLSearchParams({
    left: String(west - MARGIN),
    right: String(east + MARGIN),
    bottom: String(south - MARGIN),
    top: String(north + MARGIN),
    ...(object ? { select: `${object.type}${object.id}` } : {}),
  });
  try {
    const answer = await fetch(`${JOSM}/load_and_zoom?${query}`);
    if (!answer.ok) throw new Error(String(answer.status));
    notify("JOSM loads the place.", { kind: "good" });
  } catch {
    notify("JOSM does not answer: start it, and switch on its remote control in the preferences.", { kind: "warn" });
  }
}

/** "27.62981, 85.52155": as search boxes take it. */
const placeWords = (bbox) =>
  middle(bbox)
    .reverse()
    .map((one) => one.toFixed(6))
    .join(", ");

/** Buttons and links of one candidate; `page` is the address of its own page, to be sent to a colleague. */
export function exits(subject, page) {
  const object = element(subject.footprint?.key);
  const [lon, lat] = middle(subject.bbox);
  const at = `#map=${ZOOM}/${lat.toFixed(6)}/${lon.toFixed(6)}`;
  const path = object && `${object.type}/${object.id}`;
  return el(
    "div",
    { class: "toolbar exits", role: "group", "aria-label": "Elsewhere" },
    object && link(`${OSM}/${path}`, "On openstreetmap.org"),
    object && link(`${OSM}/${path}/history`, "History"),
    !object && link(`${OSM}/${at}`, "On openstreetmap.org"),
    link(`${OSM}/edit?editor=id${object ? `&${object.type}=${object.id}` : ""}${at}`, "Edit in iD"),
    el("button", {
      type: "button",
      class: "button button-small",
      text: "Open in JOSM",
      on: { click: () => openInJosm(subject) },
    }),
    copyButton(placeWords(subject.bbox), "Copy the place"),
    copyButton(new URL(page, location.href).href, "Copy the link"),
  );
}
