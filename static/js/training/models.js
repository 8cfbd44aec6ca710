/** The registry on the training page: every model with what it learnt from, its licences and its files. */
import { api } from "mapwright/lib/api.js";
import { el, facts } from "mapwright/lib/dom.js";
import { day, moment } from "mapwright/lib/format.js";
import { holding, onSubmit } from "mapwright/lib/forms.js";
import { kind } from "mapwright/training/kind.js";
import { decisionsInWords, metricRows } from "mapwright/training/names.js";

export const MODEL_BADGE = {
  active: ["badge badge-good", "In use"],
  candidate: ["badge", "Not in use"],
  retired: ["badge", "Retired"],
};

/** `Model 3: before the flood` */
export const nameOf = ({ id, name }) => (name ? `Model ${id}: ${name}` : `Model ${id}`);

const sourceLine = (source) => (source ? [source.licence, source.attribution].filter(Boolean).join(", ") : "");

/** Licences of everything that was learnt from, each once. */
function licences(sources, which) {
  return [...new Set(sources.map((source) => sourceLine(source[which])))].filter(Boolean).join("; ");
}

function wentOnFrom(start) {
  if (!start) return "";
  return start.model === null ? kind.built_in : `model ${start.model}`;
}

/** Of regions that one is not a member of only their number is known. */
function elsewhere(number) {
  if (!number) return "";
  return number === 1 ? "1 region that you are not a member of" : `${number} regions that you are not a member of`;
}

function origin(model) {
  const { about } = model;
  const digest = about.data_digest;
  const sources = about.sources ?? [about];
  return facts(
    [
      ["Made", moment(model.created_at)],
      ["Came as", about.file?.name ?? ""],
      ["People's decisions", !about.file && about.decisions ? decisionsInWords(about.decisions) || "none" : ""],
      ["Went on from", wentOnFrom(about.start)],
      ["Imagery", licences(sources, "imagery")],
      ["Captured", about.imagery?.captured_on ? day(about.imagery.captured_on) : ""],
      ["Map", licences(sources, "map")],
      ["Elsewhere", elsewhere(about.elsewhere)],
    ].concat(digest ? [["Data digest", el("code", { text: digest.slice(0, 16), title: digest })]] : [], [
      ["SHA-256", el("code", { text: model.sha256.slice(0, 16), title: model.sha256 })],
    ]),
  );
}

function link(model, path, text) {
  return el("a", {
    class: "button button-small",
    href: `/api/models/${model.id}/${path}`,
    download: true,
    text,
    "aria-label": `${text} of model ${model.id}`,
  });
}

/** A name and notes, folded away. */
function wordsForm(model, onDescribed) {
  const id = `of-model-${model.id}`;
  const form = el(
    "form",
    { class: "form", id: `words-${id}`, novalidate: true },
    el(
      "div",
      { class: "field" },
      el("label", { for: `name-${id}`, text: "Name" }),
      el("input", { id: `name-${id}`, name: "name", maxlength: "80", value: model.name }),
    ),
    el(
      "div",
      { class: "field" },
      el("label", { for: `notes-${id}`, text: "Notes" }),
      el("textarea", { id: `notes-${id}`, name: "notes", rows: "3", maxlength: "4000", text: model.notes }),
    ),
    el(
      "div",
      { class: "form-end" },
      el("button", {
        type: "submit",
        class: "button button-small",
        text: "Save",
        "aria-label": `Save what is said of model ${model.id}`,
      }),
    ),
  );
  onSubmit(form, async () => {
    await api.patch(`/api/models/${model.id}/`, {
      name: form.elements.namedItem("name").value,
      notes: form.elements.namedItem("notes").value,
    });
    await onDescribed();
  });
  return el(
    "details",
    { class: "more" },
    el("summary", { text: model.name || model.notes ? "Change name and notes" : "Name it, note something" }),
    form,
  );
}

/**
 * One model as a block.
 * @param {Object} model
 * @param {{admin: boolean, onUse: Function, onCompare: Function, onDescribed: Function}} options
 */
export function modelCard(model, { admin, onUse, onCompare, onDescribed }) {
  const [className, text] = MODEL_BADGE[model.state];
  const use =
    admin &&
    model.state !== "active" &&
    el("button", {
      type: "button",
      class: "button button-small",
      text: "Use this one",
      "aria-label": `Use this one: model ${model.id}`,
      on: { click: holding(() => onUse(model)) },
    });
  const compare =
    (admin || model.evaluation) &&
    el("button", {
      type: "button",
      class: "button button-small",
      text: "Compare",
      "aria-label": `Compare model ${model.id}`,
      on: { click: holding(() => onCompare(model)) },
    });
  return el(
    "article",
    { class: "model", data: { model: String(model.id), key: `model-${model.id}` } },
    el(
      "div",
      { class: "model-head" },
      el("h3", { text: nameOf(model) }),
      el("span", { class: className, text }),
      el("span", { class: "muted small", text: `run ${model.run}` }),
    ),
    model.notes ? el("p", { class: "small model-notes", text: model.notes }) : null,
    origin(model),
    admin ? wordsForm(model, onDescribed) : null,
    el(
      "details",
      { class: "more" },
      el("summary", { text: "Figures of its training" }),
      facts(metricRows(model.metrics)),
    ),
    el(
      "div",
      { class: "toolbar" },
      use,
      compare,
      admin && link(model, "card.md", "Model card"),
      admin && link(model, "weights.safetensors", "Weights"),
    ),
  );
}
