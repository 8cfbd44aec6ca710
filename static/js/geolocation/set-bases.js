/** Bases of a reference set, page by page, for the card of the set. */
import { api } from "mapwright/lib/api.js";
import { el, fill } from "mapwright/lib/dom.js";
import { notifyError } from "mapwright/lib/notices.js";

const BADGES = {
  waiting: ["badge", "Waiting"],
  ready: ["badge badge-good", "Searched"],
  failed: ["badge badge-bad", "Can't be read"],
};
const PAGE = 50;
const degrees = (value) => value.toFixed(4);

function row(base) {
  const [west, south, east, north] = base.bounds;
  const [className, text] = BADGES[base.state];
  return el(
    "tr",
    {},
    el("td", {}, el("code", { text: base.name })),
    el("td", { text: base.original_name || base.source }),
    el("td", {
      class: "number",
      text: `${degrees((south + north) / 2)}, ${degrees((west + east) / 2)}`,
    }),
    el("td", { class: "number", text: `${base.width} × ${base.height}` }),
    el("td", {}, el("span", { class: className, text, title: base.error || null })),
  );
}

/** A folded list; nothing is asked for until it is opened. */
export function basesOf(set) {
  const body = el("tbody");
  const more = el("button", { type: "button", class: "button button-small", text: "More", hidden: true });
  let next = `/api/reference-sets/${set.id}/bases/?page_size=${PAGE}`;

  async function load() {
    const path = next;
    next = null;
    if (!path) return;
    try {
      const page = await api.get(path);
      body.append(...page.results.map(row));
      next = page.next ? new URL(page.next).pathname + new URL(page.next).search : null;
      if (!body.children.length)
        fill(body, el("tr", {}, el("td", { colspan: "5", class: "muted", text: "No bases yet." })));
    } catch (error) {
      next = path;
      notifyError(error);
    }
    more.hidden = !next;
  }

  more.addEventListener("click", load);
  const heads = [["Base"], ["From"], ["Middle", "number"], ["Pixels", "number"], ["State"]];
  const table = el(
    "table",
    {},
    el("caption", { class: "visually-hidden", text: `Bases of ${set.name}` }),
    el("thead", {}, el("tr", {}, ...heads.map(([text, name]) => el("th", { scope: "col", class: name, text })))),
    body,
  );
  const scroll = el(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `Bases of ${set.name}` },
    table,
  );
  return el(
    "details",
    {
      on: {
        toggle: (event) => {
          if (event.target.open && !body.children.length) load();
        },
      },
    },
    el("summary", { text: "Bases" }),
    el("div", { class: "stack" }, scroll, el("div", {}, more)),
  );
}
