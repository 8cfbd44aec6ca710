/** The adjust mode on the queue's page: its bar, its draft, and the map's own outline that stays in sight. */
import { byId, afterMouse } from "mapwright/lib/dom.js";
import { notify } from "mapwright/lib/notices.js";
import { enterAdjust } from "mapwright/changes/adjust.js";

const STEPS = ["done", "cancel", "undo", "redo", "reset", "mapped", "square", "yard", "fill"];

/** Only a new building and a multipolygon can get one without becoming another object of the map. */
const noYard = (key) =>
  key && !key.startsWith("relation/")
    ? `${key} is a single way: a courtyard would make it a multipolygon, which is drawn in JOSM.`
    : null;

function words({ corner, corners, yard, yards }) {
  if (yard !== null) return `Courtyard ${yard + 1} of ${yards}: arrows move it, N its first corner, Del fills it`;
  if (corner !== null) return `Corner ${corner + 1} of ${corners}: arrows move it, J joins it to a neighbour`;
  return `Arrows move the whole shape; N chooses a corner${yards ? ", B a courtyard" : ""}`;
}

/**
 * @param {Object} options
 * @param {Object} options.view the queue's map
 * @param {Object} options.line
 * @param {(subject, draft) => Object} options.shapeOf the shape as it stands
 * @param {() => void} options.redraw the candidate as it is without the mode
 */
export function createAdjusting({ view, line, shapeOf, redraw }) {
  const { current, drafts } = line;
  let mode = null;

  function leave() {
    mode?.leave();
    mode = null;
    byId("adjust-bar").hidden = true;
    document.body.classList.remove("adjusting");
  }

  function drawBar({ canUndo, canRedo, corner, corners, yard, yards }) {
    byId("adjust-undo").disabled = !canUndo;
    byId("adjust-redo").disabled = !canRedo;
    byId("adjust-fill").hidden = yard === null;
    byId("adjust-what").textContent = words({ corner, corners, yard, yards });
  }

  function enter() {
    const claim = current();
    if (!claim || mode || claim.subject.kind === "remove") return;
    const { subject } = claim;
    const before = drafts.read(claim.id).geometry;
    const keep = (geometry) => drafts.write(claim.id, { geometry });
    const end = () => {
      leave();
      redraw();
    };
    view.drawMapped(subject);
    byId("adjust-bar").hidden = false;
    byId("adjust-mapped").hidden = !subject.footprint;
    document.body.classList.add("adjusting");
    mode = enterAdjust(view.map, {
      geometry: shapeOf(subject, { geometry: before }),
      proposed: subject.geometry,
      mapped: subject.footprint?.geometry ?? null,
      noYard: noYard(subject.footprint?.key),
      neighbours: () => view.neighbours.shapes,
      onChange(state) {
        if (state.canUndo || state.canRedo) keep(state.geometry); // a reload loses nothing
        drawBar(state);
      },
      onDone(geometry) {
        keep(JSON.stringify(geometry) === JSON.stringify(shapeOf(subject, {})) ? null : geometry);
        end();
      },
      onCancel() {
        keep(before);
        end();
      },
      onRefused: (text) => notify(text, { kind: "warn" }),
    });
  }

  for (const step of STEPS)
    byId(`adjust-${step}`).addEventListener(
      "click",
      afterMouse(() => mode[step]()),
    );
  return {
    enter,
    leave,
    done: () => mode?.done(),
    changed: () => Boolean(mode?.changed()),
    get on() {
      return Boolean(mode);
    },
  };
}
