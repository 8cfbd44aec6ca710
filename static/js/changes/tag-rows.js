/** Rows of key and value for whatever tag has no field of its own. */
import { el } from "mapwright/lib/dom.js";
import { keyProblem, valueProblem } from "mapwright/changes/tag-rules.js";

/** Keep what an input says complained of while it is wrong. */
export function checked(input, problem) {
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
 * Rows with a button for another one.
 * @param {Object} mapped the object's own tags
 * @returns {{nodes: Node[], add: Function, read: Function, takeOut: Function}} `read()` gives [key, value] pairs; `takeOut(keys)`
 *   takes rows of these keys away and gives what they said
 */
export function tagRows(mapped) {
  const list = el("div", { class: "stack" });
  const pair = (node) => [...node.querySelectorAll("input")].map(({ value }) => value.trim());
  const add = (key, value) => list.append(row(mapped, key, value));
  const more = el("button", {
    type: "button",
    class: "button button-small tag-more",
    text: "Another tag",
    on: {
      click: () => {
        add();
        list.lastElementChild.querySelector("input").focus();
      },
    },
  });
  const takeOut = (keys) =>
    [...list.children]
      .map((node) => [node, pair(node)])
      .filter(([, [key]]) => keys.includes(key))
      .map(([node, said]) => (node.remove(), said));
  return { nodes: [list, more], add, read: () => [...list.children].map(pair), takeOut };
}
