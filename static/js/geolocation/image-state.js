/** How far an image is: its state, its job, what is amiss, what became of it. */
import { byId, el, fill } from "mapwright/lib/dom.js";
import { cancelJob, FINISHED, jobProgress } from "mapwright/lib/jobs.js";
import { resultNote } from "mapwright/geolocation/places.js";
import { imageBadge, sentence, warningsNote } from "mapwright/geolocation/words.js";

/** Whether a job is at work on it. */
export const isBusy = ({ job }) => Boolean(job && !FINISHED.has(job.state));

export function drawState(image, person) {
  fill(byId("state"), imageBadge(image.state));
  const running = isBusy(image) || (image.job?.state === "failed" && image.state !== "failed");
  const mayStop = person.admin || image.job?.created_by === person.name;
  fill(byId("progress"), running && jobProgress(image.job, { onCancel: mayStop ? cancelJob : null }));
  fill(
    byId("warnings"),
    warningsNote(image.warnings),
    image.error &&
      el("p", {
        class: `note ${image.state === "failed" ? "note-bad" : "note-warn"}`,
        text: sentence(image.error.detail),
      }),
  );
  fill(byId("result"), image.imagery && resultNote(image));
}
