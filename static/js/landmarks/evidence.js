/** Photos from the ground as evidence of a candidate: dropped on it, shown on its map with their direction. */
import { ApiError, api, rows } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { refusal, takeDrops } from "mapwright/lib/dropped.js";
import { direction } from "mapwright/lib/offset.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { createEvidenceMap } from "mapwright/landmarks/evidence-map.js";
import { openPhoto } from "mapwright/landmarks/photo-dialog.js";

const radians = (degrees) => (degrees * Math.PI) / 180;

/** "looks to the north-east", "no direction", "no place". */
export function sightWords({ lon, direction_deg: degrees }) {
  if (!Number.isFinite(lon)) return "no place yet";
  if (!Number.isFinite(degrees)) return "no direction";
  return `looks ${direction(Math.sin(radians(degrees)), Math.cos(radians(degrees)))}`;
}

/**
 * @param {{map: L.Map, current: () => ?Object}} options `current` gives the subject on the screen
 */
export function createEvidence({ map, current }) {
  const node = byId("evidence");
  const chooser = byId("evidence-photo");
  const marks = createEvidenceMap(map, open);
  const begun = latest();
  let photos = [];
  let of = null;

  function draw() {
    marks.show(photos);
    fill(
      byId("evidence-photos"),
      ...photos.map((photo, index) =>
        el(
          "li",
          {},
          el(
            "button",
            { type: "button", class: "evidence-photo", on: { click: () => open(photo) } },
            el("img", { src: photo.image_url, alt: "", width: "72", height: "54" }),
            el("span", { class: "small", text: `${index + 1}: ${sightWords(photo)}` }),
          ),
        ),
      ),
    );
    node.hidden = !photos.length;
  }

  async function load(id) {
    const timely = begun();
    try {
      const found = rows(await api.get(`/api/landmark-photos/?change=${id}`));
      if (of !== id || !timely()) return;
      photos = found.sort((a, b) => a.id - b.id); // their numbers stay as others come
      draw();
    } catch (error) {
      if (!error.passing) notifyError(error);
    }
  }

  async function open(photo) {
    const { lng, lat } = map.getCenter();
    if (await openPhoto(photo, { title: `Photo ${photos.indexOf(photo) + 1}`, middle: { lon: lng, lat } }))
      await load(of);
  }

  async function send(file) {
    const subject = current();
    if (!subject) return;
    const why = refusal(file);
    if (why) {
      notify(why, { kind: "warn" });
      return;
    }
    const data = new FormData();
    data.set("photo", file);
    data.set("change", String(subject.id));
    const done = notify(`${file.name} is being sent.`, { seconds: 60 });
    try {
      const photo = await api.upload("/api/landmark-photos/", data);
      if (of === subject.id) {
        await load(subject.id);
        node.scrollIntoView({ block: "nearest" });
      }
      notify(
        Number.isFinite(photo.lon)
          ? "The photo is on the map."
          : "The photo does not say where it was taken: open it and put it on the map.",
        { kind: Number.isFinite(photo.lon) ? "plain" : "warn" },
      );
    } catch (error) {
      if (error instanceof ApiError && error.status < 500)
        notify(`${file.name} was not taken: ${error.message}`, { kind: "bad" });
      else notifyError(error);
    } finally {
      done();
    }
  }

  takeDrops(document.querySelector("[data-drop]"), send);
  byId("add-photo").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    const [file] = chooser.files;
    chooser.value = "";
    if (file) send(file);
  });

  return {
    add: () => current() && chooser.click(),
    clear() {
      of = null;
      photos = [];
      draw();
    },
    show({ id }) {
      of = id;
      photos = [];
      draw();
      load(id);
    },
  };
}
