/** The box that finds a kind of building by words: a combobox with its list, worked by keys alone. */
import { el, fill } from "mapwright/lib/dom.js";
import { choiceNamed, findChoices } from "mapwright/changes/presets.js";

const ID = "building-kinds";
const LONGEST = 80;
const TYPED = /^[\p{L}\p{N}][\p{L}\p{N}_:-]*$/u;

const written = (tags) =>
  Object.entries(tags)
    .map((pair) => pair.join("="))
    .join(" ");

/**
 * @param {{choices: Array, any: Object, start: Object, onChoose: Function}} options `any`: the preset that takes whatever
 *   value is typed; `start`: the choice to begin with; `onChoose(choice)` is told each other one
 * @returns {{node: HTMLElement, input: HTMLInputElement}}
 */
export function presetSearch({ choices, any, start, onChoose }) {
  let shown = [];
  let at = 0;
  let chosen = start;
  const list = el("ul", { id: ID, class: "kinds", role: "listbox", "aria-label": "Kinds of buildings", hidden: true });
  const input = el("input", {
    id: "kind-of-building",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    value: start.name,
    "aria-expanded": "false",
    "aria-controls": ID,
    "aria-autocomplete": "list",
  });

  const asTyped = (text) =>
    TYPED.test(text) && text !== "no"
      ? [{ id: "typed", preset: any, name: text, tags: { building: text }, terms: [], typed: true }]
      : [];

  function choose(choice) {
    chosen = choice;
    input.setCustomValidity("");
    close();
    onChoose(choice);
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function point() {
    [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    const row = list.children[at];
    if (!row) return;
    input.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
  }

  const row = (choice, index) =>
    el(
      "li",
      {
        id: `${ID}-${index}`,
        role: "option",
        on: {
          // Before the box loses the keyboard, which would close the list.
          pointerdown: (event) => event.preventDefault(),
          click: () => take(choice),
        },
      },
      el("span", { text: choice.typed ? `“${choice.name}”, as typed` : choice.name }),
      el("code", { text: written(choice.tags) }),
    );

  function open(text) {
    const typed = text.trim();
    const found = findChoices(choices, typed).slice(0, LONGEST);
    const value = choices.some(({ tags }) => tags.building === typed);
    shown = [...found, ...(typed && !value ? asTyped(typed) : [])];
    at = 0;
    fill(list, ...shown.map(row));
    if (!shown.length) {
      close();
      return;
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point();
  }

  function take(choice) {
    input.value = choice.name;
    input.focus();
    choose(choice);
  }

  input.addEventListener("input", () => {
    open(input.value);
    const named = choiceNamed(choices, input.value);
    if (named) {
      chosen = named;
      onChoose(named);
    }
    const why = shown.length ? "Choose one of the list: arrow keys, then Enter." : "No kind of building is called so.";
    input.setCustomValidity(named ? "" : why);
  });
  input.addEventListener("keydown", (event) => {
    const { key } = event;
    const listed = !list.hidden;
    if (listed && key === "Tab") take(shown[at]);
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (listed) at = (at + (key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length;
      else open(input.value === chosen.name ? "" : input.value);
      point();
    } else if (listed && key === "Enter") take(shown[at]);
    else if (listed && key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", close);
  return { node: el("div", { class: "kind-search" }, input, list), input };
}
