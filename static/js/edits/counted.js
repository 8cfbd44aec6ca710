/** How long a tag is while it is typed, in characters as OSM counts them, not in units of UTF-16. */
import { el } from "mapwright/lib/dom.js";

const MOST = 255;

/** A count below every field of the form that is marked with `data-count`. */
export function countCharacters(form) {
  const fields = [...form.querySelectorAll("[data-count]")].map((input) => {
    const count = el("span", { class: "hint", id: `count-${form.id}-${input.name}` });
    input.setAttribute("aria-describedby", count.id);
    input.after(count);
    return { input, count };
  });
  const draw = () => {
    for (const { input, count } of fields) {
      const length = [...input.value].length;
      count.textContent = length ? `${length} of ${MOST} characters` : "";
      count.classList.toggle("count-over", length > MOST);
    }
  };
  form.addEventListener("input", draw);
  draw();
}
