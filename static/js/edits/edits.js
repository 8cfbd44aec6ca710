/** The edits page: what is accepted, the changesets made of it, their files. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";
import { countCharacters } from "mapwright/edits/counted.js";
import { createAccepted } from "mapwright/edits/accepted.js";
import { createAreas, tagsOf } from "mapwright/edits/areas.js";
import { changesetCard } from "mapwright/edits/changeset-card.js";

const { region, imagery, said } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const form = document.getElementById("changeset-form");

bindKey("c", "Compare the first conflict with the newest map", () => document.querySelector("[data-compare]")?.click());
const accepted = createAccepted({ region, imagery, editor: Boolean(form), onChosen: drawForm });
const begun = latest();
let opened = null;
let areas = null;

/** What can be made of what is chosen. */
function drawForm(count, waiting) {
  if (!form) return;
  areas?.forget(count);
  const button = form.querySelector("button[type=submit]");
  form.toggleAttribute("data-idle", !count);
  byId("why-idle").hidden = count > 0;
  // The button is described by it even while it is hidden.
  const why = waiting ? "Choose at least one change above." : "Nothing waits for a changeset.";
  byId("why-idle").textContent = count ? "" : why;
  if (!("sending" in form.dataset)) button.disabled = !count;
  button.textContent = count ? `Make the changeset of ${plural(count, "change")}` : "Make the changeset";
}

async function listChangesets() {
  const timely = begun();
  const changesets = await api.all(`${base}/changesets/`);
  if (!timely()) return;
  const cards = changesets.map((changeset) =>
    changesetCard(changeset, {
      person,
      imagery,
      open: changeset.id === (opened ?? changesets[0].id),
      onGone: refresh,
    }),
  );
  fill(
    byId("changesets"),
    ...(cards.length
      ? cards
      : [
          el(
            "div",
            { class: "card empty" },
            el("h3", { text: "No changeset yet" }),
            el("p", {
              text: person.editor
                ? "Accepted changes wait here; give them a comment and they become one."
                : "Editors make changesets of what is accepted.",
            }),
          ),
        ]),
  );
}

async function refresh() {
  try {
    await Promise.all([accepted.load(), listChangesets()]);
  } catch (error) {
    notifyError(error);
  }
}

/** The form is empty again, and everything that still waits is chosen. */
function begin(id) {
  opened = id;
  form.reset();
  form.dispatchEvent(new Event("input"));
  accepted.begin();
}

if (form) {
  countCharacters(form);
  areas = createAreas({
    base,
    accepted,
    form,
    async onMade(made) {
      begin(made[0].id);
      notify(`${plural(made.length, "changeset")} ${made.length === 1 ? "is" : "are"} made.`);
      await refresh();
    },
  });
  onSubmit(form, async () => {
    const made = await api.post(`${base}/changesets/`, { ...tagsOf(form), change_ids: accepted.ids() });
    begin(made.id);
    notify(
      made.remaining
        ? `Changeset ${made.id} is made; ${plural(made.remaining, "accepted change")} still ${made.remaining === 1 ? "waits" : "wait"}.`
        : `Changeset ${made.id} is made.`,
    );
    await refresh();
  });
}
for (const { good, text } of said) notify(text, { kind: good ? "plain" : "bad" });
refresh();
