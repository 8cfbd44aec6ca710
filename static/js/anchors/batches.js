/** The page of batches: start one, see how far each is, take files out and bring annotations in. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit, values } from "mapwright/lib/forms.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { batchCard } from "mapwright/anchors/batch-card.js";
import { changePeople } from "mapwright/anchors/batch-people.js";

const { region, links } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}/anchor-batches/`;
const INSPECTION = { name: "Inspection of 500", plan: "random", number: 500 };
const SHOWN_LEFT_OUT = 20;
const PLAN_WORDS = {
  random: "Every waiting anchor is as likely as any other: the accepted share speaks for all of them.",
  stratified: "Each stratum in proportion to its size; where there are enough, at least one of each.",
  uncertain: "Where generators, models or prompts say different things of the same pair, the most different first.",
  all: "Every waiting anchor, row by row from the north-west.",
};
let next = null;

const card = (batch) => batchCard(batch, { links, editor: person.editor, onClose: close, onPeople: choosePeople });

async function load(path, fresh) {
  const answer = await api.get(path);
  if (fresh) byId("batches").replaceChildren();
  byId("batches").append(...answer.results.map(card));
  next = answer.next;
  byId("more").hidden = !next;
  if (!byId("batches").children.length)
    byId("batches").append(
      el(
        "div",
        { class: "empty" },
        el("h3", { text: "No batch yet" }),
        el("p", {
          text: person.editor ? "Inspect 500 at random to learn how good the anchors are." : "An editor starts one.",
        }),
      ),
    );
}

const reload = () => load(`${base}?page_size=6`, true).catch(notifyError);

async function choosePeople(batch) {
  try {
    if (await changePeople(batch, region.id)) await reload();
  } catch (error) {
    notifyError(error);
  }
}

async function close(batch) {
  const sure = await confirmDialog({
    title: `Close ${batch.name}?`,
    text: `${plural(batch.progress.open, "unanswered item leaves", "unanswered items leave")} the queue. Answers stay, and count.`,
    yes: "Close it",
  });
  if (!sure) return;
  try {
    await api.post(`/api/anchor-batches/${batch.id}/close/`);
    await reload();
  } catch (error) {
    notifyError(error);
  }
}

/** One click: 500 at random, and straight to the bench. */
async function inspect() {
  byId("inspect").disabled = true;
  try {
    const batch = await api.post(base, INSPECTION);
    location.assign(`${links.bench}?batch=${batch.id}`);
  } catch (error) {
    byId("inspect").disabled = false;
    notifyError(error);
  }
}

function showPlan() {
  const plan = byId("start-plan").value;
  byId("plan-words").textContent = PLAN_WORDS[plan];
  byId("by-field").hidden = plan !== "stratified";
  byId("number-field").hidden = plan === "all";
}

async function bindStart() {
  showPlan();
  byId("start-plan").addEventListener("change", showPlan);
  onSubmit(byId("start"), async (form) => {
    const { name, plan, number, by, second } = values(form);
    const people = [...byId("start-people").selectedOptions].map((option) => Number(option.value));
    const batch = await api.post(base, {
      name,
      plan,
      by,
      number: Number(number),
      second_share: Number(second) / 100,
      people,
      open_to_all: !people.length,
    });
    notify(`${batch.name}: ${plural(batch.size, "anchor")} wait for review.`);
    form.reset();
    showPlan();
    await reload();
  });
  const people = await api.get(`/api/review/anchors/people/?region=${region.id}`);
  fill(byId("start-people"), ...people.map(({ id, username }) => el("option", { value: String(id), text: username })));
}

function bindImport() {
  onSubmit(byId("bring"), async (form) => {
    const file = byId("bring-file").files[0];
    let tasks;
    try {
      tasks = JSON.parse(await file.text());
    } catch {
      notify("This file is no JSON: export from Label Studio as JSON.", { kind: "bad" });
      return;
    }
    const counts = await api.post(`/api/regions/${region.id}/label-studio/`, tasks);
    const left = counts.left_out.slice(0, SHOWN_LEFT_OUT).map((text) => el("li", { text }));
    const more = counts.left_out.length - left.length;
    fill(
      byId("brought"),
      el(
        "div",
        { class: "note" },
        `${plural(counts.accepted, "anchor")} accepted, ${counts.corrected} corrected, ${counts.known} known already.`,
        left.length ? el("ul", {}, ...left, more > 0 ? el("li", { text: `and ${more} more` }) : null) : null,
      ),
    );
    form.reset();
    await reload();
  });
}

if (person.editor) {
  byId("inspect").addEventListener("click", inspect);
  bindStart().catch(notifyError);
  bindImport();
}
byId("more").addEventListener("click", () =>
  load(new URL(next).pathname + new URL(next).search, false).catch(notifyError),
);
bindKey("r", "Review", () => location.assign(links.bench));
reload();
