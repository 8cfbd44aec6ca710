/** For whom a batch is: asked in a dialog, changed by its editor. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";

/** Resolves to ids (none: everyone), or null where the editor thought better of it. */
function ask(batch, people) {
  return new Promise((resolve) => {
    const chosen = ({ username }) => !batch.open_to_all && batch.people.includes(username);
    const select = el("select", { id: "batch-people", multiple: true, size: String(Math.min(10, Math.max(3, people.length))), "aria-describedby": "batch-people-help" }, ...people.map((one) => el("option", { value: String(one.id), text: one.username, selected: chosen(one) })));
    const form = el("form", { method: "dialog", class: "dialog-body" },
      el("h2", { text: `For whom is ${batch.name}?` }),
      el("div", { class: "field" }, el("label", { for: "batch-people", text: "People" }), select, el("span", { class: "hint", id: "batch-people-help", text: "Nobody chosen: open to everyone. Second answers need two people, and where they differ a third." })),
      el("div", { class: "dialog-end" }, el("button", { type: "submit", class: "button", value: "back", text: "Back" }), el("button", { type: "submit", class: "button button-main", value: "save", text: "Save" })));
    const dialog = el("dialog", { "aria-label": `For whom is ${batch.name}?`, on: { close: () => { resolve(dialog.returnValue === "save" ? [...select.selectedOptions].map(({ value }) => Number(value)) : null); dialog.remove(); } } }, form);
    document.body.append(dialog);
    dialog.showModal();
    select.focus();
  });
}

/** Change for whom a batch is; false where nothing was changed. */
export async function changePeople(batch, region) {
  const people = await ask(batch, await api.get(`/api/review/anchors/people/?region=${region}`));
  if (!people) return false;
  await api.patch(`/api/anchor-batches/${batch.id}/`, { people, open_to_all: !people.length });
  return true;
}
