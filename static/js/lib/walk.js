/** Walk over cards by the arrow keys: to the next one in that direction, as they lie on the screen. */

const WAYS = {
  ArrowRight: (from, to) => [to.left - from.left, Math.abs(to.top - from.top)],
  ArrowLeft: (from, to) => [from.left - to.left, Math.abs(to.top - from.top)],
  ArrowDown: (from, to) => [to.top - from.top, Math.abs(to.left - from.left)],
  ArrowUp: (from, to) => [from.top - to.top, Math.abs(to.left - from.left)],
};
export const WALK_KEYS = Object.keys(WAYS);

/**
 * The card that an arrow key leads to; null at the edge. Left and right go on over the ends of the rows.
 * @param {Array<HTMLElement>} cards in their order
 * @param {HTMLElement} from one of them
 * @param {string} key one of WALK_KEYS
 */
export function nextCard(cards, from, key) {
  const at = cards.indexOf(from);
  if (at < 0) return cards[0] ?? null;
  if (key === "ArrowRight") return cards[at + 1] ?? null;
  if (key === "ArrowLeft") return cards[at - 1] ?? null;
  const here = from.getBoundingClientRect();
  let best = null;
  let least = [Infinity, Infinity];
  for (const card of cards) {
    const [ahead, aside] = WAYS[key](here, card.getBoundingClientRect());
    if (ahead < 2 || ahead > least[0] + 2 || (ahead > least[0] - 2 && aside >= least[1])) continue;
    best = card;
    least = [ahead, aside];
  }
  return best;
}
