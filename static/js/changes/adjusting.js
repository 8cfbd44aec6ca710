/** The adjust mode on the queue's page: its bar, its draft, and the map's own outline that stays in sight. */
import { byId, afterMouse } from "mapwright/lib/dom.js";
import { notify } from "mapwright/lib/notices.js";
import { enterAdjust } from "mapwright/changes/adjust.js";

const STEPS = ["done", "cancel", "undo", "redo", "reset", "mapped", "square", "yard", "fill", "cut", "merge"];

/** A way becomes a multipolygon by its first courtyard: a relation that names the way would go on naming the way. */
const noYard = (footprint) =>
  footprint?.key?.startsWith("way/") && footprint.in_relation
    ? `${footprint.key} is named by a relation: its courtyards are drawn in JOSM.`
    : null;

function words({ corner, corners, yard, yards, parting }) {
  if (parting) return parting;
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

  function drawBar(state) {
    byId("adjust-undo").disabled = !state.canUndo;
    byId("adjust-redo").disabled = !state.canRedo;
    byId("adjust-fill").hidden = state.yard === null;
    byId("adjust-merge").disabled = !view.neighbours.all;
    byId("adjust-what").textContent = words(state);
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
    view.map.getContainer().scrollIntoView({ block: "nearest" }); // on a phone the button lies below the map
    mode = enterAdjust(view.map, {
      geometry: shapeOf(subject, { geometry: before }),
      proposed: subject.geometry,
      mapped: subject.footprint?.geometry ?? null,
      noYard: noYard(subject.footprint),
      neighbours: () => view.neighbours.shapes,
      around: () => view.neighbours.all,
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
    view.neighbours.ready().then(() => (byId("adjust-merge").disabled = !view.neighbours.all));
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
