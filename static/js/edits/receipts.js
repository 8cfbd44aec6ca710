/** The receipts of an upload: what became of each element in the map. */
import { api } from "mapwright/lib/api.js";
import { el, fill } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";

const AT_ONCE = 500;

export function receiptsTable(upload) {
  const site = new URL(upload.url).origin;
  const row = ({ kind, old_id: old, new_id: now, new_version: version }) =>
    el(
      "tr",
      {},
      el("td", {}, el("code", { text: `${kind}/${old}` })),
      el("td", {}, now ? el("a", { href: `${site}/${kind}/${now}`, text: `${kind}/${now}` }) : "deleted"),
      el("td", { class: "number", text: version ?? "" }),
    );
  const place = el("div");
  const details = el("details", {}, el("summary", { text: plural(upload.receipts, "receipt") }), place);

  async function load() {
    try {
      const rows = await api.all(`/api/uploads/${upload.id}/receipts/?page_size=${AT_ONCE}`, AT_ONCE);
      const heads = ["Sent", "In the map", "Version"].map((text) => el("th", { scope: "col", text }));
      fill(
        place,
        el(
          "div",
          { class: "table-scroll changeset-items", tabindex: "0", role: "region", "aria-label": "Receipts" },
          el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows.map(row))),
        ),
        upload.receipts > AT_ONCE && el("p", { class: "muted small", text: `The first ${AT_ONCE}; the API has all.` }),
      );
    } catch (error) {
      notifyError(error);
    }
  }

  details.addEventListener("toggle", () => details.open && !place.firstChild && load());
  return details;
}
