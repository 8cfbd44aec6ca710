/** The queue's filters: chips of those in the address, the lots with what is left of each, and the order by nearness. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { number, percent } from "mapwright/lib/format.js";
import { load, save } from "mapwright/lib/storage.js";
import { drawChips, filtersIn, LOTS, wantedOf } from "mapwright/changes/filters.js";

/**
 * @param {Object} options
 * @param {Object} options.region
 * @param {Object} options.person
 * @param {() => void} options.onOrder the person chose the other order
 */
export function createQueueFilters({ region, person, onOrder }) {
  const filters = filtersIn(location.search);
  const nearest = byId("nearest-first");
  const similar = byId("similar-first");
  const key = `mapwright.nearest-first.${person.id}`;
  const path = `/regions/${region.id}/changes/`;
  const lot = filters.get("lot");
  const address = (rest) => `${path}review/${rest.size ? `?${rest}` : ""}`;
  const go = (rest) => location.assign(address(rest));

  nearest.checked = load(key, false) && !similar.checked;
  nearest.addEventListener("change", () => {
    save(key, nearest.checked);
    if (nearest.checked && similar.checked) similar.click();
    else onOrder();
  });
  similar.addEventListener("change", () => {
    if (!similar.checked || !nearest.checked) return;
    nearest.checked = false;
    save(key, false);
  });

  drawChips(byId("chips"), filters, go);
  byId("change-filters").href = `${path}${filters.size ? `?${filters}` : ""}`;

  function drawLots({ near_certain: sure, lots }) {
    const trial = pageData().first_look ? " This model's percentages are no odds." : "";
    const titles = {
      near_certain: `Confidence of ${percent(sure)} or more: a look is mostly enough.${trial}`,
      judgement: `Confidence below ${percent(sure)}: these need a judgement.${trial}`,
    };
    fill(
      byId("lots"),
      ...lots.map((one) => {
        const rest = new URLSearchParams(filters);
        if (lot === one.lot) rest.delete("lot");
        else rest.set("lot", one.lot);
        return el("button", {
          type: "button",
          class: "button button-small",
          title: titles[one.lot],
          "aria-pressed": String(lot === one.lot),
          text: `${LOTS[one.lot]}: ${number(one.open)}${one.more ? "+" : ""} left`,
          on: { click: () => go(rest) },
        });
      }),
    );
  }

  return {
    filtered: filters.size > 0,
    listPath: `${path}${filters.size ? `?${filters}` : ""}`,
    plainPath: `${path}review/`,
    /** What the next claim is to be like; null where anything will do. */
    wanted({ current, ahead, decided }) {
      const near = (ahead.at(-1) ?? current ?? decided.at(-1))?.subject?.id;
      const wanted = wantedOf(filters);
      return nearest.checked && near ? { ...wanted, order: "near", near } : wanted;
    },
    /** {open, more} of what fits; the lots are drawn anew on the way. */
    async left() {
      const found = await api.get(`/api/regions/${region.id}/changes/lots/?${filters}`);
      drawLots(found);
      const mine = found.lots.filter((one) => !lot || one.lot === lot);
      return { open: mine.reduce((sum, one) => sum + one.open, 0), more: mine.some((one) => one.more) };
    },
    toggle: () => nearest.click(),
  };
}
