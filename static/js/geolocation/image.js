/** The review of one image: its places over the map, one is confirmed, adjusted or none is right. */
import { api } from "mapwright/lib/api.js";
import { afterMouse, byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { onSubmit, values } from "mapwright/lib/forms.js";
import { cancelJob, FINISHED, followJob, jobProgress } from "mapwright/lib/jobs.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { load as kept, save } from "mapwright/lib/storage.js";
import { cornersInView, createCorners, turned } from "mapwright/geolocation/corners.js";
import { createGround } from "mapwright/geolocation/ground.js";
import { bindImageKeys } from "mapwright/geolocation/image-keys.js";
import { createOverlay } from "mapwright/geolocation/overlay.js";
import { drawPlaces, factsOf, fileLinks, resultNote } from "mapwright/geolocation/places.js";
import { fillRegions, imageBadge, sentence, warningsNote } from "mapwright/geolocation/words.js";

const { image: named, regions } = pageData();
const person = pageData("person");
const path = `/api/images/${named.id}/`;
const OPACITIES = [0.7, 1, 0.35];
const RIGHTS = "mapwright.image.rights";
const ground = createGround(byId("map"), named.name);
const handles = createCorners(ground.map, (corners) => moveTo(corners));
const form = byId("confirm-form");
let overlay = null;
let image = null;
let chosen = null; // one of the places, {byHand: true}, or null
let corners = null; // a person's, in place of the chosen one's
let stopFollowing = null;

const open = () => image && image.state !== "failed" && !image.imagery && !busy();
const busy = () => image.job && !FINISHED.has(image.job.state);
const placeable = () => Boolean(open() && image.preview);

function moveTo(next) {
  corners = next;
  overlay?.show(next);
}

/** Show a place, as it was proposed. */
async function choose(place) {
  chosen = place;
  corners = null;
  handles.clear();
  byId("adjust").setAttribute("aria-pressed", "false");
  overlay?.show(place?.corners ?? null);
  draw();
  if (!place?.corners) return;
  try {
    await ground.lay(place, Number(form.elements.region.value) || image.region);
  } catch (error) {
    notifyError(error);
  }
  form.elements.region.value = String(image.region ?? ground.regionOf(place, regions) ?? regions[0]?.id ?? "");
  ground.fit(overlay.bounds());
}

function adjust() {
  if (!placeable() || !(corners ?? chosen?.corners)) return;
  const on = !handles.shown;
  if (on) handles.show(corners ?? chosen.corners);
  else handles.clear();
  draw();
}

async function byHand() {
  if (!placeable()) return;
  if (!chosen) {
    const region = Number(byId("again-region").value) || image.region || regions[0]?.id;
    await ground.layRegion(region, regions).catch(notifyError);
    form.elements.region.value = String(region ?? "");
  }
  chosen = { byHand: true };
  moveTo(cornersInView(ground.map, image.width, image.height));
  handles.show(corners);
  draw();
}

function turn() {
  if (!handles.shown) return;
  moveTo(turned(corners ?? chosen.corners));
  handles.show(corners);
}

function drawState() {
  fill(byId("state"), imageBadge(image.state));
  const running = busy() || (image.job?.state === "failed" && image.state !== "failed");
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

function draw() {
  drawState();
  drawPlaces(byId("places"), image.candidates, chosen, choose);
  byId("places").hidden = !image.candidates.length;
  fill(byId("facts"), factsOf(image));
  byId("exports").hidden = !chosen?.id;
  if (chosen?.id) fill(byId("files"), ...fileLinks(image, chosen));
  const shown = Boolean(corners ?? chosen?.corners);
  byId("tools").hidden = !shown;
  byId("adjust").hidden = !placeable();
  byId("adjust").setAttribute("aria-pressed", String(handles.shown));
  byId("turn").hidden = !handles.shown;
  form.hidden = !(placeable() && shown);
  byId("reject").hidden = !image.candidates.length || image.state === "rejected";
  byId("again").hidden = !open();
  byId("by-hand").hidden = !placeable();
  byId("again").open ||= ["not_found", "rejected"].includes(image.state);
  byId("map-words").hidden = !(corners || handles.shown);
  byId("map-words").textContent = handles.shown
    ? "Drag the corners, or the middle, to where they lie; T turns the image, Enter confirms."
    : "Moved by hand; the proposed place is one press on its number away.";
}

/** What the form says before anybody typed: what was told with the upload, else what was said the last time. */
function fillForm() {
  const last = kept(RIGHTS, {});
  for (const name of ["licence", "attribution"]) form.elements[name].value ||= image[name] || last[name] || "";
  form.elements.captured_on.value ||= image.captured_at?.slice(0, 10) ?? "";
}

function follow() {
  stopFollowing?.();
  stopFollowing = null;
  if (!busy()) return;
  const onChange = (job) => {
    image = { ...image, job };
    drawState();
  };
  stopFollowing = followJob(image.job.id, onChange, { onEnd: load });
}

function take(next) {
  image = next;
  if (image.preview && !overlay) {
    byId("preview").src = image.preview;
    byId("preview").hidden = false;
    overlay = createOverlay(ground.map, image.preview);
    overlay.setOpacity(OPACITIES[0]);
  }
  fillForm();
  follow();
  const still = image.candidates.find((one) => one.id === chosen?.id);
  const best = still ?? image.candidates.find((one) => one.state === "chosen") ?? image.candidates[0] ?? null;
  if (best) return choose(best);
  if (!chosen?.byHand) chosen = null;
  draw();
  return ground.layRegion(image.region ?? regions[0]?.id, regions);
}

async function load() {
  try {
    await take(await api.get(path));
  } catch (error) {
    notifyError(error);
  }
}

async function reject() {
  if (!open() || !image.candidates.length) return;
  try {
    await take(await api.post(`${path}reject/`));
    notify("None of them, then. Say about where it lies, or place it by hand.");
  } catch (error) {
    notifyError(error);
  }
}

function setOpacity(share) {
  byId("opacity").value = String(Math.round(share * 100));
  overlay?.setOpacity(share);
}

const nextOpacity = () => {
  const now = Number(byId("opacity").value) / 100;
  setOpacity(OPACITIES[(OPACITIES.findIndex((one) => Math.abs(one - now) < 0.02) + 1) % OPACITIES.length]);
};

onSubmit(form, async () => {
  const { licence, attribution, captured_on: day, region } = values(form);
  save(RIGHTS, { licence, attribution });
  const body = {
    candidate: chosen.id ?? null,
    corners,
    region: Number(region),
    licence,
    attribution,
    captured_on: day ?? null,
  };
  handles.clear();
  await take(await api.post(`${path}confirm/`, body));
  notify("Confirmed. It is brought to its place and imported; this page follows it.");
});
onSubmit(byId("again-form"), async (again) => {
  const { region } = values(again);
  const here = again.elements.here.checked ? ground.centre() : {};
  await take(await api.post(`${path}locate/`, { region: region ? Number(region) : null, ...here }));
});
fillRegions(byId("again-region"), regions);
fillRegions(form.elements.region, regions);
byId("opacity").addEventListener("input", () => overlay?.setOpacity(Number(byId("opacity").value) / 100));
byId("adjust").addEventListener("click", afterMouse(adjust));
byId("turn").addEventListener("click", afterMouse(turn));
byId("by-hand").addEventListener("click", byHand);
byId("reject").addEventListener("click", reject);
const blink = (on) => {
  overlay?.hide(on);
  byId("blink").setAttribute("aria-pressed", String(on));
};
byId("blink").addEventListener("click", () => blink(byId("blink").getAttribute("aria-pressed") !== "true"));
bindImageKeys({
  chooseNumber(number) {
    const place = image?.candidates[number - 1];
    if (place) choose(place);
  },
  confirm: () => !form.hidden && form.requestSubmit(),
  reject,
  adjust,
  turn,
  nextOpacity,
  blink,
  fit: () => ground.fit(overlay?.bounds()),
});
load();
