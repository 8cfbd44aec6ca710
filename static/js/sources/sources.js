/** The sources page: uploads with progress, and what is there already. */
import { api } from "mapwright/lib/api.js";
import { byId, el, pageData, refill } from "mapwright/lib/dom.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { uploadForm } from "mapwright/lib/uploads.js";
import { createCompleteArea } from "mapwright/sources/complete-area.js";
import { createFit } from "mapwright/sources/fit.js";
import { sourceCard } from "mapwright/sources/source-card.js";

const { region } = pageData();
const person = pageData("person");
const KINDS = { imagery: "No imagery yet.", snapshots: "No map yet." };

async function remove(kind, source) {
  const sure = await confirmDialog({
    title: `Remove ${source.original_name}?`,
    text: "Only a source that nothing was made of can be removed.",
    yes: "Remove it",
  });
  if (!sure) return;
  try {
    await api.delete(`/api/${kind}/${source.id}/`);
    list(kind);
  } catch (error) {
    notifyError(error);
  }
}

const fit = createFit(region);
const complete = document.getElementById("draw-complete") ? createCompleteArea(region) : null;
const begun = { imagery: latest(), snapshots: latest() };

async function list(kind) {
  const timely = begun[kind]();
  try {
    const sources = await api.all(`/api/regions/${region.id}/${kind}/`);
    if (!timely()) return;
    fit.know(kind, sources);
    if (kind === "imagery") complete?.on(sources).catch(notifyError);
    const on = { onChange: () => list(kind), onRemove: person.editor ? (source) => remove(kind, source) : null };
    refill(
      byId(kind),
      ...(sources.length
        ? sources.map((source) => sourceCard(source, kind, on))
        : [el("p", { class: "muted", text: KINDS[kind] })]),
    );
  } catch (error) {
    notifyError(error);
  }
}

/** A moment is sent with its time zone, and a map with the area that is drawn. */
function mended(kind, data) {
  if (kind === "snapshots") complete.addTo(data);
  if (data.has("taken_at")) data.set("taken_at", new Date(data.get("taken_at")).toISOString());
}

for (const [id, kind] of [
  ["imagery-form", "imagery"],
  ["snapshot-form", "snapshots"],
]) {
  const form = document.getElementById(id);
  if (form)
    uploadForm(form, {
      path: `/api/regions/${region.id}/${kind}/`,
      check: (data) => mended(kind, data),
      onAdded(added) {
        if (kind === "snapshots") complete.clear();
        notify(
          added.reused
            ? "The region had this very file already."
            : "Uploaded. The import runs now; this page follows it.",
        );
        return list(kind);
      },
    });
}
for (const kind of Object.keys(KINDS)) list(kind);
