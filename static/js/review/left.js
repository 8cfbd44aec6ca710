/** "119 left": what waits in the queue, asked now and then and counted down in between. */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { number } from "mapwright/lib/format.js";

const ASK_EVERY = 20;

/** `count` says `{open, more}` in place of the queue's own counts. Keeps `#left` and the bar `#done` true while `store` changes; a server that does not answer leaves it as it was. */
export function watchLeft({ store, stage, region, count = null }) {
  let asked = null;
  const decided = () => store.state.session;

  async function ask() {
    const at = decided();
    try {
      const { open, more = false } = await (count?.() ?? api.get(`/api/review/${stage}/waiting/?region=${region}`));
      asked = { at, open, more };
      draw();
    } catch {
      // it says nothing new, and the next answer asks again
    }
  }
  function draw() {
    if (asked === null) return;
    const open = Math.max(0, asked.open - (decided() - asked.at));
    byId("left").textContent = `${number(open)}${asked.more ? "+" : ""} left`;
    const bar = byId("done");
    bar.hidden = !(open + decided());
    bar.max = Math.max(1, open + decided());
    bar.value = decided();
  }
  store.watch((state, before) => {
    if (state.session === before.session) return;
    draw();
    if (asked === null || decided() - asked.at >= ASK_EVERY) ask();
  });
  return ask();
}
