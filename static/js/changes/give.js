/** Giving chosen changes to a colleague for some days: they come first there, and nobody else gets them meanwhile. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { askDialog } from "mapwright/lib/forms.js";
import { notify } from "mapwright/lib/notices.js";
import { freshKey } from "mapwright/lib/once.js";

const DAYS = [1, 3, 7, 14, 30];
const FIRST_DAYS = 7;

const field = (id, text, input) => el("div", { class: "field" }, el("label", { for: id, text }), input);

/** Ask to whom and for how long; resolves to whether they were given. */
export async function giveItems(region, items) {
  const people = await api.get(`/api/review/changes/people/?region=${region.id}`);
  const to = el(
    "select",
    { id: "give-to", required: true },
    ...people.map(({ id, username }) => el("option", { value: String(id), text: username })),
  );
  const days = el(
    "select",
    { id: "give-days" },
    ...DAYS.map((one) => el("option", { value: String(one), text: plural(one, "day"), selected: one === FIRST_DAYS })),
  );
  const comment = el("textarea", { id: "give-comment", rows: "2", maxlength: "4000" });
  const yes = await askDialog({
    title: `Give ${plural(items.length, "candidate")} to somebody?`,
    body: [
      el("p", {
        class: "muted small",
        text: "They come first in that person's queue, and nobody else gets them until then.",
      }),
      field("give-to", "Person", to),
      field("give-days", "For", days),
      field("give-comment", "What should they look at?", comment),
    ],
    yes: "Give them",
    focus: to,
  });
  if (!yes || !to.value) return false;
  const { given } = await api.post("/api/review/changes/assign/", {
    region: region.id,
    items,
    to: Number(to.value),
    days: Number(days.value),
    comment: comment.value.trim(),
    idempotency_key: freshKey(),
  });
  const rest = items.length - given;
  const stayed = rest ? ` ${plural(rest, "other")}: held, decided or given already.` : "";
  notify(`${plural(given, "candidate")} given to ${to.selectedOptions[0].text}.${stayed}`, {
    kind: rest ? "warn" : "good",
  });
  return true;
}
