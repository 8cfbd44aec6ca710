/** The page of map scans: a picture of a map comes in, its job is followed, where it lies is shown, its pairs go on. */
import { ApiError, api } from "mapwright/lib/api.js";
import { byId, el, pageData, refill } from "mapwright/lib/dom.js";
import { bytes } from "mapwright/lib/format.js";
import { confirmDialog } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob } from "mapwright/lib/jobs.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest, oneAtATime } from "mapwright/lib/once.js";
import { uploadForm } from "mapwright/lib/uploads.js";
import { scanCard } from "mapwright/correspondences/map-scan-card.js";
import { createScanMap } from "mapwright/correspondences/map-scan-map.js";

const { region, links, limits } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const view = createScanMap(region);
const followed = new Map(); // id of a scan -> {job, stop}
const begun = latest();
let scans = [];
let chosen = null;

function choose(scan) {
  chosen = scan?.id ?? null;
  for (const card of byId("scans").children)
    if (card.dataset.scan) card.setAttribute("aria-current", String(Number(card.dataset.scan) === chosen));
  view.show(scan ?? null);
}

function draw() {
  const cards = scans.map((scan) =>
    scanCard(scan, {
      person,
      links,
      current: scan.id === chosen,
      onShow: () => choose(scan),
      onStop: cancelJob,
      onResume: () => act(() => api.post(`/api/map-scans/${scan.id}/resume/`)),
      onReview: () => review(scan),
      onRemove: () => remove(scan),
    }),
  );
  const nothing = el("p", {
    class: "muted",
    text: person.editor ? "No map scan yet." : "No map scan yet; an editor adds one.",
  });
  refill(byId("scans"), ...(cards.length ? cards : [nothing]));
}

/** Do something of a scan, and show what came of it. */
async function act(run) {
  try {
    await run();
    await load();
  } catch (error) {
    notifyError(error);
  }
}

async function remove(scan) {
  const sure = await confirmDialog({
    title: `Remove ${scan.original_name}?`,
    text: "Its pairs and the proposals that nobody answered go with it. One that people answered about stays.",
    yes: "Remove it",
  });
  if (sure) await act(() => api.delete(`/api/map-scans/${scan.id}/`));
}

/** To the batch that holds a scan's pairs; where there is none to work on, every waiting pair is queued in a new one. */
const review = oneAtATime(async (scan) => {
  try {
    const { results } = await api.get(`${base}/correspondence-batches/`);
    const there = results.find((one) => one.options.scan === scan.id && one.may_work && one.progress.open);
    if (there) {
      location.assign(`${links.bench}?batch=${there.id}`);
      return;
    }
    const name = `Scan ${scan.original_name}`.slice(0, 120);
    const batch = await api.post(`${base}/correspondence-batches/`, { name, plan: "all", scan: scan.id });
    location.assign(`${links.bench}?batch=${batch.id}`);
  } catch (error) {
    notifyError(error);
  }
});

/** One follower for each job that is at work; a new job of a scan takes the place of the one before. */
function follow(scan) {
  const job = scan.job?.id;
  if (followed.get(scan.id)?.job === job) return;
  followed.get(scan.id)?.stop();
  followed.delete(scan.id);
  if (!job || FINISHED.has(scan.job.state)) return;
  const stop = followJob(
    job,
    (now) => {
      scans = scans.map((one) => (one.id === scan.id ? { ...one, job: now } : one));
      draw();
    },
    {
      async onEnd() {
        followed.delete(scan.id);
        await load();
        if ([null, scan.id].includes(chosen)) choose(scans.find((one) => one.id === scan.id)); // who looks at another one stays there
      },
    },
  );
  followed.set(scan.id, { job, stop });
}

async function load() {
  const timely = begun();
  try {
    const found = await api.all(`${base}/map-scans/`);
    if (!timely()) return;
    scans = found;
    draw();
    scans.forEach(follow);
    if (!scans.some((one) => one.id === chosen)) choose(scans.find((one) => one.placed) ?? null);
  } catch (error) {
    notifyError(error);
  }
}

/** The API's own checks that need no server: they are told before an hour of sending. */
function check(data) {
  const file = data.get("file");
  const refuse = (detail) => {
    throw new ApiError(400, { code: "invalid", detail, fields: { file: [detail] } });
  };
  if (!(file instanceof File)) refuse("Choose a picture of a map.");
  const name = file.name.toLowerCase();
  if (!limits.suffixes.some((suffix) => name.endsWith(suffix))) refuse(`Use one of ${limits.suffixes.join(", ")}.`);
  if (file.size > limits.bytes) refuse(`It is larger than ${bytes(limits.bytes)}: cut it or save it smaller.`);
}

function move(by) {
  const cards = [...byId("scans").querySelectorAll("[data-scan]")];
  const at = cards.findIndex((card) => Number(card.dataset.scan) === chosen);
  const next = cards[Math.min(cards.length - 1, Math.max(0, at + by))];
  if (!next) return;
  choose(scans.find((scan) => scan.id === Number(next.dataset.scan)));
  next.focus();
}

const form = document.getElementById("scan-form");
if (form)
  uploadForm(form, {
    path: `${base}/map-scans/`,
    check,
    async onAdded(scan) {
      notify("Taken in. It is looked for now; this page follows it.");
      chosen = scan.id;
      byId("add").open = false;
      await load();
    },
  });
bindKey("j", "Next scan", () => move(1), { repeats: true });
bindKey("k", "Scan before", () => move(-1), { repeats: true });
bindKey("r", "Review", () => location.assign(links.bench));
load();
