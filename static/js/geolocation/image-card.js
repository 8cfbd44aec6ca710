/** One image without a place as a card of the list: its picture, how far it is, what may be done. */
import { el } from "mapwright/lib/dom.js";
import { moment, plural } from "mapwright/lib/format.js";
import { FINISHED, jobProgress } from "mapwright/lib/jobs.js";
import { imageBadge, sentence } from "mapwright/geolocation/words.js";

const SAID = {
  uploaded: "It was stopped before it was looked for.",
  rejected: "Somebody said that none of the places is right.",
};

function nextStep(image, href) {
  if (image.state === "candidates")
    return el("a", {
      class: "button button-small button-main",
      href,
      text: `Look at ${plural(image.places, "place")}`,
    });
  if (image.imagery && image.region)
    return el("a", { class: "button button-small", href: `/regions/${image.region}/sources/`, text: "To the imagery" });
  return el("a", { class: "button button-small", href, text: "Open" });
}

/**
 * @param {Object} image
 * @param {Object} options href, person; onStop, onAgain, onRemove
 */
export function imageCard(image, { href, person, onStop, onAgain, onRemove }) {
  const { job } = image;
  const busy = job && !FINISHED.has(job.state);
  const mayStop = person.admin || job?.created_by === person.name;
  const again = !busy && ["uploaded", "searching", "not_found", "rejected"].includes(image.state);
  const picture = image.preview
    ? el("img", { class: "image-thumb", src: image.preview, alt: "", width: "120", height: "90", loading: "lazy" })
    : el("div", { class: "image-thumb" });
  const taken = image.flight ?? moment(image.captured_at, "");
  const told = [taken, image.region_name, image.camera].filter(Boolean).join(" · ");
  const note = image.error
    ? el("p", {
        class: `note ${image.state === "failed" ? "note-bad" : "note-warn"}`,
        text: sentence(image.error.detail),
      })
    : !busy && SAID[image.state] && el("p", { class: "small muted", text: SAID[image.state] });
  const failed = job?.state === "failed" && el("p", { class: "note note-bad", text: job.error_detail });
  return el(
    "li",
    { class: "card image-card", data: { image: String(image.id), key: `image-${image.id}` } },
    picture,
    el(
      "div",
      { class: "stack" },
      el(
        "div",
        { class: "card-head" },
        el("h3", {}, el("a", { href, text: image.original_name })),
        busy && image.state === "candidates"
          ? el("span", { class: "badge badge-busy", text: "Becoming imagery" })
          : imageBadge(image.state),
      ),
      told && el("p", { class: "small muted", text: told }),
      note,
      failed,
      busy && jobProgress(job, { onCancel: mayStop ? onStop : null }),
      el(
        "div",
        { class: "toolbar" },
        nextStep(image, href),
        again &&
          el("button", { type: "button", class: "button button-small", text: "Look again", on: { click: onAgain } }),
        !busy &&
          el("button", {
            type: "button",
            class: "button button-small",
            text: "Remove",
            "aria-label": `Remove ${image.original_name}`,
            on: { click: onRemove },
          }),
      ),
    ),
  );
}
