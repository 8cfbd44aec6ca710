/** A page's list of batches and its form to start one, of whatever stage. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { confirmDialog, held, onSubmit, values } from "mapwright/lib/forms.js";
import { firstLoad } from "mapwright/lib/first-load.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest, oneAtATime } from "mapwright/lib/once.js";
import { changePeople } from "mapwright/review/batch-people.js";

/**
 * Fill `#batches`, with `#more` below it, and bind the form `#start`.
 * @param {Object} options
 * @param {string} options.base address of the region's batches in the API
 * @param {(id) => string} options.pathOf address of one of them
 * @param {string} options.stage whose colleagues may be asked
 * @param {number} options.region
 * @param {(batch, handlers) => HTMLElement} options.card
 * @param {string} options.empty what stands there while there is no batch
 * @param {[string, string]} options.what what is drawn, one and many
 * @returns {{reload: Function, bindStart: Function}}
 */
export function createBatchList({ base, pathOf, stage, region, card, empty, what }) {
  const begin = latest();
  let now = begin(); // of the list: a page of an earlier one comes too late
  let next = null;

  async function load(path, fresh) {
    const timely = fresh ? begin() : now;
    now = timely;
    const answer = await api.get(path);
    if (!timely()) return;
    if (fresh) byId("batches").replaceChildren();
    byId("batches").append(...answer.results.map((batch) => card(batch, { onClose: close, onPeople: choosePeople })));
    next = answer.next;
    byId("more").hidden = !next;
    if (!byId("batches").children.length)
      byId("batches").append(
        el("div", { class: "empty" }, el("h3", { text: "No batch yet" }), el("p", { text: empty })),
      );
  }

  const reload = () => load(`${base}?page_size=6`, true).catch(notifyError);

  const choosePeople = oneAtATime(async (batch) => {
    try {
      if (await changePeople(batch, { stage, region, path: pathOf(batch.id) })) await reload();
    } catch (error) {
      notifyError(error);
    }
  });

  async function close(batch) {
    const sure = await confirmDialog({
      title: `Close ${batch.name}?`,
      text: `${plural(batch.progress.open, "unanswered item leaves", "unanswered items leave")} the queue. Answers stay, and count.`,
      yes: "Close it",
    });
    if (!sure) return;
    try {
      await api.post(`${pathOf(batch.id)}close/`);
      await reload();
    } catch (error) {
      notifyError(error);
    }
  }

  /**
   * Who may be asked, and what a click on "Start" sends: `more(values)` besides what every stage asks. It can be pressed once there
   * is everything to choose from: the people, and what `ready` waits for.
   */
  async function bindStart({ words, show, more, ready }) {
    const drawPlan = () => {
      const plan = byId("start-plan").value;
      byId("plan-words").textContent = words[plan];
      byId("number-field").hidden = plan === "all";
      show?.(plan);
    };
    drawPlan();
    byId("start-plan").addEventListener("change", drawPlan);
    const asked = firstLoad(() => api.get(`/api/review/${stage}/people/?region=${region}`), byId("start"));
    const [people] = await Promise.all([asked, ready]);
    fill(
      byId("start-people"),
      ...people.map(({ id, username }) => el("option", { value: String(id), text: username })),
    );
    onSubmit(byId("start"), async (form) => {
      const given = values(form);
      const chosen = [...byId("start-people").selectedOptions].map((option) => Number(option.value));
      const batch = await api.post(base, {
        name: given.name,
        plan: given.plan,
        number: Number(given.number),
        second_share: Number(given.second) / 100,
        people: chosen,
        open_to_all: !chosen.length,
        ...more(given),
      });
      notify(`${batch.name}: ${plural(batch.size, ...what)} wait for review.`);
      form.reset();
      drawPlan();
      await reload();
    });
  }

  const more = byId("more");
  const loadMore = () => load(new URL(next).pathname + new URL(next).search, false);
  more.addEventListener("click", () => held(more, loadMore).catch(notifyError));
  return { reload, bindStart };
}
