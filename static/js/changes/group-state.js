/** A group that is moved together: pure actions on its state, and what is said of it. */
import { metres, plural } from "mapwright/lib/format.js";
import { direction } from "mapwright/lib/offset.js";

/** Digitising is no finer; without it, sums of steps would show it. */
const STEP_M = 0.01;
const round = (value) => Math.round(value / STEP_M) * STEP_M || 0;

/** The state at first: the offset that is offered, and everything chosen that raises no doubt. */
export const beginning = (members, { east, north }) => ({
  east: round(east),
  north: round(north),
  chosen: members.filter((one) => !one.standing && !one.doubt).map((one) => one.item),
});

/** A wider or a smaller group: the offset stays, and so does who was left out of what was there before. */
export function continued(members, { first, before, membersBefore }) {
  const known = new Set(membersBefore.map((one) => one.item));
  const kept = ({ item }) => (known.has(item) ? before : first).chosen.includes(item);
  return { ...before, chosen: members.filter((one) => !one.standing && kept(one)).map((one) => one.item) };
}

export const movedTo = (state, { east, north }) => ({ ...state, east: round(east), north: round(north) });

export const movedBy = (state, east, north) => movedTo(state, { east: state.east + east, north: state.north + north });

/** One more, or one less. */
export const toggled = (state, item) => ({
  ...state,
  chosen: state.chosen.includes(item) ? state.chosen.filter((one) => one !== item) : [...state.chosen, item],
});

export const moves = ({ east, north }) => Math.hypot(east, north) >= STEP_M;

/** "1.2 m to the east". */
export const offsetWords = ({ east, north }) =>
  moves({ east, north }) ? `${metres(Math.hypot(east, north))} to the ${direction(east, north)}` : "not moved";

const REASONS = {
  held: (count) => `${count} on somebody else's screen`,
  decided: (count) => `${count} decided`,
  flagged: (count) => `${count} flagged to a colleague`,
  removal: (count) => plural(count, "removal"),
  changed: (count) => `${count} changed meanwhile`,
  withdrawn: (count) => `${count} taken out of the queue`,
  exported: (count) => `${count} in a changeset`,
  shape: (count) => `${count} that can't lie there`,
  elsewhere: (count) => `${count} of another group`,
  refused: (count) => `${count} refused`,
  newer_map: (count) => `${count} edited in a newer map`,
  parted: (count) => `${count} cut in two, or made one with another, by you`,
  older_image: (count) => `${count} where the image is older than the map`,
  unchosen: (count) => `${count} by you`,
};

/** "1 on somebody else's screen, 2 decided": how many stay, and why; "" where none does. */
export function leftOutWords(reasons) {
  const counts = new Map();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => REASONS[reason](count)).join(", ");
}

/** Why each member stays that would not be moved now. */
export const reasonsOf = (members, state) =>
  members.filter((one) => !state.chosen.includes(one.item)).map((one) => one.standing || one.doubt || "unchosen");
