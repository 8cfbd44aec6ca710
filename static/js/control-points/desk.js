/** The work on one image and its map: its points, what can be undone, what they come to, what is chosen. It alone changes the points. */
import { begin, canRedo, canUndo, push, redo, undo } from "mapwright/lib/history.js";
import { notify } from "mapwright/lib/notices.js";
import { createFit } from "mapwright/control-points/fit.js";
import { createAdding } from "mapwright/control-points/pair-to-add.js";
import { createPointMarks } from "mapwright/control-points/point-marks.js";
import * as act from "mapwright/control-points/points.js";
import { worstOf } from "mapwright/control-points/words.js";

const SHOWN = 30;
/** Steps of one key that is held, or pressed again so soon, are undone together. */
const TOGETHER_MS = 700;
const MOST_STEPS = 200;

/**
 * @param {Object} options
 * @param {Object} options.stage what lies on the maps: `maps`, `framesOf(subject)`, `snap(side, place)`, `moveBy(matrix)`,
 *   `reveal(place, side)`, `unit(side)`, how much of a place an arrow key's pixel is
 * @param {(subject, payload) => Promise} options.send asks the server what the points come to
 * @param {boolean} options.known whether what the proposal comes to is in it; else it is asked as well
 * @param {string} options.farWords what is told where a new pair lies beyond the limits
 * @param {Object} options.limits of places, points and numbers
 * @param {(view) => void} options.onDraw the state to show in the panel
 * @param {(draft) => void} options.onKeep what a draft is to hold; null where nothing is changed
 * @param {(on, words) => void} options.onAdding
 * @param {(number) => void} options.onSelect
 */
export function createDesk({ stage, send, known = true, limits, farWords, onDraw, onKeep, onAdding, onSelect }) {
  const marks = createPointMarks(stage.maps, { select, drag, drop });
  const adding = createAdding(stage.maps, { snap: stage.snap, done: added, onChange: onAdding });
  const fit = createFit({ send, least: limits.least, onMatrix: stage.moveBy, onChange: draw });
  let subject = null;
  let proposed = null;
  let history = null;
  let preview = null; // the work while a point is dragged
  let chosen = { number: null, side: "image" };
  let all = false;
  let exaggeration = 10;
  let last = { tag: "", at: 0 };

  const work = () => preview ?? history.present;
  const changed = () => !act.same(history.present, proposed);

  function shownOf(now, worst = null) {
    const always = [chosen.number, worst].filter((number) => number !== null);
    return all ? now.points : act.surest(now, proposed, { most: SHOWN, always });
  }

  function draw() {
    if (!subject) return;
    const now = work();
    if (!act.pointOf(now, chosen.number)) chosen = { ...chosen, number: null };
    const { matrix, residuals } = fit.state;
    const worst = worstOf(now.points, residuals);
    const shown = shownOf(now, worst);
    marks.draw(stage.framesOf(subject), { points: shown, matrix, selected: chosen.number, worst, exaggeration });
    adding.know(stage.framesOf(subject), matrix);
    onDraw({
      work: now,
      shown,
      all,
      worst,
      ...fit.state,
      selected: chosen.number,
      side: chosen.side,
      changed: changed(),
      canUndo: canUndo(history),
      canRedo: canRedo(history),
    });
  }

  function ask() {
    if (known && act.same(work(), proposed)) fit.asProposed(subject);
    else fit.ask(subject, work());
  }

  /** A new state of the work; states with one tag that follow at once are undone together. */
  function keep(next, tag = "") {
    preview = null;
    if (act.same(next, history.present)) {
      draw();
      return;
    }
    const at = performance.now();
    const together = tag && tag === last.tag && at - last.at < TOGETHER_MS && canUndo(history);
    last = { tag, at };
    history = together ? { ...history, present: next, future: [] } : push(history, next);
    if (history.past.length > MOST_STEPS) history = { ...history, past: history.past.slice(-MOST_STEPS) };
    after();
  }

  function after() {
    ask();
    onKeep(changed() ? act.draftOf(history.present, proposed) : null);
    draw();
  }

  function step(way) {
    if (!subject || preview) return;
    const before = history;
    history = way(history);
    last = { tag: "", at: 0 };
    if (history !== before) after();
  }

  function select(number, side = chosen.side) {
    chosen = { number, side };
    draw();
    if (number !== null) onSelect(number);
  }

  function drag(number, side, place) {
    const at = stage.snap(side, place);
    preview = act.move(history.present, number, side, at, limits);
    ask();
    draw();
    return at;
  }

  function drop(number, side, place) {
    keep(act.move(history.present, number, side, preview ? act.pointOf(preview, number)[side] : place, limits));
  }

  function added(image, map) {
    if (!act.hasRoom(history.present, limits)) {
      notify(`No more than ${limits.points} points; delete one first.`, { kind: "warn" });
      return;
    }
    if (![image, map].every((place) => act.within(place, limits))) {
      notify(farWords, { kind: "warn" });
      return;
    }
    const number = act.nextNumber(history.present);
    keep(act.add(history.present, image, map, limits));
    select(number, "image");
  }

  const onChosen = (run) => () => subject && chosen.number !== null && run(chosen.number);
  const toggle = (number) => keep(act.toggle(history.present, number));
  const swapRole = (number) => keep(act.swapRole(history.present, number));
  function remove(number) {
    if (act.pointOf(history.present, number).confidence === null) keep(act.remove(history.present, number));
    else notify("A point of the matcher is switched off, not deleted: press X.", { kind: "warn" });
  }

  /** Choose the next of the shown points, or the one before. */
  function choose(by) {
    if (!subject || !history.present.points.length) return;
    const shown = shownOf(history.present);
    const at = shown.findIndex(({ number }) => number === chosen.number);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length;
    select(shown[next].number);
    stage.reveal(shown[next][chosen.side], chosen.side);
  }

  return {
    adding,
    /** Work on a tile, from its proposal or from where a draft left it. */
    open(next, draft) {
      subject = next;
      proposed = act.proposedBy(next);
      history = begin(draft ? act.fromDraft(draft, proposed) : proposed);
      [preview, all, chosen] = [null, false, { number: null, side: "image" }];
      if (known) fit.asProposed(next);
      else fit.begin();
      ask();
      draw();
    },
    close() {
      fit.forget();
      if (adding.on) adding.stop();
      subject = null;
      marks.clear();
    },
    /** Go on from what somebody else set, as one step that can be undone. */
    take: (payload) => keep(act.fromPayload(payload, proposed)),
    get payload() {
      return act.payloadOf(history.present);
    },
    get draft() {
      return act.draftOf(history.present, proposed);
    },
    get changed() {
      return changed();
    },
    get refusal() {
      return fit.state.refusal;
    },
    get chosen() {
      return chosen.number;
    },
    undo: () => step(undo),
    redo: () => step(redo),
    select,
    next: () => choose(1),
    previous: () => choose(-1),
    otherSide: onChosen((number) => select(number, chosen.side === "image" ? "map" : "image")),
    nudge: nudgeChosen,
    toggle,
    swapRole,
    remove,
    toggleChosen: onChosen(toggle),
    swapChosen: onChosen(swapRole),
    removeChosen: onChosen(remove),
    chooseModel: (kind) => subject && keep(act.choose(history.present, kind)),
    showAll() {
      all = !all;
      draw();
    },
    exaggerate(by) {
      exaggeration = by;
      draw();
    },
  };

  function nudgeChosen(by) {
    if (!subject || chosen.number === null) return;
    const { number, side } = chosen;
    const unit = stage.unit(side);
    const moved = by.map((part) => part * unit);
    keep(act.nudge(history.present, number, side, moved, limits), `nudge ${number} ${side}`);
  }
}
