/** The tags of a changeset, to be changed before it leaves. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { notify } from "mapwright/lib/notices.js";
import { countCharacters } from "mapwright/edits/counted.js";

const FIELDS = [
  ["comment", "Comment"],
  ["source", "Source"],
  ["hashtags", "Hashtags"],
  ["imagery_used", "Imagery used"],
  ["created_by", "Created by"],
];

/** @param {Object} changeset with its tags; @param {() => Promise} onChange hears of what was saved */
export function tagsForm(changeset, onChange) {
  const id = (name) => `tag-${changeset.id}-${name}`;
  const form = el(
    "form",
    { class: "form", id: `tags-form-${changeset.id}`, novalidate: true },
    ...FIELDS.map(([name, label]) =>
      el(
        "div",
        { class: "field" },
        el("label", { for: id(name), text: label }),
        el("input", { id: id(name), name, value: changeset.tags[name] ?? "", "data-count": "" }),
      ),
    ),
    el(
      "label",
      { class: "check" },
      el("input", {
        type: "checkbox",
        name: "review_requested",
        checked: changeset.tags.review_requested === "yes",
      }),
      el("span", { text: "Ask other mappers to look at it" }),
    ),
    el("div", { class: "form-end" }, el("button", { type: "submit", class: "button button-small", text: "Save" })),
  );
  countCharacters(form);
  onSubmit(form, async () => {
    const tags = Object.fromEntries(FIELDS.map(([name]) => [name, form.elements.namedItem(name).value.trim()]));
    await api.patch(`/api/changesets/${changeset.id}/`, {
      ...tags,
      review_requested: form.elements.namedItem("review_requested").checked,
    });
    notify("The tags are saved.");
    await onChange();
  });
  return el("details", { class: "more" }, el("summary", { text: "Change the tags" }), form);
}
