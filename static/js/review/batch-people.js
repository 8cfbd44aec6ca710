/** For whom a batch is: asked in a dialog, changed by its editor. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { askDialog } from "mapwright/lib/forms.js";

const HELP = "Nobody chosen: open to everyone. Second answers need two people, and where they differ a third.";

/**
 * Change for whom a batch is; false where the editor thought better of it.
 * @param {Object} batch
 * @param {{stage: string, region: number, path: string}} where whose colleagues may be asked, and the batch's address in the API
 */
export async function changePeople(batch, { stage, region, path }) {
  const everyone = await api.get(`/api/review/${stage}/people/?region=${region}`);
  const options = everyone.map(({ id, username }) =>
    el("option", {
      value: String(id),
      text: username,
      selected: !batch.open_to_all && batch.people.includes(username),
    }),
  );
  const select = el(
    "select",
    {
      id: "batch-people",
      multiple: true,
      size: String(Math.min(10, Math.max(3, options.length))),
      "aria-describedby": "batch-people-help",
    },
    ...options,
  );
  const body = [
    el(
      "div",
      { class: "field" },
      el("label", { for: "batch-people", text: "People" }),
      select,
      el("span", { class: "hint", id: "batch-people-help", text: HELP }),
    ),
  ];
  if (!(await askDialog({ title: `For whom is ${batch.name}?`, body, yes: "Save", focus: select }))) return false;
  const people = [...select.selectedOptions].map(({ value }) => Number(value));
  await api.patch(path, { people, open_to_all: !people.length });
  return true;
}
