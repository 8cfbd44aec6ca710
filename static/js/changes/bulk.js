/** Rejecting many at once: chosen rows or all that the filter shows, after the count was said; and taking that back. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { humanise, number, plural } from "mapwright/lib/format.js";
import { askDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { giveItems } from "mapwright/changes/give.js";
import { freshKey, oneAtATime } from "mapwright/lib/once.js";

const REASONS = [
  "not_a_building",
  "already_mapped",
  "still_there",
  "shape_is_fine",
  "wrong_shape",
  "temporary",
  "under_construction",
  "other",
];
const WHY = {
  held: "on somebody's screen",
  flagged: "given to somebody else",
  decided: "decided meanwhile",
  changed: "changed meanwhile",
  withdrawn: "withdrawn",
  exported: "in a changeset",
};
const TRIES = 5;
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const counted = (rows) => rows.map(({ reason, number: many }) => `${many} ${WHY[reason] ?? reason}`).join(", ");

/**
 * @param {Object} options
 * @param {Object} options.region
 * @param {() => URLSearchParams} options.filters
 * @param {() => void} options.onDone the list is to be loaded again
 */
export function createBulk({ region, filters, onDone }) {
  const chosen = new Map();
  const bar = byId("bulk");
  const progress = byId("bulk-progress");
  let last = null;
  let running = false;

  function draw() {
    byId("bulk-count").textContent = chosen.size ? `${number(chosen.size)} chosen` : "";
    for (const button of bar.querySelectorAll("button")) button.disabled = running;
    for (const id of ["reject-chosen", "give-chosen"]) byId(id).disabled ||= !chosen.size;
    byId("choose-none").hidden = !chosen.size;
    byId("undo-last").hidden = !last;
    byId("undo-last").textContent = last ? `Take back the last ${number(last.rejected)}` : "";
  }

  /** One chunk; where the server is away for a moment it is asked again: what it has done it doesn't do twice. */
  async function chunk(path) {
    for (let tries = 1; ; tries++) {
      try {
        return await api.post(path);
      } catch (error) {
        if (!error.passing || tries === TRIES) throw error;
        await wait(2 ** (tries - 1));
      }
    }
  }

  /** Ask chunk after chunk until all were gone through, or taken back elsewhere; `onTold` gets what each told. */
  async function through(bulk, act, onTold) {
    let told = bulk;
    progress.hidden = false;
    while (act === "undo" ? !told.finished || !told.undoing : !told.finished && !told.undoing) {
      told = await chunk(`/api/bulk-rejections/${bulk.id}/${act}/`);
      onTold(told);
      const [at, of] = act === "undo" ? [told.undone, told.rejected] : [told.done, told.total];
      progress.firstElementChild.max = Math.max(1, of);
      progress.firstElementChild.value = at;
      progress.lastElementChild.textContent = `${number(at)} of ${number(of)}`;
    }
    return told;
  }

  async function guarded(run) {
    running = true;
    draw();
    try {
      await run();
    } catch (error) {
      notifyError(error);
    }
    running = false;
    progress.hidden = true;
    chosen.clear();
    draw();
    await recall();
    onDone();
  }

  /** Go through all of it; what breaks off is offered to be gone on with. */
  const carry = (begin, act, onEnd) =>
    guarded(async () => {
      let at = await begin();
      try {
        onEnd(await through(at, act, (told) => (at = told)));
      } catch (error) {
        offer(at, act === "undo" || at.undoing);
        throw error;
      }
    });

  const undo = (bulk) =>
    carry(
      async () => bulk,
      "undo",
      (told) => {
        const back = told.undone - told.kept.reduce((sum, one) => sum + one.number, 0);
        const kept = told.kept.length ? ` Others keep their answer: ${counted(told.kept)}.` : "";
        notify(`${plural(back, "rejection")} taken back.${kept}`, { kind: told.kept.length ? "warn" : "good" });
      },
    );

  const reject = (begin) =>
    carry(begin, "next", (told) => {
      if (told.undoing) {
        offer(told, true);
        return;
      }
      const stayed = told.left_out.length ? ` Left as they are: ${counted(told.left_out)}.` : "";
      notify(`${plural(told.rejected, "candidate")} rejected.${stayed}`, {
        kind: told.left_out.length ? "warn" : "good",
        seconds: 60,
        action: { label: "Undo all", run: () => undo(told) },
      });
    });

  /** Say how far one is that was broken off, and what can be done with it. */
  function offer(bulk, undoing) {
    const back = { label: "Undo all", run: () => undo(bulk) };
    const actions = undoing
      ? [{ ...back, label: "Go on" }]
      : [{ label: "Go on", run: () => reject(async () => bulk) }, back];
    const text = undoing
      ? `${number(bulk.undone)} of ${plural(bulk.rejected, "rejection")} are taken back so far.`
      : `${number(bulk.done)} of ${plural(bulk.total, "candidate")} to be rejected are gone through so far.`;
    notify(text, { kind: "bad", actions });
  }

  /** What this person rejected together lately: the last one can be taken back, also after the page was left. */
  async function recall({ offering = false } = {}) {
    try {
      const found = await api.get(`/api/regions/${region.id}/bulk-rejections/`);
      const [newest] = found;
      const broken = found.find((one) => !one.finished);
      last = newest?.finished && !newest.undoing && newest.rejected ? newest : null;
      if (offering && broken) offer(broken, broken.undoing);
    } catch {
      last = null; // the list itself says that the server is away
    }
    draw();
  }

  async function ask(many, query, items) {
    const reason = el(
      "select",
      { class: "control", id: "bulk-reason", required: true },
      el("option", { value: "", text: "Choose …" }),
      ...REASONS.map((one) => el("option", { value: one, text: humanise(one) })),
    );
    const comment = el("input", { class: "control", id: "bulk-comment", maxlength: "4000" });
    const yes = await askDialog({
      title: `Reject ${plural(many, "candidate")}?`,
      body: [
        el("p", {
          text: "Each gets this answer in your name. Those on other people's screens, or given to somebody, stay. It can be taken back as one.",
        }),
        el("p", { class: "field" }, el("label", { for: "bulk-reason", text: "Reason" }), reason),
        el("p", { class: "field" }, el("label", { for: "bulk-comment", text: "Comment" }), comment),
      ],
      yes: `Reject ${number(many)}`,
      kind: "bad",
      focus: reason,
    });
    if (!yes || !reason.value) return;
    await reject(() =>
      api.post(`/api/regions/${region.id}/bulk-rejections/`, {
        query: query.toString(),
        items,
        expected: many,
        reason: reason.value,
        comment: comment.value.trim(),
        idempotency_key: freshKey(),
      }),
    );
  }

  byId("reject-chosen").addEventListener("click", () => ask(chosen.size, new URLSearchParams(), [...chosen.keys()]));
  const give = oneAtATime(async () => {
    try {
      if (!(await giveItems(region, [...chosen.keys()]))) return;
      chosen.clear();
      draw();
      onDone();
    } catch (error) {
      notifyError(error);
    }
  });
  byId("give-chosen").addEventListener("click", give);
  const rejectAll = oneAtATime(async () => {
    const asked = filters(); // the form may say otherwise by the time that they are counted
    try {
      const { lots } = await api.get(`/api/regions/${region.id}/changes/lots/?${asked}`);
      const only = asked.get("lot");
      const many = lots.filter(({ lot }) => !only || lot === only).reduce((sum, { open }) => sum + open, 0);
      if (many && !lots.some(({ more }) => more)) await ask(many, asked, null);
      else notify(many ? "Too many for one go: narrow the filter." : "Nothing open fits the filter.", { kind: "warn" });
    } catch (error) {
      notifyError(error);
    }
  });
  byId("reject-all").addEventListener("click", rejectAll);
  byId("choose-none").addEventListener("click", () => {
    chosen.clear();
    draw();
    document.querySelectorAll("#rows input[type=checkbox]").forEach((box) => {
      box.checked = false;
    });
  });
  byId("undo-last").addEventListener("click", () => undo(last));
  bar.hidden = false;
  fill(byId("bulk-count"));
  draw();
  recall({ offering: true });

  return {
    choose(change, on) {
      if (on) chosen.set(change.item, change);
      else chosen.delete(change.item);
      draw();
    },
    chosen: (change) => chosen.has(change.item),
  };
}
