/** Settings of a training that a person changes before it starts: a row for each, its value of the setting's own kind. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";

/** A setting's value as it is typed: a list as its numbers. */
const written = (value) => (Array.isArray(value) ? value.join(", ") : String(value));

/** What was typed, as the kind of value that the setting has; what is no such value goes as it is, and is refused by name. */
function read(text, before) {
  const number = (one) => (one.trim() === "" || !Number.isFinite(Number(one)) ? one : Number(one));
  if (Array.isArray(before)) return text.split(",").map(number);
  return typeof before === "boolean" ? text === "true" : number(text);
}

function valueField(row, before, value) {
  const named = { id: `${row}-value`, class: "setting-value", "aria-label": "Its value" };
  if (typeof before === "boolean") {
    const choices = ["true", "false"].map((one) => el("option", { value: one, text: one === "true" ? "yes" : "no" }));
    const list = el("select", named, ...choices);
    list.value = value ?? written(!before);
    return list;
  }
  const list = Array.isArray(before);
  return el("input", {
    ...named,
    inputmode: list ? "text" : "decimal",
    value: value ?? written(before),
    required: true,
  });
}

/**
 * @param {string} kind of the models
 * @param {() => string} preset which size is chosen
 */
export function createSettings(kind, preset) {
  const rows = byId("setting-rows");
  const add = byId("add-setting");
  let known = {};
  let made = 0;
  let asked = 0;

  const nameOf = (row) => row.querySelector(".setting-name").value;

  /** A setting has one row: those that others have can't be chosen, nor one more row where all have theirs. */
  function offer() {
    const taken = new Set([...rows.children].map(nameOf));
    for (const row of rows.children)
      for (const option of row.querySelector(".setting-name").options)
        option.disabled = taken.has(option.value) && option.value !== nameOf(row);
    add.disabled = Object.keys(known).every((name) => taken.has(name));
    return taken;
  }

  function hint(row) {
    const before = known[nameOf(row)];
    const shown = typeof before === "boolean" ? (before ? "yes" : "no") : written(before);
    row.querySelector(".hint").textContent = `In place of ${shown}.`;
  }

  function pick(row) {
    row.querySelector(".setting-value").replaceWith(valueField(row.id, known[nameOf(row)]));
    hint(row);
    offer();
  }

  function addRow() {
    const id = `setting-${(made += 1)}`;
    const taken = offer();
    const names = Object.keys(known).map((name) => el("option", { value: name, text: name }));
    const name = el("select", { class: "setting-name", "aria-label": "Setting to change" }, ...names);
    name.value = Object.keys(known).find((one) => !taken.has(one));
    const remove = el("button", {
      type: "button",
      class: "button button-small",
      text: "Leave it",
      on: {
        click: () => {
          row.remove();
          offer();
          add.focus();
        },
      },
    });
    const row = el(
      "div",
      { class: "field setting", id },
      name,
      el("div", { class: "setting-row" }, valueField(id, known[name.value]), remove),
      el("span", { class: "hint" }),
    );
    name.addEventListener("change", () => pick(row));
    rows.append(row);
    hint(row);
    offer();
    name.focus();
  }

  /** Ask for what the chosen size has; values that a person gave stay. */
  async function load() {
    const mine = (asked += 1);
    add.disabled = true;
    const query = new URLSearchParams({ kind, preset: preset() });
    const { settings } = await api.get(`/api/training-settings/?${query}`);
    if (mine !== asked) return;
    known = settings;
    for (const row of [...rows.children]) {
      if (nameOf(row) in known) hint(row);
      else row.remove();
    }
    offer();
  }

  add.addEventListener("click", addRow);
  return {
    load,
    /** What differs from the size, by name. */
    values: () =>
      Object.fromEntries(
        [...rows.children].map((row) => {
          const name = nameOf(row);
          return [name, read(row.querySelector(".setting-value").value, known[name])];
        }),
      ),
    clear() {
      fill(rows);
      offer();
    },
  };
}
