/** The filter form of the list: what it holds as an address's query, and an address's query put into it. */

const SEVERAL = "+";
const split = (text) => text.split(/[,\n]/).map((one) => one.trim());
/** Fields whose text stands for several values. */
const MANY = { kind: (text) => text.split(SEVERAL), tag: split };

export function queryOf(form) {
  const query = new URLSearchParams();
  for (const [name, text] of new FormData(form))
    for (const value of MANY[name]?.(text) ?? [text]) if (value) query.append(name, value);
  return query;
}

export function fillForm(form, query) {
  for (const field of form.elements) {
    if (!field.name) continue;
    const values = query.getAll(field.name);
    if (!values.length && field.tagName === "SELECT" && ![...field.options].some((one) => one.value === "")) continue;
    const text = field.name === "tag" ? values.join(", ") : values.join(SEVERAL);
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === text)) {
      const said = values.map((value) => [...field.options].find((one) => one.value === value)?.text ?? value);
      field.add(new Option(said.join(" or "), text));
    }
    field.value = text;
  }
}
