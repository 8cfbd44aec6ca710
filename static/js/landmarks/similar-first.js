/** The order of the queue in which places like the one on the screen come next; a person's choice, kept in this browser. */
import { api } from "mapwright/lib/api.js";
import { byId } from "mapwright/lib/dom.js";
import { load, save } from "mapwright/lib/storage.js";

const COUNT = 24;

/**
 * @param {{person: Object, onChange: () => void}} options `onChange` once the person chose the other order
 */
export function createSimilarFirst({ person, onChange }) {
  const key = `mapwright.similar-first.${person.id}`;
  const box = byId("similar-first");
  const note = byId("order-note");
  let asked = { id: null, found: null };
  let shown = null;
  box.checked = load(key, false);

  /** Free items at places like that of a candidate, and why there are none; asked for once while it is the nearest. */
  function waiting(id) {
    if (asked.id !== id) {
      const found = api.get(`/api/changes/${id}/similar/waiting/?count=${COUNT}`).catch(() => {
        asked = { id: null, found: null };
        return { items: [], why_not: "similar places can't be asked for just now" };
      });
      asked = { id, found };
    }
    return asked.found;
  }

  function draw(whyNot = "") {
    note.hidden = !box.checked || !shown;
    if (note.hidden) return;
    if (shown.wanted) note.textContent = "Like a place just seen.";
    else note.textContent = whyNot ? `In the usual order: ${whyNot}.` : "In the usual order; similar ones come next.";
  }

  box.addEventListener("change", () => {
    save(key, box.checked);
    draw();
    onChange();
  });

  return {
    /** Items that come next: like the one on the screen, or, where there is none, like the last one answered. */
    async first({ current, decided }) {
      const id = (current ?? decided.at(-1))?.subject?.id;
      if (!box.checked || !id) return [];
      const { items, why_not: whyNot } = await waiting(id);
      if (!items.length && shown?.subject.id === id) draw(whyNot);
      return items;
    },
    show(claim) {
      shown = claim;
      draw();
    },
    clear() {
      shown = null;
      draw();
    },
    toggle: () => box.click(),
  };
}
