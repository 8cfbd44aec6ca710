/** Inputs for the fields of OSM's presets: each says which tags it would set, and what is wrong with them. */
import { el } from "mapwright/lib/dom.js";
import { lock, mayGo, takeOff } from "mapwright/changes/mapped-tags.js";
import { checked } from "mapwright/changes/tag-rows.js";
import { fieldProblem, staysAsMapped } from "mapwright/changes/tag-rules.js";

const YES_NO = [
  { value: "yes", label: "Yes" },
  { value: "no", label: "No" },
];
const NUMBERS = ["number", "integer"];
let lists = 0;

const option = ({ value, label, about }) => el("option", { value, text: label, title: about || null });

/** One of a few: a list to choose from, in which what the map has stays even where the presets don't know it. */
function select(value, options, none) {
  const known = options.some((one) => one.value === value);
  const kept = value && !known ? [{ value, label: value }] : [];
  const node = el("select", {}, el("option", { value: "", text: none }), ...[...kept, ...options].map(option));
  node.value = value;
  return node;
}

function offered(options, input) {
  if (!options.length) return null;
  const id = `values-${(lists += 1)}`;
  input.setAttribute("list", id);
  return el("datalist", { id }, ...options.map(({ value, label }) => el("option", { value, label })));
}

function line(field, value, mapped, emptied) {
  const input = el("input", {
    value,
    inputmode: NUMBERS.includes(field.type) && field.key !== "layer" ? "decimal" : null,
    placeholder: emptied || field.placeholder || null,
    autocomplete: "off",
  });
  return checked(input, (text) => (text === mapped ? "" : fieldProblem(field, text)));
}

/** Several values of one key, each with a way to take it away; Enter adds what is typed. */
function several(field, value) {
  const chips = el("ul", { class: "chips", "aria-label": field.label });
  const values = () => [...chips.children].map((chip) => chip.dataset.value);
  const input = checked(
    el("input", { autocomplete: "off", placeholder: field.placeholder || "Add, then Enter" }),
    (text) => fieldProblem(field, [...values(), text].filter(Boolean).join(";")),
  );
  function add(text) {
    for (const one of text.split(";").map((part) => part.trim())) {
      if (!one || values().includes(one)) continue;
      const label = field.options.find((known) => known.value === one)?.label ?? one;
      const away = el("button", {
        type: "button",
        class: "button button-small",
        text: "×",
        "aria-label": `Remove ${label}`,
        on: { click: () => (chip.remove(), input.focus()) },
      });
      const chip = el("li", { data: { value: one } }, el("span", { text: label }), away);
      chips.append(chip);
    }
  }
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !input.value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    if (!input.reportValidity()) return;
    add(input.value);
    input.value = "";
  });
  add(value);
  const read = () => [...new Set([...values(), ...input.value.split(";").map((part) => part.trim())])].filter(Boolean);
  return {
    control: input,
    around: [chips, offered(field.options, input)],
    read: () => read().join(";"),
  };
}

/** `yes` for each of several keys: those of a common beginning, or a list of keys. */
function ticks(field, tags, mapped) {
  const keyOf = (value) => (field.keys.length ? value : `${field.key}${value}`);
  const offeredHere = field.options.length
    ? field.options
    : field.keys.map((key) => ({ value: key, label: key.split(":").at(-1) }));
  const boxes = offeredHere.map(({ value, label }) => {
    const box = el("input", { type: "checkbox", value: keyOf(value) });
    box.checked = tags[keyOf(value)] === "yes";
    box.disabled = box.checked && staysAsMapped(keyOf(value), mapped);
    return el("label", { class: "check" }, box, el("span", { text: label }));
  });
  const node = el("fieldset", { class: "field" }, el("legend", { text: field.label }), ...boxes);
  const inputs = () => [...node.querySelectorAll("input")];
  const none = (key) => (mapped[key] === "yes" && mayGo(key, mapped) ? null : "");
  return {
    node,
    read: () => Object.fromEntries(inputs().map((box) => [box.value, box.checked ? "yes" : none(box.value)])),
  };
}

function swatched(input) {
  const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
  const paint = () => {
    swatch.hidden = !CSS.supports("color", input.value);
    swatch.style.backgroundColor = input.value;
  };
  input.addEventListener("input", paint);
  paint();
  return swatch;
}

function control(field, value, mapped, goes) {
  const none = goes ? "Not said: taken off" : "Not said";
  if (field.type === "semiCombo") return several(field, value);
  const closed = field.type === "radio" || (field.options.length > 0 && !field.custom_values);
  if (field.type === "check") return { control: select(value, YES_NO, none), around: [] };
  if (field.type === "defaultCheck") return { control: select(value, YES_NO.slice(0, 1), none), around: [] };
  if (closed) return { control: select(value, field.options, none), around: [] };
  const input = line(field, value, mapped, goes ? `${mapped} is taken off` : "");
  return { control: input, around: field.type === "colour" ? [swatched(input)] : [offered(field.options, input)] };
}

/**
 * The input of one field.
 * @param {Object} field as the API gives it
 * @param {Object} tags to be set so far, over those of the map
 * @param {Object} mapped the object's own tags
 * @returns {{node: HTMLElement, read: Function}} `read()` gives {key: value}, "" where nothing is said, null where what the map
 *   has is taken off: by the button, or emptied
 */
export function fieldInput(field, tags, mapped) {
  if (["multiCombo", "manyCombo"].includes(field.type)) return ticks(field, { ...mapped, ...tags }, mapped);
  const value = tags[field.key] || mapped[field.key] || "";
  const goes = mayGo(field.key, mapped);
  const fixed = staysAsMapped(field.key, mapped);
  const made = control(field, value, mapped[field.key] ?? "", goes);
  made.control.required = Boolean(mapped[field.key]) && !goes && !fixed; // what makes it a building is not emptied
  const node = el(
    "div",
    { class: "preset-field", data: { key: field.key } },
    el("label", { class: "field" }, el("span", { text: field.label }), made.control),
    ...made.around,
    fixed ? el("p", { class: "small muted", text: "It makes it more than a building, and stays as it is." }) : null,
  );
  if (fixed) lock(node, true);
  const said = made.read ?? (() => made.control.value.trim());
  if (!goes) return { node, read: () => (fixed ? {} : { [field.key]: said() }) };
  const away = takeOff(field.label, tags[field.key] === "", node);
  node.append(away.button);
  return { node, read: () => ({ [field.key]: away.gone() ? null : said() || null }) };
}
