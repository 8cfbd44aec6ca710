/** Adjusting by points: pairs that are set in the picture and on the map say where an image lies. */
import { api } from "mapwright/lib/api.js";
import { afterMouse, byId } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { createDesk } from "mapwright/control-points/desk.js";
import { createPanel } from "mapwright/control-points/panel.js";
import { createPointsDrafts } from "mapwright/geolocation/points-drafts.js";
import { bindPointsModeKeys } from "mapwright/geolocation/points-keys.js";
import { createPointsStage } from "mapwright/geolocation/points-stage.js";

export const MODELS = ["auto", "similarity", "affine", "homography"];
const FAR = 1e9;
const LIMITS = {
  nearest_px: -FAR,
  farthest_px: FAR,
  points: 400,
  number: 9999,
  least: { auto: 2, similarity: 2, affine: 3, homography: 4 },
};
const FAR_WORDS = "That is on no map: set both ends where you see the same.";

/** Points of the server as the desk has them, and back. */
const toDesk = (stage) => (point) => ({
  number: point.number,
  image_xy: point.image,
  map_xy: stage.placeOf(point.lonlat),
  role: point.use === "check" ? "check" : "fit",
  enabled: point.use !== "off",
  confidence: point.confidence,
});
const toServer = (stage) => (point) => ({
  number: point.number,
  image: point.image_xy,
  lonlat: stage.lonLatOf(point.map_xy),
  use: point.enabled ? point.role : "off",
});

function evidenceOf({ shown }, rest, place) {
  if (place?.by_points) return `${plural(place.by_points, "point")} that ${place.decided_by ?? "somebody"} confirmed.`;
  if (!shown.length) return "No points yet: click the same place in the picture and on the map, two times or more.";
  const left = rest.length ? ` ${plural(rest.length, "more point is", "more points are")} there on demand.` : "";
  return `The best spread ${shown.length} of the matched points; every fourth checks the others.${left}`;
}

/**
 * @param {Object} options
 * @param {Object} options.ground what lies below the image
 * @param {{id: number, name: string}} options.named the image
 * @param {(corners) => void} options.onCorners hears where the points put the image's corners
 * @param {(on) => void} options.onToggle
 * @param {() => void} options.confirm
 */
export function createPointsMode({ ground, named, onCorners, onToggle, confirm }) {
  const path = `/api/images/${named.id}/`;
  const stage = createPointsStage(byId("picture"), ground.map, named.name);
  const drafts = createPointsDrafts(named.id, stage);
  let on = false;
  let entry = 0; // which way in is the last; what an earlier one asked for is of no use
  let subject = null;
  let rest = []; // matched points that are not among the pairs
  let told = null; // the reply that was shown last
  let work = null; // what was set for the place that was left last

  /** Pixels in the picture; latitude and longitude on the map, to a centimetre. */
  function placeWords(side, place) {
    if (side === "image") return place.map((part) => part.toFixed(1)).join(", ");
    const [lon, lat] = stage.lonLatOf(place);
    return `${lat.toFixed(7)}, ${lon.toFixed(7)}`;
  }

  const panel = createPanel(
    {
      select: (number) => desk.select(number),
      toggle: (number) => desk.toggle(number),
      swapRole: (number) => desk.swapRole(number),
      remove: (number) => desk.remove(number),
      choose: (kind) => desk.chooseModel(kind),
      nudge: (by) => desk.nudge(by),
    },
    { kinds: MODELS, where: "on this image", placeWords },
  );
  const bodyOf = ({ transform, points }) => ({ model: transform, points: points.map(toServer(stage)) });
  const desk = createDesk({
    stage,
    async send(_, payload) {
      const reply = await api.post(`${path}fit/`, bodyOf(payload));
      return { ...reply, transform: { matrix: stage.matrixOf(reply.corners) } };
    },
    known: false,
    limits: LIMITS,
    farWords: FAR_WORDS,
    onDraw,
    onKeep: (draft) => drafts.keep(subject.id, draft),
    onAdding(adding, words) {
      byId("add-pair").setAttribute("aria-pressed", String(adding));
      byId("adding").hidden = !adding;
      byId("adding").textContent = words;
      document.body.classList.toggle("adding", adding);
    },
    onSelect: (number) => panel.reveal(number),
  });
  const idOf = (place) => place?.id ?? "new";

  function onDraw(state) {
    panel.draw(state);
    const { reply } = state;
    byId("fitted-by").textContent = reply ? `RMSE of the ${reply.model}` : "RMSE of the fit";
    byId("evidence").hidden = state.changed;
    const matched = state.work.points.filter(({ confidence }) => confidence !== null).length;
    byId("more-points").hidden = !rest.length || matched > subject.points.length;
    byId("more-points").textContent = `Take ${plural(rest.length, "more matched point")}`;
    if (!reply || reply === told) return;
    told = reply;
    if (on) onCorners(reply.corners);
  }

  function open(start, place) {
    const shown = new Set(start.shown);
    const points = start.points.map(toDesk(stage));
    rest = points.filter(({ number }) => !shown.has(number));
    subject = {
      id: idOf(place),
      transform: { kind: start.model },
      points: points.filter(({ number }) => shown.has(number)),
    };
    panel.begin(evidenceOf(start, rest, place));
    desk.open(subject, drafts.of(subject.id));
  }

  function show(now) {
    on = now;
    byId("views").dataset.points = String(on);
    byId("picture-view").hidden = !on;
    byId("points-panel").hidden = !on;
    byId("image-scroll").hidden = on;
    ground.map.keyboard[on ? "disable" : "enable"]();
    onToggle(on);
    if (on) stage.fit();
  }

  /** Set points for a place, or for an image that has none, about a position of the map. */
  async function enter(image, place) {
    entry += 1;
    const mine = entry;
    try {
      const start = place?.id
        ? await api.get(`${path}places/${place.id}/points/`)
        : { model: "auto", points: [], shown: [] };
      if (mine !== entry) return;
      const about = place?.corners ? [place.corners[0][1], place.corners[0][0]] : ground.map.getCenter();
      stage.show(`${path}picture.jpg?v=${image.width}x${image.height}`, image.width, image.height, about);
      told = null;
      show(true);
      open(start, place);
      if (!desk.payload.points.length) desk.adding.start();
    } catch (error) {
      if (mine === entry) notifyError(error);
    }
  }

  function leave() {
    entry += 1;
    if (!on) return;
    if (desk.adding.on) desk.adding.stop();
    work = desk.changed ? { id: subject.id, body: bodyOf(desk.payload) } : null;
    desk.close();
    show(false);
  }
  async function readFile([file]) {
    if (!file || !on) return;
    const form = new FormData();
    form.append("file", file);
    form.append("crs", byId("points-crs").value);
    const mine = entry;
    try {
      const { points } = await api.upload(`${path}points/`, form);
      if (mine !== entry) return;
      desk.take({ transform: "auto", points: points.map(toDesk(stage)) });
      stage.fit();
      notify(`${plural(points.length, "point")} of ${file.name}; undo a step to have the former ones again.`);
    } catch (error) {
      notifyError(error);
    }
  }

  function takeRest() {
    const { transform, points } = desk.payload;
    const last = Math.max(0, ...points.map(({ number }) => number));
    const more = rest.map((point, index) => ({ ...point, number: last + 1 + index }));
    desk.take({ transform, points: [...points, ...more] });
  }

  const add = () => (desk.adding.on ? desk.adding.stop() : desk.adding.start());
  byId("exaggeration").addEventListener("input", ({ target }) => {
    byId("exaggeration-words").textContent = `× ${target.value}`;
    desk.exaggerate(Number(target.value));
  });
  for (const [id, run] of Object.entries({
    "add-pair": add,
    "step-undo": desk.undo,
    "step-redo": desk.redo,
    "other-side": desk.otherSide,
    "show-all": desk.showAll,
    "more-points": takeRest,
    "points-back": leave,
    "points-from-file": () => byId("points-file").click(),
  }))
    byId(id).addEventListener("click", afterMouse(run));
  byId("points-linked").addEventListener("change", ({ target }) => stage.link(target.checked));
  byId("points-file").addEventListener("change", async ({ target }) => {
    await readFile(target.files);
    target.value = "";
  });
  bindPointsModeKeys({ on: () => on, desk, map: ground.map, add, leave, confirm, fit: stage.fit });

  return {
    get on() {
      return on;
    },
    enter,
    leave,
    /** Why the points can't be confirmed as they are; empty where they can. */
    get refusal() {
      if (!on) return "";
      if (desk.adding.half) return "Set the other end of the new pair, or leave it with Esc, first.";
      return desk.refusal;
    },
    /** What goes with a confirmation of a place; null where no points were set for it. */
    bodyFor(place) {
      if (on) return subject.id === idOf(place) ? bodyOf(desk.payload) : null;
      return work?.id === idOf(place) ? work.body : null;
    },
    /** Another place is shown, or the same one otherwise: what was set goes with nothing, and is there again with P. */
    setAside() {
      leave();
      work = null;
    },
    /** What was set is confirmed, or somebody moved the corners instead. */
    forget() {
      if (work) drafts.drop(work.id);
      work = null;
    },
  };
}
