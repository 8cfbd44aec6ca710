/** Filters kept by name: chosen from, saved, shared, their feeds and alerts. */
import { api } from "mapwright/lib/api.js";
import { byId, el, refill } from "mapwright/lib/dom.js";
import { askDialog, confirmDialog } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { latest } from "mapwright/lib/once.js";

/**
 * @param {Object} options
 * @param {Object} options.region
 * @param {() => URLSearchParams} options.filters those of the list now
 * @param {(filters: URLSearchParams) => void} options.onChoose
 */
export function createSavedFilters({ region, filters, onChoose }) {
  const list = byId("saved-filters");
  const begin = latest();
  const path = `/api/regions/${region.id}/changes/filters/`;

  const box = (id, text, checked = false) => {
    const input = el("input", { type: "checkbox", id });
    input.checked = checked;
    return [input, el("p", {}, el("label", {}, input, ` ${text}`))];
  };

  async function save(kept = null) {
    const name = el("input", { class: "control", id: "filter-name", maxlength: "80", required: true });
    name.value = kept?.name ?? "";
    const [shared, sharedRow] = box("filter-shared", "Others who see this region find it too", kept?.shared);
    const [alert, alertRow] = box("filter-alert", "E-mail me what is new in it, at most once an hour", kept?.alert);
    const yes = await askDialog({
      title: kept ? "Change the filter" : "Save this filter",
      body: [
        el("p", { class: "field" }, el("label", { for: "filter-name", text: "Name" }), name),
        sharedRow,
        alertRow,
        kept
          ? el("p", {
              class: "muted small",
              text: "It keeps what it shows; save another one for what the list shows now.",
            })
          : null,
      ].filter(Boolean),
      yes: "Save",
      focus: name,
    });
    if (!yes) return;
    const query = kept ? kept.query : filters().toString();
    const body = { name: name.value.trim(), query, shared: shared.checked, alert: alert.checked };
    await (kept ? api.put(`/api/change-filters/${kept.id}/`, body) : api.post(path, body));
    notify(`Saved as “${body.name}”.`, { kind: "good" });
  }

  async function feeds(kept) {
    const links = kept.feeds
      ? Object.entries(kept.feeds).map(([form, url]) =>
          el("p", {}, el("a", { href: url, text: form === "json" ? "JSON Feed" : form.toUpperCase() })),
        )
      : [el("p", { text: "It has no feed yet." })];
    const yes = await askDialog({
      title: `Feed of “${kept.name}”`,
      body: [
        el("p", { text: "Whoever has an address reads the feed without signing in. A new one makes it worthless." }),
        ...links,
      ],
      yes: kept.feeds ? "New addresses" : "Make its addresses",
    });
    if (!yes) return;
    const renewed = await api.post(`/api/change-filters/${kept.id}/feed/`);
    await load();
    await feeds(renewed);
  }

  async function forget(kept) {
    const yes = await confirmDialog({
      title: `Forget “${kept.name}”?`,
      text: "Its feed and its alerts end.",
      yes: "Forget it",
      kind: "bad",
    });
    if (yes) await api.delete(`/api/change-filters/${kept.id}/`);
  }

  const act = (text, kept, run) =>
    el("button", {
      type: "button",
      class: "button button-small",
      text,
      "aria-label": `${text}: ${kept.name}`,
      on: { click: () => run(kept).then(load).catch(notifyError) },
    });

  function row(kept) {
    const mine = kept.mine ? [act("Feed", kept, feeds), act("Change", kept, save), act("Forget", kept, forget)] : [];
    return el(
      "li",
      {},
      el("button", {
        type: "button",
        class: "link-button",
        text: kept.name,
        on: { click: () => onChoose(new URLSearchParams(kept.query)) },
      }),
      el("span", { class: "muted small", text: kept.mine ? (kept.shared ? "shared" : "") : `of ${kept.owner}` }),
      kept.alert ? el("span", { class: "muted small", text: "alerts on" }) : null,
      ...mine,
    );
  }

  async function load() {
    const timely = begin();
    const found = await api.get(path);
    if (!timely()) return;
    refill(list, ...found.map(row));
    if (!found.length) list.append(el("li", { class: "muted small", text: "None yet: set a filter, then save it." }));
    byId("saved-count").textContent = found.length ? ` (${found.length})` : "";
  }

  byId("save-filter").addEventListener("click", () => save().then(load).catch(notifyError));
  load().catch(notifyError);
}
