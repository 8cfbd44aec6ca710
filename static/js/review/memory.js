/** What a review page remembers over a reload: the answers that can be taken back, and how many were given today. */
import { load, save } from "mapwright/lib/storage.js";
import { remembered } from "mapwright/review/state.js";

const today = () => new Date().toDateString();

/** @param {Array} names what the memory is of: person, stage, region, batch */
export function createMemory(...names) {
  const [decidedKey, countKey] = ["decided", "count"].map((what) => `mapwright.${what}.${names.join(".")}`);
  const counted = load(countKey, {});
  return {
    decided: load(decidedKey, []),
    count: counted.day === today() ? counted.count : 0,
    keep(state, before) {
      if (state.decided !== before.decided) save(decidedKey, remembered(state));
      if (state.session !== before.session) save(countKey, { day: today(), count: state.session });
    },
  };
}
