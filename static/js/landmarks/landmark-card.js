/** One landmark of a region as a line of the list. */
import { el } from "mapwright/lib/dom.js";

const SOURCES = { hand: "by hand", csv: "from a table", map: "from the map" };

/** Tags of the map worth a line, such as `historic=temple`. */
const tagWords = (tags) =>
  ["historic", "tourism", "wikidata"]
    .filter((name) => tags?.[name])
    .map((name) => `${name}=${tags[name]}`)
    .join(", ");

/**
 * @param {Object} landmark
 * @param {{may: boolean, onShow: Function, onEdit: Function}} options
 */
export function landmarkLine(landmark, { may, onShow, onEdit }) {
  const [photo] = landmark.photos ?? [];
  const told = [landmark.description, tagWords(landmark.tags)].filter(Boolean).join(" · ");
  return el(
    "li",
    { class: "landmark", id: `landmark-${landmark.id}`, data: { landmark: String(landmark.id) } },
    photo
      ? el("img", {
          class: "landmark-photo",
          src: photo.image_url,
          alt: "",
          width: "56",
          height: "56",
          loading: "lazy",
        })
      : el("span", { class: "landmark-photo landmark-pin", "aria-hidden": "true", text: "◆" }),
    el(
      "button",
      { type: "button", class: "landmark-name", on: { click: onShow, focus: onShow } },
      el("strong", { text: landmark.name }),
      told ? el("span", { class: "small muted landmark-told", text: told }) : null,
      el("span", { class: "small muted", text: SOURCES[landmark.source] ?? landmark.source }),
    ),
    may &&
      el("button", {
        type: "button",
        class: "button button-small",
        text: "Change",
        "aria-label": `Change ${landmark.name}`,
        on: { click: onEdit },
      }),
  );
}

/** A photo with a way to remove it. */
export function photoItem(photo, { onRemove }) {
  return el(
    "li",
    {},
    el("img", { src: photo.image_url, alt: "", width: "72", height: "72" }),
    el("button", {
      type: "button",
      class: "icon-button",
      text: "×",
      "aria-label": "Remove this photo",
      on: { click: onRemove },
    }),
  );
}
