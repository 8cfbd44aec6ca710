/** Who may see a reference set: everybody who signs in, or persons besides admins, ticked off a list. */
import { api } from "mapwright/lib/api.js";
import { el, pageData } from "mapwright/lib/dom.js";
import { onSubmit } from "mapwright/lib/forms.js";

const MANY = 8;

/** A tick for each person, with a filter where they are many. */
function peopleList(form, people, viewers) {
  const id = `${form.id}-person`;
  const chosen = new Set(viewers);
  const ticks = people.map((person) =>
    el(
      "label",
      { class: "check" },
      el("input", { type: "checkbox", name: "viewers", value: String(person.id), checked: chosen.has(person.id) }),
      el("span", { text: person.name }),
    ),
  );
  const filter = el("input", {
    id,
    type: "search",
    class: "control",
    placeholder: "Find a person",
    autocomplete: "off",
  });
  const narrow = () => {
    const sought = filter.value.trim().toLowerCase();
    for (const tick of ticks) tick.hidden = !tick.textContent.toLowerCase().includes(sought);
  };
  filter.addEventListener("input", narrow);
  form.addEventListener("reset", () => setTimeout(narrow));
  return [
    people.length > MANY ? el("label", { class: "visually-hidden", for: id, text: "Find a person" }) : null,
    people.length > MANY ? filter : null,
    people.length
      ? el("div", { class: "people", role: "group", "aria-label": "Persons", tabindex: "0" }, ...ticks)
      : el("p", { class: "small muted", text: "There is nobody but admins, who see all." }),
  ];
}

/**
 * Put the field into a form that has a box `open_to_all`: while that is ticked, persons need not be.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} node
 * @param {Array<number>} [viewers]
 */
export function addViewers(form, node, viewers = []) {
  const { people } = pageData();
  const box = el(
    "fieldset",
    { class: "viewers" },
    el("legend", { text: "Seen by, besides admins" }),
    ...peopleList(form, people, viewers),
  );
  node.append(box);
  const open = form.elements.namedItem("open_to_all");
  const follow = () => {
    box.hidden = open.checked;
  };
  form.addEventListener("change", follow);
  form.addEventListener("reset", () => setTimeout(follow));
  follow();
}

/** Who is ticked in a form: numbers of persons; nobody where everybody sees it. */
export const viewersOf = (form) => {
  const told = new FormData(form);
  return told.has("open_to_all") ? [] : told.getAll("viewers").map(Number);
};

/** The form on the card of a set that changes who sees it. */
export function viewersForm(set, onChanged) {
  const id = `who-sees-${set.id}`;
  const form = el(
    "form",
    { class: "form", id, novalidate: true },
    el(
      "label",
      { class: "check" },
      el("input", { type: "checkbox", name: "open_to_all", value: "true", checked: set.open_to_all }),
      el("span", { text: "Everybody who signs in may see it" }),
    ),
  );
  addViewers(form, form, set.viewers);
  form.append(
    el("div", { class: "form-end" }, el("button", { class: "button", type: "submit", text: "Save who sees it" })),
  );
  onSubmit(form, async () => {
    const open = form.elements.open_to_all.checked;
    await api.patch(`/api/reference-sets/${set.id}/`, { open_to_all: open, viewers: viewersOf(form) });
    await onChanged();
  });
  return el("details", {}, el("summary", { text: "Who sees it" }), form);
}
