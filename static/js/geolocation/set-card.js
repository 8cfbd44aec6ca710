/** One reference set as a card: where it comes from, how far it is, its files and bases, what may be done. */
import { el, facts } from "mapwright/lib/dom.js";
import { moment, number, plural } from "mapwright/lib/format.js";
import { FINISHED, jobProgress } from "mapwright/lib/jobs.js";
import { uploadForm } from "mapwright/lib/uploads.js";
import { basesOf } from "mapwright/geolocation/set-bases.js";
import { viewersForm } from "mapwright/geolocation/who-sees.js";

const KINDS = { files: "Files", tiles: "Tiles of a server", region: "Imagery of a region" };
const BADGES = {
  registered: ["badge", "Registered"],
  cutting: ["badge badge-busy", "Being prepared"],
  ready: ["badge badge-good", "Ready"],
  failed: ["badge badge-bad", "Not ready"],
};

function basesInWords({ base_count: count, counts }) {
  const parts = [
    counts.ready && `${number(counts.ready)} searched`,
    counts.waiting && `${number(counts.waiting)} waiting for features`,
    counts.failed && `${number(counts.failed)} can't be read`,
  ].filter(Boolean);
  const sum = Object.values(counts).reduce((all, one) => all + one, 0) || count;
  return sum ? `${plural(sum, "base")}: ${parts.join(", ")}` : "none yet";
}

function whoSees(set) {
  if (set.kind === "region") return "members of the region";
  if (set.open_to_all) return "everybody who signs in";
  return set.viewers.length ? `admins and ${plural(set.viewers.length, "person", "people")}` : "admins alone";
}

function fileLine(file) {
  const said = file.error || (file.ready ? file.warnings.join(" ") : "waits to be read");
  return el(
    "li",
    {},
    el("span", { text: file.original_name }),
    " ",
    el("span", { class: file.error ? "badge badge-bad" : "muted small", text: said }),
  );
}

function files(set) {
  if (!set.files.length) return null;
  return el(
    "details",
    { open: set.files.some((file) => file.error) },
    el("summary", { text: plural(set.files.length, "file") }),
    el("ul", { class: "small" }, ...set.files.map(fileLine)),
  );
}

/** The form that sends one more file to a set. */
function fileForm(set, onAdded) {
  const id = `file-of-${set.id}`;
  const form = el(
    "form",
    { class: "form", id: `files-of-${set.id}`, novalidate: true },
    el(
      "div",
      { class: "field drop" },
      el("label", { for: id, text: "A GeoTIFF with its place in it" }),
      el("input", { id, name: "file", type: "file", accept: ".tif,.tiff", required: true }),
      el("span", { class: "chosen small", role: "status" }),
    ),
    el("div", { class: "upload-state", hidden: true }),
    el(
      "div",
      { class: "form-end" },
      el("button", { class: "button", type: "submit", text: "Upload the file" }),
      el("button", { class: "button stop-upload", type: "button", hidden: true, text: "Stop" }),
    ),
  );
  uploadForm(form, { path: `/api/reference-sets/${set.id}/files/`, onAdded });
  return el("details", {}, el("summary", { text: "Add a file" }), form);
}

const button = (text, set, run, className = "") =>
  el("button", {
    type: "button",
    class: `button button-small ${className}`.trim(),
    text,
    "aria-label": `${text}: ${set.name}`,
    on: { click: run },
  });

/**
 * @param {Object} set
 * @param {{current: boolean, onShow, onStop, onAgain, onRemove, onAdded, onChanged: Function}} options
 */
export function setCard(set, { current, onShow, onStop, onAgain, onRemove, onAdded, onChanged }) {
  const [className, text] = BADGES[set.state];
  const busy = set.job && !FINISHED.has(set.job.state);
  const own = set.kind !== "region";
  const broken = set.state === "failed" || set.files.some((file) => file.error);
  return el(
    "article",
    {
      class: "card set",
      tabindex: "0",
      data: { set: String(set.id) },
      "aria-label": `Set ${set.name}`,
      "aria-current": String(current),
      on: { focus: onShow },
    },
    el("div", { class: "card-head" }, el("h3", { text: set.name }), el("span", { class: className, text })),
    busy ? jobProgress(set.job, { onCancel: onStop }) : null,
    set.error && !busy ? el("p", { class: "note note-bad", text: set.error }) : null,
    facts([
      ["Made of", KINDS[set.kind]],
      ["Address", set.url_template ? el("code", { text: set.url_template }) : null],
      ["Zoom", set.zoom],
      ["Searched at", set.resolution_m ? `${number(set.resolution_m, 2)} m per pixel` : null],
      ["Bases", basesInWords(set)],
      ["Licence", set.licence],
      ["Attribution", set.attribution],
      ["Seen by", whoSees(set)],
      ["Since", moment(set.created_at)],
    ]),
    files(set),
    basesOf(set),
    set.kind === "files" ? fileForm(set, onAdded) : null,
    own ? viewersForm(set, onChanged) : null,
    own
      ? el(
          "div",
          { class: "toolbar" },
          broken && !busy ? button("Prepare again", set, onAgain) : null,
          button("Remove", set, onRemove, "button-danger"),
        )
      : null,
  );
}
