/** What OSM takes as a tag and what is not set here, as the server checks it; said beside the field before it is sent. */

const MOST_CHARS = 255;
const NOT_HERE = ["addr", "contact", "name", "type"];
const PLAIN = ["building", "roof", "source", "survey", "check_date"];
const PLAIN_KEYS = "area check_date created_by fixme height layer levels min_height note source start_date".split(" ");
/** Control characters, halves of characters and what is none. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Cn}]/u;
const LENGTHS = ["height", "min_height", "roof:height"];
const LENGTH = /^(\d{1,6}(\.\d{1,6})?( ?(m|ft))?|\d{1,5}'( ?\d{1,2}(\.\d)?")?)$/;
const NUMBER = /^-?\d{1,9}(\.\d{1,6})?$/;
const DATE = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;
const COLOUR = /^(#[0-9a-f]{3}([0-9a-f]{3})?|[a-z][a-z_ ]*)$/i;

const isName = (key) => key.split(":")[0].endsWith("_name") || key.endsWith(":name");
const plain = (key) => !isName(key) && (PLAIN_KEYS.includes(key) || PLAIN.includes(key.split(":")[0]));

/** Parts of an address: one that the map has is corrected, and never taken off. */
export const isAddress = (key) => key.split(":")[0] === "addr";

/** What makes it a building; it gets another kind, and is not left without one. */
export const keepsKind = (key) => ["building", "building:part"].includes(key);

/** Whether a tag that the map has makes the object more than a building, and so stays as it is. */
export const staysAsMapped = (key, mapped) => key in mapped && !plain(key);

/** What is wrong with a text; "" where nothing is. */
function textProblem(text) {
  if ([...text].length > MOST_CHARS) return `At most ${MOST_CHARS} characters.`;
  return NO_TEXT.test(text) ? "It holds a control character: type it anew." : "";
}

/** What is wrong with a key; "" where nothing is. `mapped`: the object's own tags. */
export function keyProblem(key, mapped) {
  if (!key) return "";
  if (key.includes("=")) return "Put what follows the = into the value.";
  if (isAddress(key) && key in mapped) return textProblem(key);
  if (NOT_HERE.includes(key.split(":")[0]) || isName(key))
    return "Names, addresses and relations are edited in iD or JOSM.";
  if (staysAsMapped(key, mapped)) return "It makes the object more than a building, and stays as it is.";
  return textProblem(key);
}

/** What is wrong with the value of a key; "" where nothing is. */
export function valueProblem(key, value) {
  if (key === "building" && value === "no") return "That makes it no building: reject the suggestion instead.";
  if (key === "building:levels" && value && !/^\d{1,3}(\.\d)?$/.test(value)) return "A number such as 2 or 1.5.";
  return textProblem(value);
}

function numberProblem({ key, min, max }, value) {
  if (LENGTHS.includes(key)) return LENGTH.test(value) ? "" : "A length such as 4.5, in metres, or 15 ft.";
  if (!NUMBER.test(value)) return "A number such as 2 or -1, with a point for decimals.";
  if (min !== null && Number(value) < min) return `At least ${min}.`;
  return max !== null && Number(value) > max ? `At most ${max}.` : "";
}

/** What is wrong with the value of a field of OSM's presets; "" where nothing is. */
export function fieldProblem(field, value) {
  if (!value) return "";
  const kind = ["number", "integer"].includes(field.type) ? "number" : field.type;
  if (kind === "number" && field.key !== "building:levels") return numberProblem(field, value);
  if (kind === "date" && field.key !== "start_date" && !DATE.test(value)) return "A day such as 2026-05-31.";
  if (kind === "colour" && !COLOUR.test(value)) return "A colour such as red or #aa3322.";
  return valueProblem(field.key, value);
}
