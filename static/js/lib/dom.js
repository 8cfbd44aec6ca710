/** Build and find elements; text only ever enters as text. */

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} [options] attributes; `class`, `text`, `on: {event: handler}`, `data: {...}`; null and false are left out
 * @param {...(Node|string|null|false)} children
 */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The element with this id; a missing one is a fault of the template, so it says so. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/** A handler of clicks that gives the keyboard back to the page after the mouse. */
export const afterMouse = (run) => (event) => {
  if (event.detail) event.currentTarget.blur();
  run();
};

/** The same for answers: a double click is one, its second half would answer what nobody has seen yet. */
export const onClick = (run) => (event) => event.detail < 2 && afterMouse(run)(event);

/** Replace what is inside `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PRESSED = "button, a, summary";
const FIELDS = "input[id]:not([type=file]), textarea[id], select[id]";

/** Whether something was typed or ticked in a field of a form that nobody has sent; other fields save what they hold at once. */
const begun = (field) =>
  field.form &&
  !("sending" in field.form.dataset) &&
  (field.matches("select")
    ? field.value !== ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value
    : field.value !== field.defaultValue || field.checked !== field.defaultChecked);

/** Put into `fields` of a newer drawing, by their ids, what was begun in those before. */
function goOn(before) {
  for (const { id, value, checked } of before) {
    const field = document.getElementById(id);
    if (!field) continue;
    field.value = value;
    field.checked = checked;
  }
}

/** What there is inside `node`, each by its card (`data-key`) and by its name there: an id, else its words and where it leads. */
const named = (node, selector) =>
  [...node.querySelectorAll(selector)].map((one) => {
    const card = one.closest("[data-key]");
    const said = one.matches("details") ? one.querySelector("summary") : one;
    const words = `${said?.getAttribute("aria-label") ?? said?.textContent} ${one.getAttribute("href") ?? ""}`;
    return { one, card: node.contains(card) ? card.dataset.key : "", name: one.id ? `#${one.id}` : words };
  });

/**
 * Which of `after` is `old` of `before`, drawn anew; lists grow at the top, so its place alone says nothing.
 * @param {boolean} renamed whether its words may have changed, where nothing else beside it has
 */
function drawnAnew(old, before, after, renamed) {
  const inCard = (list) => list.filter(({ card }) => card === old.card);
  const alike = (list) => list.filter(({ name }) => name === old.name);
  const [was, is] = [inCard(before), inCard(after)];
  if (alike(is).length) return alike(was).length === alike(is).length ? alike(is)[alike(was).indexOf(old)].one : null;
  const at = was.indexOf(old);
  const agree = was.length === is.length && is.every(({ name }, index) => index === at || name === was[index].name);
  return renamed && agree ? is[at].one : null;
}

/**
 * Replace what is inside `node` by a newer drawing of it: what was unfolded stays so, what was begun in a field with an id too,
 * and who stands on a button or in such a field stays there. Cards of a list are told apart by `data-key`.
 */
export function refill(node, ...children) {
  const folds = named(node, "details");
  const open = new Map(folds.map(({ one }) => [one, one.open]));
  const before = [...node.querySelectorAll(FIELDS)].filter(begun);
  const active = node.contains(document.activeElement) ? document.activeElement : null;
  const caret = active?.matches("input, textarea") ? [active.selectionStart, active.selectionEnd] : [null];
  const pressed = named(node, PRESSED);
  fill(node, ...children);
  const newFolds = named(node, "details");
  for (const fold of folds) {
    const fresh = drawnAnew(fold, folds, newFolds, true);
    if (fresh) fresh.open = open.get(fold.one);
  }
  goOn(before);
  const stood = pressed.find(({ one }) => one === active);
  const there = stood
    ? drawnAnew(stood, pressed, named(node, PRESSED), stood.card !== "")
    : active?.id && document.getElementById(active.id);
  if (there) there.focus({ preventScroll: true });
  if (there && caret[0] !== null) there.setSelectionRange(...caret);
}

/** Data the template left for the modules. */
export function pageData(id = "page-data") {
  const node = document.getElementById(id);
  return node ? (JSON.parse(node.textContent) ?? {}) : {};
}

/** A definition list of [term, content] rows; rows without content are left out. */
export function facts(rows, className = "facts") {
  const list = el("dl", { class: className });
  for (const [term, content] of rows) {
    if (content === null || content === undefined || content === "") continue;
    list.append(el("dt", { text: term }), el("dd", {}, content instanceof Node ? content : String(content)));
  }
  return list;
}
