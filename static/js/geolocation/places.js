/** The places of an image as a list to choose from, and what the image says of itself. */
import { el, facts, fill } from "mapwright/lib/dom.js";
import { metres, moment, number, percent } from "mapwright/lib/format.js";
import { sentence } from "mapwright/geolocation/words.js";

const FORMS = [
  ["geotiff", "GeoTIFF, as it lies"],
  ["points-tiff", "GeoTIFF with points"],
  ["world", "World file"],
  ["qgis", "QGIS points"],
  ["gcps", "GDAL points"],
  ["geojson", "GeoJSON"],
  ["picture", "Upright picture"],
];

const sureOf = (place) =>
  place.title === "placed by hand" ? "by hand" : place.probability > 0.995 ? "> 99 %" : percent(place.probability);

function details(place) {
  const off = Math.max(0.01, place.accuracy_m ?? 0, place.rmse_m ?? 0);
  const figures = [
    place.rmse_m === null ? null : `± ${metres(off)} against that ${place.against === "map" ? "map" : "imagery"}`,
    `${number(place.resolution_m, place.resolution_m < 0.1 ? 3 : 2)} m per pixel`,
  ];
  return [...place.why, figures.filter(Boolean).join(", ")];
}

/** One button for each place; arrows are not needed, each has its number. */
export function drawPlaces(node, places, chosen, onChoose) {
  fill(
    node,
    ...places.map((place, index) =>
      el(
        "button",
        {
          type: "button",
          class: `place${place.state === "rejected" ? " place-rejected" : ""}`,
          role: "radio",
          "aria-checked": String(place.id === chosen?.id),
          data: { place: String(place.id) },
          on: { click: () => onChoose(place) },
        },
        index < 5 ? el("kbd", { text: String(index + 1) }) : el("span"),
        el("strong", { text: sentence(place.title) }),
        el("span", { class: "number", title: "that it is no work of chance", text: sureOf(place) }),
        el("ul", {}, ...details(place).map((text) => el("li", { text: sentence(text) }))),
      ),
    ),
  );
}

const KINDS = { exif: "its EXIF", xmp: "its EXIF and flight data", flight: "its flight", person: "you" };

/** What an image says of itself. */
export function factsOf(image) {
  const { prior } = image;
  const place =
    prior.lon === null ? "not told" : `${number(prior.lat, 5)}, ${number(prior.lon, 5)} by ${KINDS[prior.kind]}`;
  return facts([
    ["Size", image.width ? `${number(image.width)} × ${number(image.height)} px` : null],
    ["Taken", moment(image.captured_at, "not told")],
    ["Place", place],
    ["Height", prior.height_m === null ? null : metres(prior.height_m)],
    ["Upper side points to", prior.heading_deg === null ? null : `${number(prior.heading_deg)}°`],
    ["Ground per pixel", prior.resolution_m === null ? null : `${number(prior.resolution_m * 100, 1)} cm`],
    ["Camera", image.camera],
    ["Flight", image.flight],
    ["Sent by", image.owner],
  ]);
}

/** Links to the files of a place. */
export const fileLinks = (image, place) =>
  FORMS.map(([form, text]) =>
    el("li", {}, el("a", { href: `/api/images/${image.id}/places/${place.id}/files/${form}/`, download: true, text })),
  );

/** What became of an image that was confirmed. */
export const resultNote = (image) =>
  el(
    "div",
    { class: "note note-good" },
    el("p", { text: `It is imagery of ${image.region_name} now.` }),
    el("p", {
      text: "A region uses its newest imagery: where this shows only a part of it, choose the other one on its page.",
    }),
    el(
      "p",
      {},
      el("a", { href: `/regions/${image.region}/sources/`, text: "See it among the sources" }),
      " · ",
      el("a", { href: `/regions/${image.region}/`, text: "The region" }),
    ),
  );
