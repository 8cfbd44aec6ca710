/** The page of webhooks: who is told of what, and deliveries that were given up, to be sent again. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { moment, number } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

const SHOWN = 100;
/** The server counts no further. */
const COUNTED = 10_000;
const counted = (count) => (count < COUNTED ? number(count) : `${number(COUNTED)} or more`);
const button = (text, run, label = text) =>
  el("button", { type: "button", class: "button button-small", text, "aria-label": label, on: { click: run } });

async function attempt(work, said) {
  try {
    await work();
    if (said) notify(said);
  } catch (error) {
    notifyError(error);
  }
  await load();
}

async function remove(hook) {
  const sure = await confirmDialog({
    title: "Remove this webhook?",
    text: "What waits for it is not sent any more.",
    yes: "Remove it",
  });
  if (sure) await attempt(() => api.delete(`/api/webhooks/${hook.id}/`));
}

/** What was given up, each with why. */
function givenUp(hook) {
  const list = el("ul", { class: "stack" });
  const line = (one) =>
    el(
      "li",
      { class: "toolbar" },
      el("span", { text: `${one.event}, ${moment(one.created_at)}: ${one.problem}` }),
      button(
        "Send again",
        () => attempt(() => api.post(`/api/webhook-deliveries/${one.id}/again/`), "It goes out within a minute."),
        `Send again: ${one.event}, ${moment(one.created_at)}`,
      ),
    );
  const details = el("details", { class: "more" }, el("summary", { text: `${counted(hook.dead)} given up` }), list);
  details.addEventListener("toggle", async () => {
    if (!details.open || list.firstChild) return;
    try {
      const rows = await api.all(`/api/webhooks/${hook.id}/deliveries/?state=dead&page_size=${SHOWN}`, SHOWN);
      fill(list, ...rows.map(line));
    } catch (error) {
      notifyError(error);
    }
  });
  return details;
}

const EVENTS = ["decided", "exported", "uploaded"];

/** Its address, secret and events, to be changed; an empty secret stays as it is. */
function changeForm(hook) {
  const id = (name) => `hook-${hook.id}-${name}`;
  const form = el(
    "form",
    { class: "form", id: id("form"), novalidate: true },
    el(
      "div",
      { class: "field" },
      el("label", { for: id("url"), text: "Address" }),
      el("input", { id: id("url"), name: "url", value: hook.url, maxlength: 500, autocomplete: "off" }),
    ),
    el(
      "div",
      { class: "field" },
      el("label", { for: id("secret"), text: "New secret" }),
      el("input", {
        id: id("secret"),
        name: "secret",
        type: "password",
        maxlength: 200,
        autocomplete: "new-password",
      }),
      el("span", { class: "hint", text: "Left empty: it stays as it is." }),
    ),
    el(
      "fieldset",
      { class: "field" },
      el("legend", { text: "Events" }),
      ...EVENTS.map((event) =>
        el(
          "label",
          { class: "check" },
          el("input", { type: "checkbox", name: "events", value: event, checked: hook.events.includes(event) }),
          el("span", { text: event }),
        ),
      ),
    ),
    el("div", { class: "form-end" }, el("button", { type: "submit", class: "button button-small", text: "Save" })),
  );
  onSubmit(form, async () => {
    const data = new FormData(form);
    const secret = data.get("secret") ? { secret: data.get("secret") } : {};
    const changed = { url: data.get("url").trim(), events: data.getAll("events"), ...secret };
    await api.patch(`/api/webhooks/${hook.id}/`, changed);
    notify("The webhook is changed.");
    await load();
  });
  return el("details", { class: "more" }, el("summary", { text: "Change it" }), form);
}

const card = (hook) =>
  el(
    "article",
    { class: "card stack" },
    el(
      "div",
      { class: "card-head" },
      el("h3", { text: new URL(hook.url).host }),
      el("span", {
        class: hook.active ? "badge badge-good" : "badge badge-plain",
        text: hook.active ? "On" : "Off",
      }),
    ),
    el("p", { class: "small" }, el("code", { text: hook.url })),
    el("p", {
      class: "muted small",
      text: `${hook.events.join(", ")}; ${hook.region_name ?? "every region"}; ${counted(hook.waiting)} ${hook.waiting === 1 ? "delivery" : "deliveries"} waiting`,
    }),
    hook.waiting > 0 &&
      hook.problem &&
      el("p", { class: "note note-bad small", text: `Not taken so far: ${hook.problem}. It is tried again.` }),
    hook.dead > 0 && givenUp(hook),
    changeForm(hook),
    el(
      "div",
      { class: "toolbar" },
      button(hook.active ? "Switch off" : "Switch on", () =>
        attempt(() => api.patch(`/api/webhooks/${hook.id}/`, { active: !hook.active })),
      ),
      button("Remove", () => remove(hook)),
    ),
  );

async function load() {
  try {
    const hooks = await api.all("/api/webhooks/");
    fill(byId("webhooks"), ...(hooks.length ? hooks.map(card) : [el("p", { class: "muted", text: "None yet." })]));
  } catch (error) {
    notifyError(error);
  }
}

onSubmit(byId("webhook-form"), async (form) => {
  const data = new FormData(form);
  await api.post("/api/webhooks/", {
    url: data.get("url").trim(),
    secret: data.get("secret"),
    region: data.get("region") ? Number(data.get("region")) : null,
    events: data.getAll("events"),
  });
  form.reset();
  notify("The webhook is registered.");
  await load();
});
load();
