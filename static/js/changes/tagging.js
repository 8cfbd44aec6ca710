/** The tag form of a building that is added or changed: its kind, its levels, and whatever else, checked as OSM takes it. */
import { el } from "mapwright/lib/dom.js";
import { askDialog } from "mapwright/lib/forms.js";

const MOST_CHARS = 255;
const OFFERED = ["building", "building:levels"];
const NOT_HERE = ["addr", "contact", "name", "type"];
const PLAIN = ["building", "roof", "source", "survey", "check_date"];
const PLAIN_KEYS = "area check_date created_by fixme height layer levels min_height note source start_date".split(" ");
/** Control characters, halves of characters and what is none. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Cn}]/u;

const plain = (key) => PLAIN_KEYS.includes(key) || PLAIN.includes(key.split(":")[0]);

/** What is wrong with a text; "" where nothing is. */
function textProblem(text) {
  if ([...text].length > MOST_CHARS) return `At most ${MOST_CHARS} characters.`;
  return NO_TEXT.test(text) ? "It holds a control character: type it anew." : "";
}

/** What is wrong with a key; "" where nothing is. `mapped`: the object's own tags. */
export function keyProblem(key, mapped) {
  if (!key) return "";
  if (key.includes("=")) return "Put what follows the = into the value.";
  const [head] = key.split(":");
  if (NOT_HERE.includes(head) || head.endsWith("_name"))
    return "Names, addresses and relations are edited in iD or JOSM.";
  if (key in mapped && !plain(key)) return "It makes the object more than a building, and stays as it is.";
  return textProblem(key);
}

/** What is wrong with the value of a key; "" where nothing is. */
export function valueProblem(key, value) {
  if (key === "building" && value === "no") return "That makes it no building: reject the suggestion instead.";
  if (key === "building:levels" && value && !/^\d{1,3}(\.\d)?$/.test(value)) return "A number such as 2 or 1.5.";
  return textProblem(value);
}

const labelled = (text, input) => el("label", { class: "field" }, el("span", { text }), input);

function checked(input, problem) {
  const check = () => input.setCustomValidity(problem(input.value.trim()));
  input.addEventListener("input", check);
  check();
  return input;
}

/** One row of key and value, with a way to take it away. */
function row(mapped, key = "", value = "") {
  const name = checked(
    el("input", { class: "control", "aria-label": "Key", value: key, placeholder: "roof:shape" }),
    (text) => keyProblem(text, mapped),
  );
  const said = checked(
    el("input", { class: "control", "aria-label": "Value", value, placeholder: "gabled" }),
    (text) =>
      name.value.trim() && !text ? "Fill it in, or take the row away." : valueProblem(name.value.trim(), text),
  );
  name.addEventListener("input", () => said.dispatchEvent(new Event("input")));
  const node = el("div", { class: "tag-row" }, name, said);
  node.append(
    el("button", {
      type: "button",
      class: "button button-small",
      text: "Remove",
      "aria-label": "Remove this tag",
      on: { click: () => node.remove() },
    }),
  );
  return node;
}

/**
 * Ask for tags. Resolves to {key: value} of what is to be set, without what the building has; null where one goes back.
 * @param {Object} subject the candidate
 * @param {Object} before tags set so far
 * @param {Array<{value: string, label: string, about: string}>} values common values of `building`
 */
export async function askTags(subject, before, values) {
  const mapped = subject.footprint?.tags ?? {};
  const about = el("p", { class: "small muted", role: "status" });
  const kind = checked(
    el("input", { list: "building-values", value: before.building ?? mapped.building ?? "yes", required: true }),
    (text) => valueProblem("building", text),
  );
  const tell = () => {
    about.textContent = values.find(({ value }) => value === kind.value.trim())?.about ?? "";
  };
  kind.addEventListener("input", tell);
  tell();
  const levels = checked(
    el("input", { inputmode: "decimal", value: before["building:levels"] ?? mapped["building:levels"] ?? "" }),
    (text) => valueProblem("building:levels", text),
  );
  const others = Object.entries(before).filter(([key]) => !OFFERED.includes(key));
  const rows = el("div", { class: "stack" }, ...others.map(([key, value]) => row(mapped, key, value)));
  const more = el("button", {
    type: "button",
    class: "button button-small",
    text: "Another tag",
    on: {
      click: () => {
        rows.append(row(mapped));
        rows.lastElementChild.querySelector("input").focus();
      },
    },
  });
  const offered = values.map(({ value, label }) => el("option", { value, label }));
  const yes = await askDialog({
    title: "Tags of the building",
    yes: "Set them",
    focus: kind,
    body: [
      labelled("Kind of building", kind),
      el("datalist", { id: "building-values" }, ...offered),
      about,
      labelled("Levels above the ground", levels),
      rows,
      more,
      el("p", { class: "small muted", text: "Every other tag that it has stays." }),
    ],
  });
  if (!yes) return null;
  const said = [
    ["building", kind.value],
    ["building:levels", levels.value],
    ...[...rows.children].map((node) => [...node.querySelectorAll("input")].map(({ value }) => value)),
  ].map(([key, value]) => [key.trim(), value.trim()]);
  const plainNew = (key, value) => !subject.footprint && key === "building" && value === "yes";
  return Object.fromEntries(
    said.filter(([key, value]) => key && value && mapped[key] !== value && !plainNew(key, value)),
  );
}
