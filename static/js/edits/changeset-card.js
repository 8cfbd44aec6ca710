/** One changeset: its edits, what stands against them, the versions it lacks, its files. */
import { api } from "mapwright/lib/api.js";
import { el, facts, fill } from "mapwright/lib/dom.js";
import { KINDS, moment, plural } from "mapwright/lib/format.js";
import { modelWords } from "mapwright/changes/words.js";
import { downloads } from "mapwright/edits/downloads.js";
import { confirmDialog, onSubmit } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

const FIELDS_AT_MOST = 12;

function itemsTable(items) {
  const rows = items.map((item) =>
    el(
      "tr",
      {},
      el(
        "td",
        {},
        el(
          "span",
          { class: "change-name" },
          el("span", { class: `kind kind-${item.kind}`, "aria-hidden": "true", text: KINDS[item.kind].mark }),
          KINDS[item.kind].label,
        ),
      ),
      el("td", {}, item.key ? el("code", { text: item.key }) : el("span", { class: "muted", text: "new" })),
      el("td", { class: "number", text: item.key ? (item.base_version ?? "unknown") : "" }),
      el("td", { text: item.kind === "remove" && item.demolish ? "kept as demolished" : "" }),
      el("td", { text: item.decided_by ?? "" }),
    ),
  );
  const heads = ["Change", "Object", "Version", "", "Decided by"].map((text) => el("th", { scope: "col", text }));
  return el(
    "div",
    { class: "table-scroll changeset-items", tabindex: "0", role: "region", "aria-label": "Edits of the changeset" },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
  );
}

const warning = (title, lines, kind) =>
  el(
    "div",
    { class: `note note-${kind}` },
    el("strong", { text: title }),
    el("ul", {}, ...lines.map((text) => el("li", { text }))),
  );

function parseLines(text) {
  const versions = {};
  for (const line of text.split("\n")) {
    const match = line.trim().match(/^((?:node|way|relation)\/\d+)\s*[=:,\s]\s*(\d+)$/);
    if (match) versions[match[1]] = Number(match[2]);
  }
  return versions;
}

/** The form for versions that the map did not give. */
function versionsForm(changeset, missing, redraw) {
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

/** What the newest map says against edits, each with a way to drop it. */
function conflicts(changeset, detail, person, redraw) {
  const drop = (one) => async () => {
    try {
      await api.delete(`/api/changesets/${changeset.id}/edits/${one.change}/`);
      notify("The edit is dropped; its change stays accepted.");
      await redraw();
    } catch (error) {
      notifyError(error);
    }
  };
  const button = (one) =>
    person.editor &&
    detail.items.length > 1 &&
    el("button", {
      type: "button",
      class: "button button-small",
      text: "Drop this edit",
      "aria-label": `Drop this edit of change ${one.change}`,
      on: { click: drop(one) },
    });
  const lines = detail.conflicts.map((one) => el("li", {}, `${one.detail} `, button(one)));
  return el(
    "div",
    { class: "note note-warn" },
    el("strong", { text: "The newest map says otherwise" }),
    el("ul", {}, ...lines),
  );
}

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

export function changesetCard(changeset, { person, open, onGone }) {
  const body = el("div", { class: "stack" });

  async function draw() {
    try {
      const detail = await api.get(`/api/changesets/${changeset.id}/`);
      const missing = [...new Set(detail.refused.flatMap((one) => one.missing))];
      const other = detail.refused.filter((one) => !one.missing.length);
      fill(
        body,
        facts([
          ["Source", detail.source],
          ...Object.entries(detail.tags)
            .filter(([key]) => !["comment", "source"].includes(key))
            .map(([key, value]) => [key, String(value)]),
          ...detail.models.map((model) => ["Suggested by", modelWords(model)]),
          ["Elements", plural(detail.elements, "element")],
        ]),
        detail.conflicts.length ? conflicts(changeset, detail, person, draw) : null,
        other.length
          ? warning(
              "Can't be written as osmChange",
              other.map((one) => `${one.key ?? `change ${one.change}`}: ${one.detail}`),
              "bad",
            )
          : null,
        missing.length && person.editor ? versionsForm(changeset, missing, draw) : null,
        itemsTable(detail.items),
        downloads(changeset, detail, person),
        person.editor
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
      text: `Changeset ${changeset.id}, ${moment(changeset.created_at)}${changeset.created_by ? `, by ${changeset.created_by}` : ""}`,
    }),
    details,
  );
}
