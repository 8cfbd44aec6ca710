/** The form for versions that the map did not give. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { notify } from "mapwright/lib/notices.js";

const FIELDS_AT_MOST = 12;

function parseLines(text) {
  const versions = {};
  for (const line of text.split("\n")) {
    const match = line.trim().match(/^((?:node|way|relation)\/\d+)\s*[=:,\s]\s*(\d+)$/);
    if (match) versions[match[1]] = Number(match[2]);
  }
  return versions;
}

/** Asks for the versions of `missing` objects, and draws the changeset anew with them. */
export function versionsForm(changeset, missing, redraw) {
  const many = missing.length > FIELDS_AT_MOST;
  const inputs = many
    ? el(
        "div",
        { class: "field" },
        el("label", { for: `versions-${changeset.id}`, text: "One object per line: its key, a space, its version" }),
        el(
          "textarea",
          { id: `versions-${changeset.id}`, name: "lines", rows: "8" },
          missing.map((key) => `${key} `).join("\n"),
        ),
      )
    : el(
        "div",
        { class: "versions" },
        ...missing.flatMap((key) => [
          el("label", { for: `v-${changeset.id}-${key}` }, el("code", { text: key })),
          el("input", { id: `v-${changeset.id}-${key}`, name: key, type: "number", min: "1", class: "control" }),
        ]),
      );
  const form = el(
    "form",
    { class: "form note note-warn", id: `versions-form-${changeset.id}`, novalidate: true },
    el("h3", { text: "Versions are missing" }),
    el("p", {
      text: "The map came without them. Look each object up in OpenStreetMap and give its present version; without it the edit could overwrite somebody's newer work.",
    }),
    inputs,
    el(
      "div",
      { class: "form-end" },
      el("button", { type: "submit", class: "button button-small button-main", text: "Save the versions" }),
    ),
  );
  onSubmit(form, async () => {
    const versions = many
      ? parseLines(form.lines.value)
      : Object.fromEntries(
          missing.map((key) => [key, Number(form.elements.namedItem(key).value)]).filter(([, version]) => version > 0),
        );
    const { used } = await api.post(`/api/changesets/${changeset.id}/versions/`, versions);
    notify(`${plural(used, "version")} saved.`);
    await redraw();
  });
  return form;
}
