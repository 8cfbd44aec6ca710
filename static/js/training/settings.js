/** The settings of a training run. */
import { el } from "mapwright/lib/dom.js";
import { number } from "mapwright/lib/format.js";

/** What differs from the size, or nothing. */
export function changedSettings(changed = {}) {
  const lines = Object.entries(changed).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return lines.length ? el("span", { class: "changed-settings", text: lines.join(", ") }) : null;
}

/** Every setting of a run, folded away, as `part.name = value`. */
export function settings(config) {
  const lines = (part, path) =>
    Object.entries(part ?? {}).flatMap(([name, value]) =>
      value !== null && typeof value === "object" && !Array.isArray(value)
        ? lines(value, `${path}${name}.`)
        : [`${path}${name} = ${JSON.stringify(value)}`],
    );
  const all = lines(config, "");
  if (!all.length) return null;
  return el(
    "details",
    { class: "more" },
    el("summary", { text: `${number(all.length)} in force` }),
    el("pre", { class: "run-settings small", text: all.join("\n") }),
  );
}
