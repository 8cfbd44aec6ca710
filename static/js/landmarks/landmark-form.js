/** The form of one landmark: its name, words, place and photos. */
import { ApiError, api } from "mapwright/lib/api.js";
import { byId, fill } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit, values } from "mapwright/lib/forms.js";
import { refusal } from "mapwright/lib/dropped.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { watchDrop } from "mapwright/lib/uploads.js";
import { photoItem } from "mapwright/landmarks/landmark-card.js";

const DIGITS = 6;
const ABOVE_PX = 8;

const refuse = (name, detail) => {
  throw new ApiError(400, { code: "invalid", detail, fields: { [name]: [detail] } });
};

/** A number of degrees as people write it: a decimal comma is read too. */
function degrees(text, name, most) {
  const value = Number(
    String(text ?? "")
      .trim()
      .replace(",", ".") || NaN,
  );
  if (!Number.isFinite(value) || Math.abs(value) > most)
    refuse(name, `Give degrees between -${most} and ${most}, or click on the map.`);
  return value;
}

/**
 * @param {Object} region
 * @param {{view: Object, onSaved: (landmark: Object) => Promise, onRemoved: Function, onLeave: Function}} options
 */
export function createLandmarkForm(region, { view, onSaved, onRemoved, onLeave }) {
  const form = byId("landmark-form");
  const { lat, lon, name, photos } = form.elements;
  const showChosen = watchDrop(form);
  let editing = null;
  /** Counts what the form was opened for: what is still on its way belongs to the one it was sent from. */
  let turn = 0;

  function setPlace(place) {
    lat.value = place ? place.lat.toFixed(DIGITS) : "";
    lon.value = place ? place.lon.toFixed(DIGITS) : "";
    for (const input of [lat, lon]) {
      input.removeAttribute("aria-invalid");
      input.closest(".field").querySelector(".error")?.remove();
    }
  }

  function drawPhotos() {
    const list = editing?.photos ?? [];
    fill(byId("form-photos"), ...list.map((photo) => photoItem(photo, { onRemove: () => removePhoto(photo) }))).hidden =
      !list.length;
  }

  async function removePhoto(photo) {
    try {
      await api.delete(`/api/landmark-photos/${photo.id}/`);
      editing = { ...editing, photos: editing.photos.filter((one) => one.id !== photo.id) };
      drawPhotos();
      await onSaved(editing, { quiet: true });
    } catch (error) {
      notifyError(error);
    }
  }

  /** From now on the form changes this landmark; null: it makes a new one. */
  function edit(landmark) {
    editing = landmark;
    byId("form-title").textContent = landmark ? landmark.name : "A new landmark";
    byId("form-remove").hidden = !landmark;
    drawPhotos();
  }

  function open(landmark = null) {
    turn += 1;
    form.reset();
    showChosen();
    for (const node of form.querySelectorAll(".error")) node.remove();
    edit(landmark);
    name.value = landmark?.name ?? "";
    form.elements.description.value = landmark?.description ?? "";
    setPlace(landmark);
    form.hidden = false;
    view.endPlacing();
    view.place(landmark);
    if (landmark) view.close(landmark);
    const panel = form.closest(".split-panel");
    panel.scrollTop = form.offsetTop - panel.offsetTop - ABOVE_PX;
    name.focus({ preventScroll: true });
  }

  function leave() {
    if (form.hidden) return;
    form.hidden = true;
    turn += 1;
    editing = null;
    view.endPlacing();
    onLeave();
  }

  /** Keep these photos chosen, and no others. */
  function choose(files) {
    const kept = new DataTransfer();
    for (const file of files) kept.items.add(file);
    photos.files = kept.files;
    showChosen();
  }

  async function sendPhoto(id, file) {
    const data = new FormData();
    data.set("photo", file);
    data.set("landmark", String(id));
    try {
      return await api.upload("/api/landmark-photos/", data);
    } catch (error) {
      if (error.status !== 400 && error.status !== 413) throw error;
      notify(`${file.name} was not taken: ${error.message}`, { kind: "bad" });
      return null;
    }
  }

  /** Send photos one by one; while the form is still about this landmark, what was sent is no longer among the chosen. */
  async function sendPhotos(saved, files, mine) {
    for (const [number, file] of files.entries()) {
      const photo = await sendPhoto(saved.id, file);
      if (turn !== mine) continue;
      choose(files.slice(number + 1));
      if (photo) edit({ ...editing, photos: [...editing.photos, photo] });
    }
  }

  async function save() {
    const given = values(form);
    if (!given.name?.trim()) refuse("name", "Give the landmark a name.");
    const files = [...photos.files];
    const bad = files.map(refusal).find(Boolean);
    if (bad) refuse("photos", bad);
    const body = {
      name: given.name.trim(),
      description: given.description ?? "",
      lat: degrees(given.lat, "lat", 85),
      lon: degrees(given.lon, "lon", 180),
    };
    const mine = turn;
    const saved = editing
      ? await api.patch(`/api/landmarks/${editing.id}/`, body)
      : await api.post("/api/landmarks/", { region: region.id, ...body });
    if (turn === mine) edit(saved); // it is there, whatever becomes of its photos: saving again makes no second one
    try {
      await sendPhotos(saved, files, mine);
    } catch (error) {
      if (turn === mine) {
        const left = plural(photos.files.length, "photo");
        notify(`${saved.name} is saved, but ${left} of it did not arrive: save again to send the rest.`);
      }
      await onSaved(saved, { quiet: true });
      throw error;
    }
    if (turn === mine) leave();
    await onSaved(saved);
  }

  async function remove() {
    const gone = editing;
    const sure = await confirmDialog({
      title: `Remove ${gone.name}?`,
      text: "Its photos go with it. This can't be taken back.",
      yes: "Remove it",
      kind: "bad",
    });
    if (!sure) return;
    try {
      await api.delete(`/api/landmarks/${gone.id}/`);
      leave();
      await onRemoved(gone);
    } catch (error) {
      notifyError(error);
    }
  }

  onSubmit(form, save);
  byId("form-back").addEventListener("click", leave);
  byId("form-remove").addEventListener("click", remove);
  for (const input of [lat, lon])
    input.addEventListener("change", () => {
      const [y, x] = [lat, lon].map((one) => Number(one.value.replace(",", ".") || NaN));
      if (Math.abs(y) <= 90 && Math.abs(x) <= 180) view.put({ lat: y, lon: x });
    });

  return {
    open,
    leave,
    setPlace,
    get shown() {
      return !form.hidden;
    },
  };
}
