/** The sources page: uploads with progress, and what is there already. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { bytes, percent } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
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

async function list(kind) {
  try {
    const sources = await api.all(`/api/regions/${region.id}/${kind}/`);
    const on = { onChange: () => list(kind), onRemove: person.editor ? (source) => remove(kind, source) : null };
    fill(
      byId(kind),
      ...(sources.length
        ? sources.map((source) => sourceCard(source, kind, on))
        : [el("p", { class: "muted", text: KINDS[kind] })]),
    );
  } catch (error) {
    notifyError(error);
  }
}

/** Say which file is chosen, by input or by drop. */
function watchDrop(form) {
  const zone = form.querySelector(".drop");
  const input = zone.querySelector("input[type=file]");
  const show = () => {
    zone.querySelector(".chosen").textContent = input.files[0]
      ? `${input.files[0].name}, ${bytes(input.files[0].size)}`
      : "";
  };
  input.addEventListener("change", show);
  for (const event of ["dragenter", "dragover"])
    zone.addEventListener(event, (e) => {
      e.preventDefault();
      zone.dataset.over = "";
    });
  for (const event of ["dragleave", "drop"])
    zone.addEventListener(event, () => {
      delete zone.dataset.over;
    });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    input.files = one.files;
    show();
  });
  return show;
}

function formData(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data])
    if (value === "" || (value instanceof File && !value.size && !value.name)) data.delete(name);
  if (data.has("taken_at")) data.set("taken_at", new Date(data.get("taken_at")).toISOString());
  return data;
}

function uploadForm(form, kind) {
  const state = form.querySelector(".upload-state");
  const stop = form.querySelector(".stop-upload");
  const showChosen = watchDrop(form);
  onSubmit(form, async () => {
    const control = new AbortController();
    stop.onclick = () => control.abort();
    stop.hidden = false;
    state.hidden = false;
    const bar = el("progress", { max: "1", value: "0", "aria-label": "Upload" });
    const text = el("span", { text: "Uploading" });
    fill(state, el("div", { class: "progress" }, text, bar));
    try {
      const onProgress = (share) => {
        bar.value = share;
        text.textContent = share < 1 ? `Uploading, ${percent(share)}` : "The server has the file and is taking it in";
      };
      const added = await api.upload(`/api/regions/${region.id}/${kind}/`, formData(form), {
        onProgress,
        signal: control.signal,
      });
      notify(
        added.reused
          ? "The region had this very file already."
          : "Uploaded. The import runs now; this page follows it.",
      );
      form.reset();
      showChosen();
      await list(kind);
    } finally {
      stop.hidden = true;
      state.hidden = true;
    }
  });
}

for (const [id, kind] of [
  ["imagery-form", "imagery"],
  ["snapshot-form", "snapshots"],
]) {
  const form = document.getElementById(id);
  if (form) uploadForm(form, kind);
}
for (const kind of Object.keys(KINDS)) list(kind);
