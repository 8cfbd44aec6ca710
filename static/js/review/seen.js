/** Since when an item is on the screen, and whether anybody can have seen it. */
import { byId } from "mapwright/lib/dom.js";

/** Nobody has seen an item that came so short a time ago: a key that is pressed then was meant for the one before. */
const UNSEEN_MS = 250;
const LONGEST_S = 86400;

/** Marks `#review` with `data-fresh` while its item can't have been seen. */
export function createSeen() {
  let shownAt = -Infinity;
  let timer = 0;
  return {
    shown() {
      shownAt = performance.now();
      const { dataset } = byId("review");
      dataset.fresh = "";
      clearTimeout(timer);
      timer = setTimeout(() => delete dataset.fresh, UNSEEN_MS);
    },
    unseen: () => performance.now() - shownAt < UNSEEN_MS,
    seconds: () => Math.min(LONGEST_S, Math.round((performance.now() - shownAt) / 100) / 10),
  };
}
