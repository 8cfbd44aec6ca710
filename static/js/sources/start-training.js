/** Asks for the size of a training before it begins, and says what stays as it is. */
import { el } from "mapwright/lib/dom.js";
import { askDialog } from "mapwright/lib/forms.js";
import { fillOutlooks } from "mapwright/lib/outlook.js";

/**
 * @param {{title: string, text: string, kind: string, region: number, presets: Object<string, string>}} options `kind` of the job
 * @returns {Promise<?string>} the preset, or null where the person thought better of it
 */
export async function askPreset({ title, text, kind, region, presets }) {
  const select = el(
    "select",
    { id: "start-preset", name: "preset" },
    ...Object.entries(presets).map(([value, label]) => el("option", { value, text: label })),
  );
  const outlook = el("p", {
    class: "note note-warn",
    data: { outlook: kind, region: String(region) },
    role: "status",
    hidden: true,
  });
  const body = [
    el("p", { text }),
    el("div", { class: "field" }, el("label", { for: "start-preset", text: "Size of the training" }), select),
    el("p", {
      class: "muted small",
      text: "Decisions, changesets and models stay; a new model waits until somebody puts it in use, a first one is used at once.",
    }),
    outlook,
  ];
  const asked = askDialog({ title, body, yes: "Start", focus: select });
  fillOutlooks(outlook.parentElement);
  return (await asked) ? select.value : null;
}
