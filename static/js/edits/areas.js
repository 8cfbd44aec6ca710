/** Accepted changes cut into small areas: shown on the map with what stands against each, then made into changesets. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { showErrors } from "mapwright/lib/forms.js";
import { notifyError } from "mapwright/lib/notices.js";

/** The tags that the form asks for, as the API takes them. */
export const tagsOf = (form) => ({
  ...Object.fromEntries(
    ["comment", "source", "imagery_used", "hashtags", "created_by"].map((name) => [
      name,
      form.elements.namedItem(name).value.trim(),
    ]),
  ),
  review_requested: form.elements.namedItem("review_requested").checked,
  demolish: form.elements.namedItem("demolish").checked,
});

const line = ({ change_ids: ids, elements, why_not: whyNot, bbox }, index, show) =>
  el(
    "li",
    {},
    `${plural(ids.length, "edit")}, ${plural(elements, "element")} `,
    el("button", {
      type: "button",
      class: "button button-small",
      text: "Show",
      "aria-label": `Show area ${index + 1} on the map`,
      on: { click: () => show(bbox) },
    }),
    whyNot.length > 0 && el("ul", {}, ...whyNot.map(({ detail }) => el("li", { class: "small", text: detail }))),
  );

/** @param {{base: string, accepted: Object, form: HTMLFormElement, onMade: (changesets) => Promise}} options */
export function createAreas({ base, accepted, form, onMade }) {
  const found = byId("areas-found");
  const plan = byId("plan-areas");
  let asked = 0;

  async function attempt(button, work) {
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      if (error.status === 400 || error.status === 409) showErrors(form, error);
      else notifyError(error);
    }
    button.disabled = false;
  }

  function draw({ areas, remaining }) {
    const make = el("button", {
      type: "button",
      class: "button button-main",
      text: `Make ${plural(areas.length, "changeset")}`,
      on: {
        click: () =>
          attempt(make, async () => {
            const groups = areas.map(({ change_ids: ids }) => ids);
            const { changesets } = await api.post(`${base}/changesets/many/`, { ...tagsOf(form), groups });
            await onMade(changesets);
          }),
      },
    });
    accepted.showAreas(areas);
    fill(
      found,
      el(
        "ol",
        { class: "area-list", tabindex: "0", "aria-label": "Areas" },
        ...areas.map((area, index) => line(area, index, accepted.showArea)),
      ),
      remaining > 0 &&
        el("p", {
          class: "hint",
          text: `${plural(remaining, "more accepted change", "more accepted changes")} ${remaining === 1 ? "waits" : "wait"}: group again once these are made.`,
        }),
      el("div", { class: "form-end" }, make),
    );
  }

  plan.addEventListener("click", () =>
    attempt(plan, async () => {
      const mine = ++asked;
      const told = await api.post(`${base}/changesets/areas/`, {
        change_ids: accepted.ids(),
        most_edits: Number(form.elements.namedItem("most_edits").value),
        most_km: Number(form.elements.namedItem("most_km").value),
        demolish: form.elements.namedItem("demolish").checked,
      });
      if (mine === asked) draw(told);
    }),
  );

  return {
    /** What was planned is no longer what is chosen. */
    forget(count) {
      asked += 1;
      fill(found);
      accepted.showAreas([]);
      byId("areas").disabled = !count;
    },
  };
}
