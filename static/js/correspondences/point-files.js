/** Points for and from other programs: those that count leave for QGIS, a file's take the place of those on the page. */
import { api } from "mapwright/lib/api.js";
import { afterMouse, byId } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

/**
 * @param {{now: () => ?Object, take: (payload) => void}} options `now` is the subject on the page; `take` goes on from a
 *   payload as one step
 */
export function createPointFiles({ now, take }) {
  const chooser = byId("points-file");

  async function read([file]) {
    const subject = now();
    if (!file || !subject) return;
    const form = new FormData();
    form.append("file", file);
    try {
      const { payload } = await api.upload(`/api/correspondences/${subject.id}/points/`, form);
      if (now() !== subject) return;
      take(payload);
      notify(`${plural(payload.points.length, "point")} of ${file.name}; undo a step to have the former ones again.`);
    } catch (error) {
      notifyError(error);
    }
  }

  chooser.addEventListener("change", async () => {
    await read(chooser.files);
    chooser.value = "";
  });
  byId("points-from-file").addEventListener(
    "click",
    afterMouse(() => now() && chooser.click()),
  );

  const qgis = byId("points-qgis");
  let matched = false;

  return {
    /** What is stored can leave, not what is still being changed. */
    changed(so) {
      qgis.hidden = so || !matched;
    },
    /** Offer the files of a proposal; one without a match has no points that could leave. */
    offer({ id, transform }) {
      matched = Boolean(transform);
      qgis.hidden = !matched;
      qgis.href = `/api/correspondences/${id}/files/qgis/`;
      byId("points-picture").href = `/api/correspondences/${id}/files/picture/`;
    },
  };
}
