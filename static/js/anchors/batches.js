/** The page of batches: start one, see how far each is, take files out and bring annotations in. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { onSubmit } from "mapwright/lib/forms.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { drawnOf, headlineOf } from "mapwright/anchors/batch-words.js";
import { batchCard } from "mapwright/review/batch-card.js";
import { createBatchList } from "mapwright/review/batch-list.js";

const { region, links } = pageData();
const person = pageData("person");
const base = `/api/regions/${region.id}/anchor-batches/`;
const pathOf = (id) => `/api/anchor-batches/${id}/`;
const INSPECTION = { name: "Inspection of 500", plan: "random", number: 500 };
const SHOWN_LEFT_OUT = 20;
const PLAN_WORDS = {
  random: "Every waiting anchor is as likely as any other: the accepted share speaks for all of them.",
  stratified: "Each stratum in proportion to its size; where there are enough, at least one of each.",
  uncertain: "Where generators, models or prompts say different things of the same pair, the most different first.",
  all: "Every waiting anchor, row by row from the north-west.",
};

const list = createBatchList({
  base,
  pathOf,
  stage: "anchors",
  region: region.id,
  what: ["anchor", "anchors"],
  empty: person.editor ? "Inspect 500 at random to learn how good the anchors are." : "An editor starts one.",
  card: (batch, handlers) =>
    batchCard(batch, {
      headline: headlineOf(batch),
      drawn: drawnOf(batch),
      links,
      report: `${links.batches}${batch.id}/`,
      files: ["csv", "json"].map((kind) => [kind.toUpperCase(), `${pathOf(batch.id)}answers.${kind}`]),
      editor: person.editor,
      ...handlers,
    }),
});

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
    await list.reload();
  });
}

if (person.editor) {
  byId("inspect").addEventListener("click", inspect);
  list
    .bindStart({
      words: PLAN_WORDS,
      show: (plan) => {
        byId("by-field").hidden = plan !== "stratified";
      },
      more: ({ by }) => ({ by }),
    })
    .catch(notifyError);
  bindImport();
}
bindKey("r", "Review", () => location.assign(links.bench));
list.reload();
