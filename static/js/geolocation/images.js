/** The page "Place images": images are dropped, their jobs are followed, what was found waits to be confirmed. */
import { ApiError, api } from "mapwright/lib/api.js";
import { byId, el, pageData, refill } from "mapwright/lib/dom.js";
import { bytes, plural } from "mapwright/lib/format.js";
import { confirmDialog, holding } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob } from "mapwright/lib/jobs.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { uploadForm } from "mapwright/lib/uploads.js";
import { imageCard } from "mapwright/geolocation/image-card.js";
import { fillRegions } from "mapwright/geolocation/words.js";

const { regions, limits, links } = pageData();
const person = pageData("person");
const PAGE = 50;
/** As many as the API gives at once. */
const MOST = 500;
const followed = new Map(); // id of a job -> what stops following it
let images = [];
let next = null;

const href = (image) => links.image.replace("/0/", `/${image.id}/`);

function draw() {
  const cards = images.map((image) =>
    imageCard(image, {
      href: href(image),
      person,
      onStop: cancelJob,
      onAgain: () => act(() => api.post(`/api/images/${image.id}/locate/`, { region: image.region })),
      onRemove: () => remove(image),
    }),
  );
  const nothing = el("li", { class: "muted", text: "No image here yet: add one, it takes seconds." });
  refill(byId("images"), ...(cards.length ? cards : [nothing]));
  byId("more").hidden = !next;
}

async function act(run) {
  try {
    await run();
    await load();
  } catch (error) {
    notifyError(error);
  }
}

async function remove(image) {
  const sure = await confirmDialog({
    title: `Remove ${image.original_name}?`,
    text: image.imagery ? "The imagery that it became stays." : "The picture and its places go.",
    yes: "Remove it",
  });
  if (sure) await act(() => api.delete(`/api/images/${image.id}/`));
}

/** One follower for each job that is at work, however many images it looks for. */
function follow() {
  for (const { job } of images) {
    if (!job || FINISHED.has(job.state) || followed.has(job.id)) continue;
    let shown = job.message;
    const onChange = (now) => {
      images = images.map((one) => (one.job?.id === now.id ? { ...one, job: now } : one));
      if (now.message === shown) return draw();
      shown = now.message;
      return load(); // another image's turn: the one before has its answer
    };
    const onEnd = () => {
      followed.delete(job.id);
      return load();
    };
    followed.set(job.id, followJob(job.id, onChange, { onEnd }));
  }
}

let loaded = Promise.resolve();

/** The list anew, as long as it is, or more of it: one after the other, so that none is drawn over by one that was asked before. */
const load = (more = false) => (loaded = loaded.then(() => ask(more)));

async function ask(more) {
  const state = byId("images-state").value;
  const size = Math.min(MOST, Math.max(PAGE, images.length));
  try {
    const answer = await api.get(more ? next : `/api/images/?page_size=${size}${state ? `&state=${state}` : ""}`);
    images = more ? [...images, ...answer.results] : answer.results;
    next = answer.next
      ? new URL(answer.next, location.origin).pathname + new URL(answer.next, location.origin).search
      : null;
    draw();
    follow();
  } catch (error) {
    notifyError(error);
  }
}

/** The API's own checks that need no server. */
function check(data) {
  const refuse = (detail) => {
    throw new ApiError(400, { code: "invalid", detail, fields: { files: [detail] } });
  };
  const files = data.getAll("files").filter((file) => file instanceof File);
  if (!files.length) refuse("Choose one or several images.");
  if (files.length > limits.files) refuse(`Send at most ${limits.files} at once.`);
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (!limits.suffixes.some((suffix) => name.endsWith(suffix)))
      refuse(`${file.name} is no image: use one of ${limits.suffixes.join(", ")}.`);
    if (file.size > limits.bytes) refuse(`${file.name} is larger than ${bytes(limits.bytes)}: save it smaller.`);
  }
}

fillRegions(byId("images-region"), regions, new URLSearchParams(location.search).get("region") ?? "");
uploadForm(byId("images-form"), {
  path: "/api/images/",
  check,
  async onAdded(added) {
    notify(`${plural(added.length, "image")} taken in. They are looked for now; this page follows them.`);
    byId("images-state").value = "";
    await load();
  },
});
byId("images-state").addEventListener("change", () => load());
byId("more").addEventListener(
  "click",
  holding(() => load(true)),
);
bindKey("r", "Review the first image that waits", () => {
  const first = images.find((image) => image.state === "candidates");
  if (first) location.assign(href(first));
});
load();
