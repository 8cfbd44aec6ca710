/** The group mode: several suggestions moved by one offset, accepted as one step; it removes all that it added. */
import { api } from "mapwright/lib/api.js";
import { afterMouse, byId } from "mapwright/lib/dom.js";
import { begin, canRedo, canUndo, push, redo, undo } from "mapwright/lib/history.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { notableShift } from "mapwright/lib/offset.js";
import { freshKey } from "mapwright/lib/once.js";
import { partsBuilding } from "mapwright/changes/answers.js";
import { drawGroup } from "mapwright/changes/group-map.js";
import * as act from "mapwright/changes/group-state.js";

const FINE_M = 0.1;
const COARSE_M = 1;
const NOT_AT_ALL = { east: 0, north: 0 };

/**
 * @param {Object} view the queue's map
 * @param {Object} line the line of items
 * @param {() => boolean} free whether nothing else was begun while the group was asked for
 * @param {(group) => void} onLeave
 */
export function createGroupMode({ view, line, others, free, onLeave }) {
  const { map } = view;
  let mode = null; // {change, reach, members, offset, history, drawn, at, bindings, key}
  let loading = false;
  let sending = false;

  const movable = () => mode.members.filter((one) => !one.standing);
  const present = () => mode.history.present;

  /** What the server says of the group; what this page has answered but not saved yet counts as decided. */
  async function membersOf(change, reach) {
    const found = await api.get(`/api/changes/${change}/group/?reach=${reach}`);
    const underWay = line.server.underWay();
    const members = found.members.map((one) => {
      const { geometry: draft, tags } = line.drafts.read(one.item);
      // One that a person cut in two, or made one with its neighbour, would lose that by a move.
      const asDrafted = partsBuilding({ geometry: draft }) ? "parted" : one.standing;
      const standing = underWay.includes(one.item) ? "decided" : one.standing || asDrafted;
      return { ...one, standing, tags, ...(draft && !standing ? { geometry: draft, draft } : {}) };
    });
    return { members, more: found.more, offset: found.offset };
  }

  async function enter(reach = "tile") {
    const claim = line.current();
    if (!claim || loading || sending) return;
    loading = true;
    const before = mode;
    try {
      const group = await membersOf(claim.subject.id, reach);
      if (line.current()?.id === claim.id && mode === before && free()) begun(claim, reach, group);
    } catch (error) {
      notifyError(error);
    }
    loading = false;
  }

  function begun(claim, reach, group) {
    const known = group.offset && {
      shift_east_m: group.offset.east_m,
      shift_north_m: group.offset.north_m,
      shift_confidence: group.offset.confidence,
    };
    const first = act.beginning(group.members, notableShift(known ?? {}) ?? NOT_AT_ALL);
    const state = mode
      ? act.continued(group.members, { first, before: present(), membersBefore: mode.members })
      : first;
    if (mode) end();
    mode = { change: claim.subject.id, reach, ...group, history: begin(state), at: null, key: freshKey() };
    view.clear();
    view.asItLies(true);
    mode.drawn = drawGroup(map, mode.members, {
      onDrag: (east, north) => mode.drawn.show(act.movedBy(present(), east, north), mode.at),
      onDragged: (east, north) => step(act.movedBy(present(), east, north)),
      onToggle: (item) => step(act.toggled(present(), item)),
    });
    mode.bindings = bind();
    byId("group-bar").hidden = false;
    document.body.classList.add("adjusting");
    if (movable().length) map.fitBounds(mode.drawn.bounds().pad(0.25), { maxZoom: map.getZoom(), animate: false });
    draw();
  }

  function draw() {
    const state = present();
    mode.drawn.show(state, mode.at);
    const count = state.chosen.length;
    byId("group-what").textContent = `Move ${count} of ${mode.members.length}: ${act.offsetWords(state)}`;
    const stay = act.leftOutWords(act.reasonsOf(mode.members, state));
    const more = mode.more ? `${mode.more} more lie farther away` : "";
    byId("group-left-out").textContent = [stay && `Left out: ${stay}`, more].filter(Boolean).join(". ");
    byId("group-apply-label").textContent = `Accept ${count}, moved`;
    byId("group-apply").disabled = !count || sending;
    byId("group-undo").disabled = !canUndo(mode.history);
    byId("group-redo").disabled = !canRedo(mode.history);
    byId("group-shift").disabled = !mode.offset;
    byId("group-reach").setAttribute("aria-pressed", String(mode.reach === "around"));
  }

  function step(next) {
    mode.history = push(mode.history, next);
    mode.key = freshKey(); // another move than the one that may have been sent
    draw();
  }

  function travel(change) {
    mode.history = change(mode.history);
    mode.key = freshKey();
    draw();
  }

  function nudge(east, north, event) {
    const metres = event.shiftKey ? COARSE_M : FINE_M;
    step(act.movedBy(present(), east * metres, north * metres));
  }

  function select(by) {
    const items = movable().map((one) => one.item);
    if (!items.length) return;
    const at = items.indexOf(mode.at);
    mode.at = items[at < 0 ? (by > 0 ? 0 : items.length - 1) : (at + by + items.length) % items.length];
    draw();
  }

  const toggle = () =>
    mode.at === null
      ? notify("Choose a suggestion first, with N or P.", { kind: "warn" })
      : step(act.toggled(present(), mode.at));
  const shift = () =>
    mode.offset && step(act.movedTo(present(), { east: mode.offset.east_m, north: mode.offset.north_m }));
  const zero = () => step(act.movedTo(present(), NOT_AT_ALL));
  const widen = () => enter(mode.reach === "tile" ? "around" : "tile");

  function bind() {
    const group = { group: "While moving a group", when: () => true };
    return [
      ["Enter", "Accept all that are chosen, moved", apply],
      ["Escape", "Leave the group as it was", leave, { shown: "Esc" }],
      ["u", "Undo the last step", () => travel(undo)],
      ["z", "Undo the last step", () => travel(undo), { ctrl: true, hidden: true }],
      ["y", "Redo", () => travel(redo)],
      ["y", "Redo", () => travel(redo), { ctrl: true, hidden: true }],
      ["0", "Where they were proposed", zero],
      ["t", "By the tile's registration shift", shift],
      ["d", "This tile, or the tiles around it as well", widen],
      ["n", "Choose the next one", () => select(1), { repeats: true }],
      ["p", "Choose the one before", () => select(-1), { repeats: true }],
      [" ", "Leave the chosen one out, or take it in", toggle],
      [
        "ArrowLeft",
        "Move all to the west by 10 cm (Shift: 1 m)",
        (e) => nudge(-1, 0, e),
        { repeats: true, shown: "←" },
      ],
      ["ArrowRight", "Move all to the east", (e) => nudge(1, 0, e), { repeats: true, shown: "→" }],
      ["ArrowUp", "Move all to the north", (e) => nudge(0, 1, e), { repeats: true, shown: "↑" }],
      ["ArrowDown", "Move all to the south", (e) => nudge(0, -1, e), { repeats: true, shown: "↓" }],
    ].map(([key, label, run, options]) => bindKey(key, label, run, { ...group, ...options }));
  }

  /** Save the move; a lost connection leaves the mode as it is, and Enter sends the very same again. */
  async function apply() {
    const { chosen, east, north } = present();
    if (!chosen.length || sending || others.putAway()) return;
    sending = true;
    draw();
    const items = mode.members
      .filter((one) => chosen.includes(one.item))
      .map(({ item, version, draft, tags }) => ({
        item,
        version,
        ...(draft ? { geometry: draft } : {}),
        ...(tags ? { tags } : {}),
      }));
    const body = { east_m: east, north_m: north, items, idempotency_key: mode.key, ...others.said() };
    let made = null;
    try {
      made = await api.post(`/api/changes/${mode.change}/group/move/`, body);
    } catch (error) {
      if (error.passing)
        notify(`Not saved: ${error.message} Enter sends it again, once.`, { kind: "warn", seconds: 12 });
      else notifyError(error);
    }
    sending = false;
    if (made) saved(made);
    else if (mode) draw();
  }

  function saved(made) {
    leave();
    const words = [`${made.moved.length} accepted, ${act.offsetWords({ east: made.east_m, north: made.north_m })}.`];
    if (made.left_out.length) words.push(`Left out: ${act.leftOutWords(made.left_out.map((one) => one.reason))}.`);
    notify(words.join(" "), { kind: made.moved.length ? "good" : "warn", seconds: 12 });
    if (made.moved.length)
      line.together.answered({ path: `/api/group-moves/${made.id}/undo/`, ids: made.moved.map((one) => one.item) });
  }

  function end() {
    mode.drawn.remove();
    mode.bindings.forEach((remove) => remove());
    mode = null;
  }

  function leave() {
    if (!mode) return;
    end();
    byId("group-bar").hidden = true;
    document.body.classList.remove("adjusting");
    view.asItLies(false);
    onLeave();
  }

  for (const [id, run] of Object.entries({
    apply,
    cancel: leave,
    undo: () => travel(undo),
    redo: () => travel(redo),
    shift,
    zero,
    reach: widen,
  }))
    byId(`group-${id}`).addEventListener("click", afterMouse(run));

  return {
    enter,
    leave,
    get on() {
      return Boolean(mode);
    },
  };
}
