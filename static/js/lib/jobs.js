/** Follow long work: ask with growing pauses, draw its progress, let it be cancelled. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { duration, humanise, percent } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";
import { timeLeft } from "mapwright/lib/time-left.js";

const FIRST_MS = 700;
const LONGEST_MS = 5000;
export const FINISHED = new Set(["succeeded", "failed", "cancelled"]);
const RETRIED = new Set(["failed", "cancelled"]);

export const JOB_NAMES = {
  "sources.import_imagery": "Import of imagery",
  "sources.import_map": "Import of a map",
  "tiles.build_pairs": "Cutting into tiles",
  "anchors.generate": "Describing the tiles",
  "correspondences.propose": "Matching image and map",
  "correspondences.build_pairs": "Pairs of a map scan",
  "learning.train": "Training",
  "learning.evaluate": "Comparison of models",
  "consistency.scan": "Scan",
  "geolocation.prepare": "Preparing reference imagery",
  "geolocation.build_features": "Features of reference imagery",
  "changes.find": "Finding changes",
  "changes.map_pinned": "Comparing suggestions with the chosen map",
  "changes.rescore": "Scoring corrected tiles anew",
  "changes.first_look": "First look",
  "changes.main_job": "Main job",
  "geolocation.locate": "Finding images",
  "geolocation.become_imagery": "Making imagery of an image",
  "edits.upload": "Upload to the map",
  "edits.watch": "What became of an upload",
  "landmarks.update_index": "Making tiles searchable",
  "landmarks.import_tags": "Landmarks of the map",
};
export const jobName = (kind) => JOB_NAMES[kind] ?? humanise(kind.split(".").at(-1));

const BADGES = {
  queued: ["badge", "Waiting"],
  running: ["badge badge-busy", "Running"],
  succeeded: ["badge badge-good", "Done"],
  failed: ["badge badge-bad", "Failed"],
  cancelled: ["badge badge-warn", "Cancelled"],
};

export function stateBadge(state) {
  const [className, text] = BADGES[state] ?? ["badge", humanise(state)];
  return el("span", { class: className, text });
}

/**
 * Follow a job until it ends, or until what shows it was drawn over.
 * @param {number} id
 * @param {(job) => void} onChange
 * @param {{onEnd?: (job) => void, within?: ?HTMLElement}} [options] `within`: the element that shows the job
 * @returns {Function} stops following
 */
export function followJob(id, onChange, { onEnd, within = null } = {}) {
  let stopped = false;
  let wait = FIRST_MS;
  let last = "";

  const over = () => stopped || (within && !within.isConnected);

  async function ask() {
    try {
      const job = await api.get(`/api/jobs/${id}/`);
      if (over()) return;
      const sign = `${job.state} ${job.progress} ${job.message}`;
      wait = sign === last ? Math.min(wait * 1.4, LONGEST_MS) : FIRST_MS;
      last = sign;
      onChange(job);
      if (FINISHED.has(job.state)) {
        onEnd?.(job);
        return;
      }
    } catch (error) {
      if (!error.passing) {
        notifyError(error);
        return;
      }
      wait = LONGEST_MS;
    }
    setTimeout(() => over() || ask(), document.hidden ? LONGEST_MS : wait);
  }

  ask();
  return () => {
    stopped = true;
  };
}

const secondsOf = (job) =>
  job.started_at ? (new Date(job.finished_at ?? Date.now()) - new Date(job.started_at)) / 1000 : NaN;

const left = (job) => {
  const seconds = timeLeft(job);
  return Number.isFinite(seconds) ? `about ${duration(Math.max(1, seconds))} left` : "";
};

/** The progress of a job as a block: what, how far, how long, why it failed. */
export function jobProgress(job, { onCancel, onRetry } = {}) {
  const parts = [
    el(
      "div",
      { class: "progress-line" },
      el("span", { text: job.message }),
      el("span", {
        class: "number muted",
        text: [FINISHED.has(job.state) ? "" : percent(job.progress), duration(secondsOf(job)), left(job)]
          .filter(Boolean)
          .join(" · "),
      }),
    ),
  ];
  if (!FINISHED.has(job.state))
    parts.push(
      el("progress", { max: "1", value: String(job.progress), "aria-label": `Progress of: ${jobName(job.kind)}` }),
    );
  if (job.outlook) parts.push(el("p", { class: "note note-warn job-outlook", text: job.outlook }));
  if (job.state === "failed")
    parts.push(el("p", { class: "note note-bad", text: job.error_detail || "It failed without saying why." }));
  if (onCancel && !FINISHED.has(job.state)) {
    parts.push(
      el(
        "div",
        {},
        el("button", {
          type: "button",
          class: "button button-small",
          disabled: Boolean(job.cancel_requested),
          text: job.cancel_requested ? "Stopping…" : "Cancel",
          on: { click: () => onCancel(job) },
        }),
      ),
    );
  }
  if (onRetry && RETRIED.has(job.state)) {
    const tryAgain = (event) => {
      event.currentTarget.disabled = true;
      onRetry(job);
    };
    parts.push(
      el(
        "div",
        {},
        el("button", { type: "button", class: "button button-small", text: "Try again", on: { click: tryAgain } }),
      ),
    );
  }
  return el("div", { class: "progress", data: { state: job.state } }, ...parts);
}

export async function cancelJob(job) {
  try {
    await api.post(`/api/jobs/${job.id}/cancel/`);
  } catch (error) {
    notifyError(error);
  }
}
