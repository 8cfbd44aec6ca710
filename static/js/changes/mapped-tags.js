/** What the map says of a building beyond the form's fields: corrected, taken off, or told why it stays. */
import { el, fill } from "mapwright/lib/dom.js";
import { checked } from "mapwright/changes/tag-rows.js";
import { isAddress, keepsKind, staysAsMapped, valueProblem } from "mapwright/changes/tag-rules.js";

/** Whether a tag of the map may be taken off here. */
export const mayGo = (key, mapped) =>
  Boolean(mapped[key]) && !keepsKind(key) && !isAddress(key) && !staysAsMapped(key, mapped);

/** Let the inputs in a node, and the buttons of single values, be off or on. */
export function lock(node, off) {
  for (const one of node.querySelectorAll("input, select, .chips button")) one.disabled = off;
}

/**
 * A button that takes a tag of the map off, or keeps it after all.
 * @param {string} label of what goes
 * @param {boolean} gone whether it is taken off so far
 * @param {HTMLElement} node around the inputs of its value, which are off meanwhile
 * @returns {{button: HTMLElement, gone: () => boolean}}
 */
export function takeOff(label, gone, node) {
  const button = el("button", { type: "button", class: "button button-small take-off" });
  const draw = () => {
    lock(node, gone);
    node.classList.toggle("goes", gone);
    button.textContent = gone ? "Keep it" : "Take off";
    button.setAttribute("aria-label", gone ? `Keep ${label}, which would be taken off` : `Take off ${label}`);
  };
  button.addEventListener("click", () => {
    gone = !gone;
    draw();
  });
  draw();
  return { button, gone: () => gone };
}

function line(key, said, mapped) {
  const node = el("div", { class: "mapped-tag", data: { key } }, el("code", { text: key }));
  if (!isAddress(key) && staysAsMapped(key, mapped)) {
    node.append(el("span", { text: mapped[key] }), el("span", { class: "small muted", text: "stays" }));
    return { node, read: () => [] };
  }
  const input = el("input", { class: "control", "aria-label": `Value of ${key}`, value: said || mapped[key] });
  const none = isAddress(key) ? "An address is corrected here, not taken off." : "Take it off by its button.";
  checked(input, (text) => (text ? valueProblem(key, text) : none));
  node.append(input);
  if (!mayGo(key, mapped)) return { node, read: () => [[key, input.value.trim()]] };
  const away = takeOff(key, said === "", node);
  node.append(away.button);
  return { node, read: () => [[key, away.gone() ? null : input.value.trim()]] };
}

/**
 * Rows for tags of the map; which of them have a field is said by `draw`.
 * @param {Object} mapped the object's own tags
 * @returns {{node: HTMLElement, draw: Function, read: Function}} `draw(known, tags)`: keys with a field, tags set so far;
 *   `read()` gives [key, value] pairs, null for what is taken off
 */
export function mappedTags(mapped) {
  const summary = el("summary");
  const list = el("div", { class: "stack mapped-tags" });
  const words = el("p", {
    class: "small muted",
    text: "A name, a shop and whatever else makes it more than a building stay; they are edited in iD or JOSM.",
  });
  const node = el("details", { class: "preset-more" }, summary, list, words);
  node.addEventListener("invalid", () => (node.open = true), true);
  let lines = [];
  return {
    node,
    draw(known, tags) {
      const keys = Object.keys(mapped).filter((key) => !known.includes(key) && !keepsKind(key));
      lines = keys.map((key) => line(key, tags[key], mapped));
      fill(list, ...lines.map((one) => one.node));
      summary.textContent = `What else the map says (${keys.length})`;
      node.hidden = !keys.length;
      words.hidden = !keys.some((key) => !isAddress(key) && staysAsMapped(key, mapped));
      if (keys.some((key) => key in tags)) node.open = true;
    },
    read: () => lines.flatMap(({ read }) => read()),
  };
}
