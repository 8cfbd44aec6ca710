/** The page of uploads: what became of each in the map, who changed it, and what is said of it. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill, pageData } from "mapwright/lib/dom.js";
import { moment, plural } from "mapwright/lib/format.js";
import { followJob } from "mapwright/lib/jobs.js";
import { notifyError } from "mapwright/lib/notices.js";

const { region } = pageData();
const person = pageData("person");
const SHOWN = 200;
const FATES = {
  edited: ["badge badge-warn", "edited again"],
  deleted: ["badge badge-bad", "deleted"],
  reverted: ["badge badge-bad", "reverted"],
};

/** What no longer stands as it was sent, each with its history and who changed it. */
function changed(upload) {
  const site = new URL(upload.url).origin;
  const place = el("div");
  const row = ({ kind, old_id: old, new_id: now, fate, ...theirs }) =>
    el(
      "tr",
      {},
      el(
        "td",
        {},
        el("a", { href: `${site}/${kind}/${now ?? old}/history` }, el("code", { text: `${kind}/${now ?? old}` })),
      ),
      el("td", { text: FATES[fate][1] }),
      el("td", { class: "number", text: theirs.their_version }),
      el("td", { text: theirs.their_user }),
      el("td", {}, el("a", { href: `${site}/changeset/${theirs.their_changeset}`, text: theirs.their_changeset })),
    );
  const details = el("details", { class: "more" }, el("summary", { text: "What changed, and by whom" }), place);
  details.addEventListener("toggle", async () => {
    if (!details.open || place.firstChild) return;
    try {
      const wanted = Object.keys(FATES)
        .map((fate) => `fate=${fate}`)
        .join("&");
      const rows = await api.all(`/api/uploads/${upload.id}/receipts/?${wanted}&page_size=${SHOWN}`, SHOWN);
      const heads = ["Element", "Now", "Version", "By", "Changeset"].map((text) =>
        el("th", { scope: "col", class: text === "Version" && "number", text }),
      );
      fill(
        place,
        el(
          "div",
          { class: "table-scroll changeset-items", tabindex: "0", role: "region", "aria-label": "What changed" },
          el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows.map(row))),
        ),
      );
    } catch (error) {
      notifyError(error);
    }
  });
  return details;
}

const talk = (comments) =>
  el(
    "ul",
    { class: "stack", "aria-label": "Comments" },
    ...comments.map(({ at, user, text }) =>
      el(
        "li",
        {},
        el("strong", { text: user || "somebody" }),
        el("span", { class: "muted", text: `, ${moment(at)}: ` }),
        text,
      ),
    ),
  );

function askButton(upload) {
  const button = el("button", { type: "button", class: "button button-small", text: "Ask the map now" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "Asking…";
    try {
      const { job_id: id } = await api.post(`/api/uploads/${upload.id}/watch/`);
      const onEnd = async (job) => {
        if (job.error_detail) notifyError(new Error(job.error_detail));
        await load();
      };
      followJob(id, () => {}, { onEnd });
    } catch (error) {
      notifyError(error);
      button.disabled = false;
      button.textContent = "Ask the map now";
    }
  });
  return button;
}

function card(upload) {
  const fates = Object.entries(FATES).filter(([fate]) => upload[fate] > 0);
  const stands = upload.watched_at && !fates.length;
  return el(
    "article",
    { class: "card stack", "aria-label": `Upload ${upload.id}` },
    el(
      "div",
      { class: "card-head" },
      el("h2", { text: upload.comment }),
      stands && el("span", { class: "badge badge-good", text: "Stands as it was sent" }),
      ...fates.map(([fate, [className, text]]) => el("span", { class: className, text: `${upload[fate]} ${text}` })),
    ),
    el(
      "p",
      { class: "muted small" },
      el("a", { href: upload.url, text: `Changeset ${upload.osm_changeset}` }),
      `, ${moment(upload.done_at)}, as ${upload.osm_name}, ${plural(upload.receipts, "element")}; `,
      upload.watched_at ? `asked ${moment(upload.watched_at)}` : "not asked yet",
    ),
    upload.comments.length > 0 && talk(upload.comments),
    fates.length > 0 && changed(upload),
    person.editor && el("div", { class: "toolbar" }, askButton(upload)),
  );
}

async function load() {
  try {
    const uploads = await api.all(`/api/regions/${region.id}/uploads/`, SHOWN);
    fill(
      byId("uploads"),
      ...(uploads.length
        ? uploads.map(card)
        : [el("p", { class: "muted", text: "Nothing was uploaded from here yet." })]),
    );
  } catch (error) {
    notifyError(error);
  }
}

load();
