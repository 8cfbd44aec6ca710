/** Flagging an item to a colleague: ask to whom it goes, and show what somebody asked of this person. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { askDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";

const begun = latest();

/** Leave the current item of `line` to a colleague; nothing happens where the person thinks better of it. */
export async function flagCurrent(line, { stage, region, person }) {
  if (!line.ready()) return;
  const claim = line.current();
  const timely = begun();
  try {
    const people = await api.get(`/api/review/${stage}/people/?region=${region}`);
    // Pressed again, answered meanwhile, or something else is asked by now.
    if (!timely() || line.current()?.id !== claim.id || document.querySelector("dialog[open]")) return;
    const others = people.filter(({ id }) => id !== person);
    const sent = await askColleague(others, byId("comment").value.trim());
    if (!sent || line.current()?.id !== claim.id) return;
    line.flag(sent.to, sent.comment);
    notify(`Flagged to ${sent.name}, who gets it first. Undo (U) takes it back.`, { kind: "good" });
  } catch (error) {
    notifyError(error);
  }
}

/** Say in `#flagged` who asked this person to look at the item, and what they said. */
export function drawFlag({ flag }) {
  byId("flagged").hidden = !flag;
  if (flag)
    fill(
      byId("flagged"),
      el("strong", { text: `${flag.by} asks you to look at this` }),
      flag.comment ? `: ${flag.comment}` : ".",
    );
}

/** Resolves to `{to, name, comment}`, or null where the person thought better of it; `said` is what they wrote already. */
async function askColleague(people, said) {
  const title = "Flag it to a colleague";
  if (!people.length) {
    await askDialog({ title, body: [el("p", { text: "Nobody else sees this region yet." })] });
    return null;
  }
  const select = el(
    "select",
    { id: "flag-to", name: "to", required: true },
    people.length > 1 && el("option", { value: "", text: "Choose a colleague" }),
    ...people.map(({ id, username }) => el("option", { value: String(id), text: username })),
  );
  const comment = el("textarea", { id: "flag-comment", name: "comment", rows: "3", maxlength: "4000", text: said });
  const body = [
    el("p", { class: "muted small", text: "They get it first, and nobody else gets it. You go on with the next one." }),
    el("div", { class: "field" }, el("label", { for: "flag-to", text: "Colleague" }), select),
    el("div", { class: "field" }, el("label", { for: "flag-comment", text: "What should they look at?" }), comment),
  ];
  const sure = await askDialog({ title, body, yes: "Flag it to them", focus: select });
  const name = select.selectedOptions[0]?.text;
  return sure ? { to: Number(select.value), name, comment: comment.value.trim() } : null;
}
