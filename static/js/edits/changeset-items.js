/** The edits of a changeset, and what may be done with one of them before it leaves. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { KINDS, STANDS } from "mapwright/lib/format.js";
import { holding } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { oneAtATime } from "mapwright/lib/once.js";
import { tagWords } from "mapwright/lib/tag-words.js";
import { showThreeWay } from "mapwright/edits/three-way.js";

const DROPPED = "The edit is dropped; its change stays accepted.";
const WHOSE = { ours: "this edit's", theirs: "the map's" };

/** @param {{changeset: Object, detail: Object, person: Object, imagery: ?Object, redraw: Function}} context */
export function itemActs({ changeset, detail, person, imagery, redraw }) {
  const path = (change) => `/api/changesets/${changeset.id}/edits/${change}/`;

  async function attempt(work, said) {
    try {
      await work();
      if (said) notify(said);
    } catch (error) {
      notifyError(error);
    }
    await redraw();
  }

  /** Show an edit beside the newest map, or what the map's server has, and do what a person chooses. */
  const compare = oneAtATime(async ({ change }, against = "map") => {
    try {
      const { conflict } = await api.get(`${path(change)}three-way/?against=${against}`);
      const mayDrop = detail.items.length > 1;
      const said = conflict && (await showThreeWay(conflict, { imagery, may: true, mayDrop }));
      if (said?.act === "drop") await attempt(() => api.delete(path(change)), DROPPED);
      if (said?.act === "rebase") {
        const { seen, shape, tags } = said;
        const send = () => api.post(`${path(change)}rebase/`, { seen, shape, tags, against });
        await attempt(send, "The edit is laid over what the map has by now.");
      }
      if (!conflict) await attempt(async () => {}, "Nothing speaks against this edit any more.");
    } catch (error) {
      notifyError(error);
    }
  });

  return {
    compare,
    mayChange: person.editor,
    /** Words where nothing is to choose, else a box: kept as demolished, or deleted. */
    kept(item) {
      if (item.check_date) return [`check_date ${item.check_date}`];
      const laid = item.rebased ? [laidOver(item)] : [];
      const tags = Object.entries(item.tags).flatMap((tag) => [tagWords(tag), " "]);
      if (item.kind !== "remove") return [...laid, ...tags];
      if (!person.editor || changeset.exported_at) return item.demolish ? ["as demolished"] : ["no"];
      const box = el("input", {
        type: "checkbox",
        id: `demolish-${changeset.id}-${item.change}`,
        checked: item.demolish,
        "aria-label": `Keep ${item.key} as demolished`,
        on: { change: () => attempt(() => api.patch(path(item.change), { demolish: box.checked })) },
      });
      return [el("label", { class: "check" }, box, el("span", { text: "as demolished" }))];
    },
    drop: ({ change }, text = "Drop", label = `Drop change ${change}`) =>
      person.editor &&
      detail.items.length > 1 &&
      el("button", {
        type: "button",
        class: "button button-small",
        text,
        "aria-label": label,
        on: { click: holding(() => attempt(() => api.delete(path(change)), DROPPED)) },
      }),
  };
}

/** Whose shape and tags an edit has since it was laid over a newer state. */
const laidOver = ({ rebased, base_version: version }) =>
  el("span", {
    class: "small",
    text: `over version ${version}: ${WHOSE[rebased.shape]} shape, ${WHOSE[rebased.tags]} tags `,
  });

const nameOf = (item) => (item.check_date ? STANDS : KINDS[item.kind]);

/** The edits, one a row; `acts(item)` gives what may be done with one. */
export function itemsTable(region, items, acts) {
  const rows = items.map((item) =>
    el(
      "tr",
      {},
      el(
        "td",
        {},
        el(
          "span",
          { class: "change-name" },
          el("span", { class: `kind kind-${item.kind}`, "aria-hidden": "true", text: nameOf(item).mark }),
          el("a", { href: `/regions/${region}/changes/${item.change}/`, text: nameOf(item).label }),
        ),
      ),
      el("td", {}, item.key ? el("code", { text: item.key }) : el("span", { class: "muted", text: "new" })),
      el("td", { class: "number", text: item.key ? (item.base_version ?? "unknown") : "" }),
      el("td", {}, ...acts.kept(item)),
      el("td", { text: item.decided_by ?? "" }),
      el("td", {}, acts.drop(item)),
    ),
  );
  const heads = ["Change", "Object", "Version", "Kept", "Decided by", ""].map((text) =>
    el("th", { scope: "col", text }),
  );
  return el(
    "div",
    { class: "table-scroll changeset-items", tabindex: "0", role: "region", "aria-label": "Edits of the changeset" },
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
  );
}

/** What the newest map says against edits, each with a way to look at both, and to drop it. */
export const conflictsNote = ({ conflicts }, acts) =>
  el(
    "div",
    { class: "note note-warn" },
    el("strong", { text: "The newest map says otherwise" }),
    el(
      "ul",
      {},
      ...conflicts.map((one) =>
        el(
          "li",
          {},
          `${one.detail} `,
          acts.mayChange &&
            el("button", {
              type: "button",
              class: "button button-small",
              text: "Compare",
              data: { compare: one.change },
              "aria-label": `Compare change ${one.change} with the newest map`,
              on: { click: () => acts.compare(one) },
            }),
          " ",
          acts.drop(one, "Drop this edit", `Drop this edit of change ${one.change}`),
        ),
      ),
    ),
  );
