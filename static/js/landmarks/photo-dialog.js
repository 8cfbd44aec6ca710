/** One photo from the ground, large, with where it was taken and which way it looks; both may be set by hand. */
import { api } from "mapwright/lib/api.js";
import { el, facts } from "mapwright/lib/dom.js";
import { metres, moment } from "mapwright/lib/format.js";
import { askDialog, confirmDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

const DIGITS = 6;
const FROM = { photo: "the photo says so", person: "set by a person" };

/** Whose word the place is, and how far off it may be. */
const placeWords = ({ position_from: from, accuracy_m: off }) =>
  from ? `${FROM[from] ?? from}${Number.isFinite(off) ? `, within ${metres(off)}` : ""}` : "not stated: set it below";

const field = (name, label, value, hint) => {
  const input = el("input", { id: `photo-${name}`, name, inputmode: "decimal", autocomplete: "off", value });
  return [
    input,
    el(
      "div",
      { class: "field" },
      el("label", { for: `photo-${name}`, text: label }),
      input,
      hint ? el("span", { class: "hint", text: hint }) : null,
    ),
  ];
};

const shown = (value, digits) => (Number.isFinite(value) ? String(Number(value.toFixed(digits))) : "");
const read = (input) => (input.value.trim() ? Number(input.value.trim().replace(",", ".")) : null);

/** What a person typed that is other than before, or a sentence that says what is wrong with it. */
function wished(photo, lat, lon, degrees) {
  const place = { lat: read(lat), lon: read(lon), direction_deg: read(degrees) };
  const within = (value, most) => value === null || (Number.isFinite(value) && Math.abs(value) <= most);
  if (!within(place.lat, 85) || !within(place.lon, 180)) return "Give the place in degrees: 85 and 180 at most.";
  if ((place.lat === null) !== (place.lon === null)) return "Give both latitude and longitude, or neither.";
  if (place.direction_deg !== null && !(place.direction_deg >= 0 && place.direction_deg <= 360))
    return "Give the direction in degrees from north, 0 to 360.";
  const same = (name, digits) => shown(photo[name], digits) === shown(place[name], digits);
  if (same("lat", DIGITS) && same("lon", DIGITS)) {
    delete place.lat;
    delete place.lon;
  }
  if (same("direction_deg", 0)) delete place.direction_deg;
  return place;
}

async function remove(photo) {
  const sure = await confirmDialog({
    title: "Remove this photo?",
    text: "It goes for everybody. This can't be taken back.",
    yes: "Remove it",
    kind: "bad",
  });
  if (sure) await api.delete(`/api/landmark-photos/${photo.id}/`);
  return sure;
}

/**
 * Show a photo. Resolves to true where something of it changed.
 * @param {Object} photo
 * @param {{title: string, middle: {lon: number, lat: number}}} options `middle` is that of the map behind the dialog
 */
export async function openPhoto(photo, { title, middle }) {
  const [lat, latField] = field("lat", "Latitude", shown(photo.lat, DIGITS));
  const [lon, lonField] = field("lon", "Longitude", shown(photo.lon, DIGITS));
  const [degrees, degreesField] = field(
    "direction",
    "Looks to",
    shown(photo.direction_deg, 0),
    "Degrees from north: 90 is east.",
  );
  let removing = false;
  const toMiddle = () => {
    lat.value = middle.lat.toFixed(DIGITS);
    lon.value = middle.lon.toFixed(DIGITS);
  };
  const body = [
    el("img", { class: "photo-large", src: photo.image_url, alt: title }),
    facts([
      ["Taken", moment(photo.taken_at, "not stated")],
      ["Place", placeWords(photo)],
      ["Added by", photo.created_by],
    ]),
    ...(photo.warnings ?? []).map((text) => el("p", { class: "note note-warn", text })),
    el("div", { class: "form-row photo-place" }, latField, lonField, degreesField),
    el(
      "div",
      { class: "toolbar" },
      el("button", {
        type: "button",
        class: "button button-small",
        text: "Take the middle of the map",
        on: { click: toMiddle },
      }),
      el("button", {
        type: "button",
        class: "button button-small button-bad",
        text: "Remove the photo",
        on: {
          click: (event) => {
            removing = true;
            event.target.closest("dialog").close("no");
          },
        },
      }),
    ),
  ];
  const yes = await askDialog({ title, body, yes: "Save" });
  try {
    if (removing) return await remove(photo);
    if (!yes) return false;
    const place = wished(photo, lat, lon, degrees);
    if (typeof place === "string") {
      notify(place, { kind: "warn" });
      return false;
    }
    if (!Object.keys(place).length) return false;
    await api.patch(`/api/landmark-photos/${photo.id}/`, place);
    return true;
  } catch (error) {
    notifyError(error);
    return false;
  }
}
