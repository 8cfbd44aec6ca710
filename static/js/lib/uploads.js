/** Forms that send files: chosen or dropped, sent with progress, stopped on demand. */
import { api } from "mapwright/lib/api.js";
import { el, fill } from "mapwright/lib/dom.js";
import { bytes, percent } from "mapwright/lib/format.js";
import { onSubmit } from "mapwright/lib/forms.js";

/** Say which file is chosen, or how many where the input takes several, by input or by drop. */
export function watchDrop(form) {
  const zone = form.querySelector(".drop");
  const input = zone.querySelector("input[type=file]");
  const show = () => {
    const files = [...input.files];
    const size = bytes(files.reduce((sum, file) => sum + file.size, 0));
    const what = files.length > 1 ? `${files.length} files` : files[0]?.name;
    zone.querySelector(".chosen").textContent = files.length ? `${what}, ${size}` : "";
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
    const taken = new DataTransfer();
    for (const file of [...event.dataTransfer.files].slice(0, input.multiple ? undefined : 1)) taken.items.add(file);
    input.files = taken.files;
    show();
  });
  return show;
}

/** What a form holds, without what was left empty. */
function formData(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data])
    if (value === "" || (value instanceof File && !value.size && !value.name)) data.delete(name);
  return data;
}

/**
 * Send a form with a `.drop` zone, an `.upload-state` and a `.stop-upload` button.
 * @param {HTMLFormElement} form
 * @param {{path: string, check?: (data) => void, onAdded: (reply) => Promise}} options `check` may mend or refuse what is
 *   sent, by throwing an ApiError
 */
export function uploadForm(form, { path, check = () => {}, onAdded }) {
  const state = form.querySelector(".upload-state");
  const stop = form.querySelector(".stop-upload");
  const showChosen = watchDrop(form);
  onSubmit(form, async () => {
    const data = formData(form);
    check(data);
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
      const added = await api.upload(path, data, { onProgress, signal: control.signal });
      form.reset();
      showChosen();
      await onAdded(added);
    } finally {
      stop.hidden = true;
      state.hidden = true;
    }
  });
}
