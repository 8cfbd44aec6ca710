/** The upload of a changeset: what would be sent and as whom, what stands against it, how far it is, its receipts. */
import { api } from "mapwright/lib/api.js";
import { el, facts, refill } from "mapwright/lib/dom.js";
import { moment, plural } from "mapwright/lib/format.js";
import { askDialog, confirmDialog } from "mapwright/lib/forms.js";
import { cancelJob, followJob, jobProgress } from "mapwright/lib/jobs.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { receiptsTable } from "mapwright/edits/receipts.js";

const STATES = {
  done: ["badge badge-good", "In the map"],
  conflicted: ["badge badge-warn", "The map changed: nothing was taken"],
  failed: ["badge badge-bad", "Nothing was taken"],
};
const NOTHING_SENT = ["prepared", "opening", "open"];
const host = (url) => new URL(url).host;
const button = (text, run, kind = "") =>
  el("button", { type: "button", class: `button button-small ${kind}`.trim(), text, on: { click: run } });

const list = (kind, title, reasons) =>
  el(
    "div",
    { class: `note note-${kind}` },
    el("strong", { text: title }),
    el("ul", {}, ...reasons.map(({ detail }) => el("li", { text: detail }))),
  );

const sends = ({ creates, modifies, deletes }) =>
  [
    creates && `${plural(creates, "new element")}`,
    modifies && `${plural(modifies, "changed one")}`,
    deletes && `${plural(deletes, "deleted one")}`,
  ]
    .filter(Boolean)
    .join(", ") || "nothing";

/**
 * @param {{changeset: Object, person: Object, onChange: Function, compare: Function}} options `onChange` hears of what changes the
 *   changeset's card, `compare` shows an edit beside what the map's server has
 */
export function uploadPanel({ changeset, person, onChange, compare }) {
  const panel = el("section", { class: "stack upload", "aria-label": `Upload of changeset ${changeset.id}` });
  const path = `/api/changesets/${changeset.id}/upload/`;
  let stop = () => {};
  let drawnFor = "";

  async function attempt(work, after = draw) {
    try {
      await work();
    } catch (error) {
      notifyError(error);
    }
    await after();
  }

  async function send(told) {
    const sure = await askDialog({
      title: `Upload changeset ${changeset.id} to the map?`,
      body: [
        facts([
          ["Server", host(told.server)],
          ["As", told.account],
          ["Comment", changeset.comment],
          ["Sends", sends(told)],
        ]),
        ...(told.warnings.length ? [list("warn", "Look at this first", told.warnings)] : []),
        el("p", { text: "What is in the map is public at once, under your name there." }),
      ],
      yes: "Upload",
    });
    if (sure) await attempt(() => api.post(path), onChange);
  }

  async function drop({ change }) {
    await api.delete(`/api/changesets/${changeset.id}/edits/${change}/`);
    notify("The edit is dropped; its change stays accepted.");
  }

  /** Ask the map's server what became of it; where reading does not tell, the admin says so. */
  async function settle(upload, outcome) {
    const url = `/api/uploads/${upload.id}/settle/`;
    try {
      await api.post(url, outcome ? { outcome } : {});
    } catch (error) {
      if (!error.data?.choose) throw error;
      const choice = el(
        "select",
        { "aria-label": "Are the edits in the map?" },
        el("option", { value: "failed", text: "No: the map took nothing" }),
        el("option", { value: "done", text: "Yes: they are in the map" }),
      );
      const body = [
        el("p", { text: error.message }),
        el("p", {}, el("a", { href: upload.url, text: `Changeset ${upload.osm_changeset}` })),
        choice,
      ];
      if (await askDialog({ title: "Settle this upload?", body, yes: "Settle", focus: choice }))
        await settle(upload, choice.value);
    }
  }

  function ended(upload) {
    const { problem } = upload;
    return [
      problem && el("p", { class: "note note-warn", text: problem.detail }),
      changeset.items.some(({ change }) => change === problem?.change) &&
        person.editor &&
        el(
          "div",
          { class: "toolbar" },
          button("Compare with the map", () => compare(problem.change)),
          button("Drop this edit", () => attempt(() => drop(problem), onChange)),
        ),
      upload.state === "done" && receiptsTable(upload),
    ];
  }

  /** An upload under way: its job's progress, and what a person may do once the job stopped. */
  function underWay(upload) {
    const place = el("div");
    const mine = person.admin || upload.user === person.name;
    const acts = () => [
      button("Go on", () => attempt(() => api.post(`/api/uploads/${upload.id}/resume/`)), "button-main"),
      NOTHING_SENT.includes(upload.state) &&
        button("Give it up", async () => {
          const text = "The map took nothing of it; the changeset may be changed again.";
          if (await confirmDialog({ title: "Give this upload up?", text, yes: "Give it up" }))
            await attempt(() => api.post(`/api/uploads/${upload.id}/give-up/`), onChange);
        }),
      person.admin && upload.state === "sending" && button("Settle…", () => attempt(() => settle(upload), onChange)),
    ];
    stop();
    stop = followJob(
      upload.job_id,
      (job) => {
        const over = ["failed", "cancelled"].includes(job.state);
        refill(
          place,
          jobProgress(job, { onCancel: person.admin ? cancelJob : undefined }),
          over && mine && el("div", { class: "toolbar" }, ...acts()),
        );
      },
      { onEnd: (job) => followed(job, upload), within: panel },
    );
    return place;
  }

  /** Once a job: where the upload ended, the card has to say so; what may be done with one that stopped is drawn anew. */
  async function followed(job, upload) {
    if (drawnFor === job.id) return;
    drawnFor = job.id;
    let over = false;
    await attempt(
      async () => ({ ended: over } = await api.get(`/api/uploads/${upload.id}/`)),
      () => (over ? onChange() : draw()),
    );
  }

  function entry(upload) {
    const [className, text] = STATES[upload.state] ?? ["badge badge-busy", "On its way"];
    return el(
      "article",
      { class: "stack upload-entry" },
      el(
        "div",
        { class: "toolbar" },
        el("span", { class: className, text }),
        upload.url && el("a", { href: upload.url, text: `Changeset ${upload.osm_changeset} on ${host(upload.url)}` }),
        el("span", { class: "muted small", text: `${moment(upload.created_at)}, as ${upload.osm_name}` }),
      ),
      ...(upload.ended ? ended(upload) : [underWay(upload)]),
    );
  }

  function offer(told) {
    const here = encodeURIComponent(location.pathname + location.search);
    const other = told.why_not.filter(({ code }) => code !== "signed_out");
    return [
      told.server &&
        facts([
          ["Server", host(told.server)],
          ["As", told.account ?? "nobody is signed in there"],
          ["Sends", sends(told)],
        ]),
      other.length > 0 && list("warn", "It can't be uploaded yet", other),
      el(
        "div",
        { class: "toolbar" },
        told.may && button("Upload to the map…", () => send(told)),
        told.server &&
          !told.account &&
          el("a", {
            class: "button button-small",
            href: `/osm/sign-in/?next=${here}`,
            text: `Sign in at ${host(told.site)}`,
          }),
        told.account && button("Sign out there", () => attempt(() => api.delete("/api/osm-account/"))),
      ),
    ];
  }

  async function draw() {
    try {
      const told = await api.get(path);
      const bound = told.uploads.some(({ state }) => !["conflicted", "failed"].includes(state));
      if (!told.server && !told.uploads.length) {
        refill(panel, el("p", { class: "muted small", text: told.why_not[0].detail }));
        return;
      }
      refill(
        panel,
        el("h3", { text: "Upload" }),
        ...told.uploads.map(entry),
        ...(bound || !person.editor ? [] : offer(told)),
      );
    } catch (error) {
      notifyError(error);
    }
  }

  draw();
  return panel;
}
