/** One changeset: its edits on a map and as a list, what stands against them, the versions it lacks, its files. */
import { api } from "mapwright/lib/api.js";
import { el, facts, refill } from "mapwright/lib/dom.js";
import { moment, plural } from "mapwright/lib/format.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { modelWords } from "mapwright/changes/words.js";
import { conflictsNote, itemActs, itemsTable } from "mapwright/edits/changeset-items.js";
import { downloads } from "mapwright/edits/downloads.js";
import { createEditsMap, editsLegend } from "mapwright/edits/edits-map.js";
import { tagsForm } from "mapwright/edits/tags-form.js";
import { uploadPanel } from "mapwright/edits/upload-panel.js";
import { versionsForm } from "mapwright/edits/versions-form.js";

const warning = (title, lines, kind) =>
  el(
    "div",
    { class: `note note-${kind}` },
    el("strong", { text: title }),
    el("ul", {}, ...lines.map((text) => el("li", { text }))),
  );

async function takeApart(changeset, onGone) {
  const sure = await confirmDialog({
    title: `Take changeset ${changeset.id} apart?`,
    text: "Its changes stay accepted and can go into another changeset. Do this only if its files were not uploaded.",
    yes: "Take it apart",
  });
  if (!sure) return;
  try {
    await api.delete(`/api/changesets/${changeset.id}/`);
    await onGone();
  } catch (error) {
    notifyError(error);
  }
}

export function changesetCard(changeset, { person, imagery, open, onGone }) {
  const body = el("div", { class: "stack" });
  const place = el("div", { class: "edits-map" });
  const begun = latest();
  let preview = null;

  /** The edits on a map; only who may have the file sees the shapes. */
  async function drawMap() {
    if (!person.editor) return;
    const { features } = await api.get(`/api/changesets/${changeset.id}/edits.geojson`);
    preview ??= createEditsMap(place, { imagery, label: `Edits of changeset ${changeset.id}` });
    preview.map.invalidateSize({ animate: false });
    preview.show(features);
    preview.fit(features);
  }

  async function draw() {
    const timely = begun();
    try {
      const detail = await api.get(`/api/changesets/${changeset.id}/`);
      if (!timely()) return;
      const missing = [...new Set(detail.refused.flatMap((one) => one.missing))];
      const other = detail.refused.filter((one) => !one.missing.length);
      const changes = person.editor && !detail.uploaded;
      const acts = itemActs({
        changeset: detail,
        detail,
        person: { ...person, editor: changes },
        imagery,
        redraw: draw,
      });
      refill(
        body,
        facts([
          ["Source", detail.source],
          ...Object.entries(detail.tags)
            .filter(([key]) => !["comment", "source"].includes(key))
            .map(([key, value]) => [key, String(value)]),
          ...detail.models.map((model) => ["Suggested by", modelWords(model)]),
          ["Elements", plural(detail.elements, "element")],
        ]),
        detail.conflicts.length ? conflictsNote(detail, acts) : null,
        other.length
          ? warning(
              "Can't be written as osmChange",
              other.map((one) => `${one.key ?? `change ${one.change}`}: ${one.detail}`),
              "bad",
            )
          : null,
        missing.length && changes ? versionsForm(changeset, missing, draw) : null,
        person.editor && place,
        person.editor && editsLegend({ before: true }),
        changes ? tagsForm(detail, onGone) : null,
        itemsTable(changeset.region, detail.items, acts),
        downloads(changeset, detail, person),
        uploadPanel({
          changeset: detail,
          person,
          onChange: draw,
          compare: (change) => acts.compare({ change }, "server"),
        }),
        changes
          ? el(
              "div",
              {},
              el("button", {
                type: "button",
                class: "quiet-link small",
                text: "Take it apart",
                on: { click: () => takeApart(changeset, onGone) },
              }),
            )
          : null,
      );
      await drawMap();
    } catch (error) {
      notifyError(error);
    }
  }

  const details = el("details", { open }, el("summary", { text: "Edits and files" }), body);
  let drawn = false;
  const first = () => {
    if (details.open && !drawn) {
      drawn = true;
      draw();
    }
  };
  details.addEventListener("toggle", first);
  first();
  return el(
    "article",
    { class: "card changeset" },
    el(
      "div",
      { class: "card-head" },
      el("h3", { text: changeset.comment }),
      el("span", { class: "badge badge-plain", text: plural(changeset.edits, "edit") }),
    ),
    el("p", {
      class: "muted small",
      text: `No. ${changeset.id} here, ${moment(changeset.created_at)}${changeset.created_by ? `, by ${changeset.created_by}` : ""}`,
    }),
    details,
  );
}
