/** What of a region can be searched, by which model, and the job that brings the rest in. */
import { api } from "mapwright/lib/api.js";
import { byId, el, facts, refill } from "mapwright/lib/dom.js";
import { number } from "mapwright/lib/format.js";
import { cancelJob, FINISHED, followJob, jobProgress } from "mapwright/lib/jobs.js";
import { notifyError } from "mapwright/lib/notices.js";

const WORDS = { whole: "Bring it up to date", some: "Make the rest searchable", none: "Make the tiles searchable" };

export function createIndexState(region, person) {
  const base = `/api/regions/${region.id}/embeddings`;
  let followed = null;

  function draw(state) {
    const { job } = state;
    const busy = job && !FINISHED.has(job.state);
    const words = state.tiles
      ? `${number(state.embedded)} of ${number(state.tiles)}`
      : "none yet: cut the region into tiles first";
    const files = document.getElementById("embeddings");
    if (files) files.hidden = !state.embedded;
    refill(
      byId("index-state"),
      facts([
        ["Tiles", words],
        ["By the model", state.model || "none"],
      ]),
      state.remedy ? el("p", { class: "note note-warn", text: state.remedy }) : null,
      busy || job?.state === "failed" ? jobProgress(job, { onCancel: busy && person.admin ? cancelJob : null }) : null,
      state.may_update && state.tiles && !busy
        ? el(
            "div",
            {},
            el("button", {
              type: "button",
              class: "button button-small",
              id: "update-index",
              text: WORDS[state.whole ? "whole" : state.embedded ? "some" : "none"],
              on: { click: update },
            }),
          )
        : null,
    );
  }

  async function update(event) {
    event.target.disabled = true;
    try {
      await api.post(`${base}/update/`);
    } catch (error) {
      notifyError(error);
    }
    await refresh();
  }

  async function refresh() {
    try {
      const state = await api.get(`${base}/state/`);
      draw(state);
      if (!state.job || FINISHED.has(state.job.state) || followed === state.job.id) return;
      followed = state.job.id;
      followJob(state.job.id, (job) => draw({ ...state, job }), { onEnd: refresh });
    } catch (error) {
      notifyError(error);
    }
  }

  return { refresh };
}
