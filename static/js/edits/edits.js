/** The edits page: what is accepted, the changesets made of it, their files. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { KINDS, percent, plural } from "mapwright/lib/format.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { changesetCard } from "mapwright/edits/changeset-card.js";

const { region } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}`;
const SHOWN = 8;
let opened = null;

function acceptedLine(change) {
  return el(
    "p",
    { class: "small change-name" },
    el("span", { class: `kind kind-${change.kind}`, "aria-hidden": "true", text: KINDS[change.kind].mark }),
    el("span", { text: KINDS[change.kind].label }),
    el("span", { class: "muted number", text: percent(change.confidence) }),
  );
}

async function listAccepted() {
  const changes = await api.all(`${base}/changes/?state=decided&decision=accept&exported=false&page_size=500`);
  byId("accepted-count").textContent = changes.length
    ? plural(changes.length, "change")
    : "None. Accept some in the review first.";
  const rest = changes.length - SHOWN;
  fill(
    byId("accepted"),
    ...changes.slice(0, SHOWN).map(acceptedLine),
    rest > 0 ? el("p", { class: "muted small", text: `and ${plural(rest, "more", "more")}` }) : null,
  );
  const button = document.querySelector("#changeset-form button[type=submit]");
  if (button) button.disabled = !changes.length;
}

async function listChangesets() {
  const changesets = await api.all(`${base}/changesets/`);
  const cards = changesets.map((changeset) =>
    changesetCard(changeset, { person, open: changeset.id === (opened ?? changesets[0].id), onGone: refresh }),
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
            el("p", { text: "Accepted changes wait on the right; give them a comment and they become one." }),
          ),
        ]),
  );
}

async function refresh() {
  try {
    await Promise.all([listAccepted(), listChangesets()]);
  } catch (error) {
    notifyError(error);
  }
}

const form = document.getElementById("changeset-form");
if (form) {
  onSubmit(form, async () => {
    const made = await api.post(`${base}/changesets/`, {
      comment: form.comment.value.trim(),
      source: form.source.value.trim(),
      demolish: form.demolish.checked,
    });
    opened = made.id;
    form.reset();
    notify(
      made.remaining
        ? `Changeset ${made.id} is made; ${plural(made.remaining, "accepted change")} still ${made.remaining === 1 ? "waits" : "wait"}.`
        : `Changeset ${made.id} is made.`,
    );
    await refresh();
  });
}
refresh();
