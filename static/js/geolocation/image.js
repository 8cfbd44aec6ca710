/** The review of one image: its places over the map, one is confirmed, adjusted or none is right. */
import { api } from "mapwright/lib/api.js";
import { afterMouse, byId, fill, pageData } from "mapwright/lib/dom.js";
import { onSubmit, values } from "mapwright/lib/forms.js";
import { followJob } from "mapwright/lib/jobs.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest, oneAtATime } from "mapwright/lib/once.js";
import { cornersInView, createCorners, turned } from "mapwright/geolocation/corners.js";
import { createGround } from "mapwright/geolocation/ground.js";
import { fillRights, keepRights } from "mapwright/geolocation/image-rights.js";
import { bindImageKeys } from "mapwright/geolocation/image-keys.js";
import { createLook } from "mapwright/geolocation/image-look.js";
import { createOverlay } from "mapwright/geolocation/overlay.js";
import { drawState, isBusy } from "mapwright/geolocation/image-state.js";
import { drawPlaces, factsOf, fileLinks } from "mapwright/geolocation/places.js";
import { createPointsMode } from "mapwright/geolocation/points-mode.js";
import { fillRegions } from "mapwright/geolocation/words.js";

const { image: named, regions } = pageData();
const person = pageData("person");
const path = `/api/images/${named.id}/`;
const ground = createGround(byId("map"), named.name);
const handles = createCorners(ground.map, (corners) => {
  points.forget(); // corners that are moved say otherwise
  moveTo(corners);
});
const points = createPointsMode({
  ground,
  named,
  onCorners: moveTo,
  onToggle: togglePoints,
  confirm: () => form.requestSubmit(),
});
const form = byId("confirm-form");
let overlay = null;
let before = {}; // how the image lay before points were set
let image = null;
let chosen = null; // one of the places, {byHand: true}, or null
let corners = null; // a person's, in place of the chosen one's
let stopFollowing = null;
const look = createLook(() => overlay);
const begun = latest();

const open = () => image && image.state !== "failed" && !image.imagery && !busy();
const busy = () => isBusy(image);
const placeable = () => Boolean(open() && image.preview);

function moveTo(next) {
  corners = next;
  overlay?.show(next);
  if (form.hidden) draw(); // it can be confirmed now
}

/** Show a place, as it was proposed. */
async function choose(place) {
  const timely = begun();
  points.setAside();
  chosen = place;
  corners = null;
  handles.clear();
  byId("adjust").setAttribute("aria-pressed", "false");
  overlay?.show(place?.corners ?? null);
  const around = Number(form.elements.region.value) || image.region;
  if (place?.corners)
    form.elements.region.value = String(image.region ?? ground.regionOf(place, regions) ?? regions[0]?.id ?? "");
  draw();
  if (!place?.corners) return;
  try {
    await ground.lay(place, around);
  } catch (error) {
    notifyError(error);
  }
  if (timely() && !corners && !points.on) ground.fit(overlay.bounds()); // who went on meanwhile sees what they look at
}

/** By points: the ground is bare meanwhile, so that one sees what to click. */
function togglePoints(on) {
  handles.clear();
  if (on) before = { corners, opacity: look.opacity };
  look.setOpacity(on ? 0 : before.opacity);
  if (!on && !points.bodyFor(chosen)) {
    corners = before.corners;
    overlay?.show(corners ?? chosen?.corners ?? null);
  }
  draw();
}

function byPoints() {
  if (!placeable() || points.on) return;
  chosen ??= { byHand: true };
  points.enter(image, chosen);
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
  const timely = begun();
  if (!chosen) {
    const region = Number(byId("again-region").value) || image.region || regions[0]?.id;
    await ground.layRegion(region, regions).catch(notifyError);
    if (!timely()) return; // another place was chosen meanwhile
    form.elements.region.value = String(region ?? "");
  }
  points.setAside();
  chosen = { byHand: true };
  moveTo(cornersInView(ground.map, image.width, image.height));
  handles.show(corners);
  draw();
}

function turn() {
  if (!handles.shown) return;
  points.setAside();
  moveTo(turned(corners ?? chosen.corners));
  handles.show(corners);
}

function draw() {
  drawState(image, person);
  drawPlaces(byId("places"), image.candidates, chosen, choose);
  byId("places").hidden = !image.candidates.length;
  fill(byId("facts"), factsOf(image));
  byId("exports").hidden = !chosen?.id;
  if (chosen?.id) fill(byId("files"), ...fileLinks(image, chosen));
  const shown = Boolean(corners ?? chosen?.corners);
  byId("tools").hidden = !shown;
  for (const id of ["adjust", "by-points"]) byId(id).hidden = !placeable() || points.on;
  byId("adjust").setAttribute("aria-pressed", String(handles.shown));
  byId("turn").hidden = !handles.shown;
  form.hidden = !(placeable() && shown);
  byId("reject").hidden = !image.candidates.length || image.state === "rejected" || points.on;
  byId("again").hidden = !open();
  for (const id of ["by-hand", "new-points"]) byId(id).hidden = !placeable();
  byId("again").open ||= ["not_found", "rejected"].includes(image.state);
  byId("map-words").hidden = points.on || !(corners || handles.shown);
  byId("map-words").textContent = handles.shown
    ? "Drag the corners, or the middle, to where they lie; T turns the image, Enter confirms."
    : "Moved by hand; the proposed place is one press on its number away.";
}

function follow() {
  stopFollowing?.();
  stopFollowing = null;
  if (!busy()) return;
  const onChange = (job) => {
    image = { ...image, job };
    drawState(image, person);
  };
  stopFollowing = followJob(image.job.id, onChange, { onEnd: load });
}

function take(next) {
  image = next;
  if (image.preview && !overlay) {
    byId("preview").src = image.preview;
    byId("preview").hidden = false;
    overlay = createOverlay(ground.map, image.preview);
    look.begin();
  }
  fillRights(form, image);
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

const reject = oneAtATime(async () => {
  if (!open() || !image.candidates.length) return;
  try {
    await take(await api.post(`${path}reject/`));
    notify("None of them, then. Say about where it lies, or place it by hand.");
  } catch (error) {
    notifyError(error);
  }
});

onSubmit(form, async () => {
  if (points.refusal) {
    notify(points.refusal, { kind: "warn" });
    return;
  }
  const set = points.bodyFor(chosen);
  const { licence, attribution, captured_on: day, region } = values(form);
  keepRights({ licence, attribution });
  const body = {
    candidate: chosen.id ?? null,
    corners: set ? null : corners,
    points: set,
    region: Number(region),
    licence,
    attribution,
    captured_on: day ?? null,
  };
  handles.clear();
  const confirmed = await api.post(`${path}confirm/`, body);
  points.leave();
  points.forget();
  await take(confirmed);
  notify("Confirmed. It is brought to its place and imported; this page follows it.");
});
onSubmit(byId("again-form"), async (again) => {
  const { region } = values(again);
  const here = again.elements.here.checked ? ground.centre() : {};
  await take(await api.post(`${path}locate/`, { region: region ? Number(region) : null, ...here }));
});
fillRegions(byId("again-region"), regions);
fillRegions(form.elements.region, regions);
byId("adjust").addEventListener("click", afterMouse(adjust));
byId("turn").addEventListener("click", afterMouse(turn));
byId("by-points").addEventListener("click", afterMouse(byPoints));
byId("by-hand").addEventListener("click", byHand);
byId("new-points").addEventListener("click", () => {
  chosen = { byHand: true };
  byPoints();
});
byId("reject").addEventListener("click", reject);
bindImageKeys({
  chooseNumber(number) {
    const place = image?.candidates[number - 1];
    if (place) choose(place);
  },
  confirm: () => !form.hidden && form.requestSubmit(),
  reject,
  adjust,
  points: byPoints,
  turn,
  nextOpacity: look.next,
  blink: look.blink,
  fit: () => ground.fit(overlay?.bounds()),
});
load();
