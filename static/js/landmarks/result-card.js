/** One tile or landmark that was found, as a card that the arrow keys walk over. */
import { el } from "mapwright/lib/dom.js";
import { day, metres, number, percent } from "mapwright/lib/format.js";
import { classOf, swatch } from "mapwright/lib/ramp.js";

const scoreOf = ({ score }) =>
  Number.isFinite(score)
    ? el(
        "span",
        { class: "found-score", title: `Image and map: ${classOf(score).label.toLowerCase()}` },
        swatch(classOf(score)),
        el("span", { text: `${percent(score)}, ${classOf(score).label.toLowerCase()}` }),
      )
    : el("span", { class: "found-score muted", text: "not scored" });

/** How near a place it is, where a place was asked for; else how much alike. */
function nearness({ distance_m: away, likeness }) {
  if (!Number.isFinite(away)) return `likeness ${number(likeness, 2)}`;
  return away < 1 ? "it lies here" : `${metres(away)} away`;
}

/**
 * @param {Object} result of the API
 * @param {{index: number, withRegion: boolean, onLike: Function}} options
 */
export function resultCard(result, { index, withRegion, onLike }) {
  const name = withRegion ? `${result.region_name} ${result.address}` : result.address;
  const image = el("img", { src: result.image_url, alt: "", width: "256", height: "256", loading: "lazy" });
  image.addEventListener("error", () => image.replaceWith(el("span", { class: "found-lost small", text: "No image" })));
  return el(
    "li",
    { class: "found-item" },
    el(
      "a",
      { class: "found-card", href: result.page_url, data: { index: String(index) } },
      el("span", { class: "found-picture" }, image, el("span", { class: "found-number", text: String(index + 1) })),
      el(
        "span",
        { class: "found-text" },
        el("strong", { class: "found-name", text: withRegion ? result.region_name : result.address, title: name }),
        el("span", { class: "muted number", text: nearness(result) }),
        scoreOf(result),
        el("span", { class: "muted", text: result.captured_on ? day(result.captured_on) : "no date" }),
      ),
    ),
    el("button", {
      type: "button",
      class: "button button-small found-like",
      text: "More like this",
      "aria-label": `More like this: tile ${index + 1}, ${name}`,
      on: { click: onLike },
    }),
  );
}

/** A landmark of a region: its photo, its name; it leads to its region's page of landmarks. */
export function landmarkCard(landmark, { href, index }) {
  return el(
    "li",
    {},
    el(
      "a",
      { class: "found-card found-landmark", href, data: { landmark: String(index) } },
      landmark.photo_url
        ? el("img", { src: landmark.photo_url, alt: "", width: "40", height: "40", loading: "lazy" })
        : el("span", { class: "found-pin", "aria-hidden": "true", text: "◆" }),
      el(
        "span",
        {},
        el("strong", { text: landmark.name }),
        el("span", { class: "muted number", text: ` ${number(landmark.likeness, 2)}` }),
      ),
    ),
  );
}
