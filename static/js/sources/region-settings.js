/** Settings of a region, for admins: its name, who works on it, and its end. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";
import { confirmDialog, onSubmit } from "mapwright/lib/forms.js";
import { notify, notifyError } from "mapwright/lib/notices.js";

export function bindSettings(region) {
  const base = `/api/regions/${region.id}`;
  const settings = document.getElementById("region-settings");
  if (!settings) return;

  async function drawMembers() {
    const members = await api.all(`${base}/members/`);
    const row = (one) =>
      el(
        "li",
        {},
        el("span", {}, one.username, el("span", { class: "muted", text: `, ${one.role}` })),
        el("button", {
          type: "button",
          class: "button button-small",
          text: "Remove",
          "aria-label": `Remove ${one.username}`,
          on: { click: () => remove(one) },
        }),
      );
    fill(
      byId("members"),
      ...(members.length ? members.map(row) : [el("li", { class: "muted", text: "Nobody but the admins." })]),
    );
  }

  async function remove(one) {
    try {
      await api.delete(`${base}/members/${one.id}/`);
      await drawMembers();
    } catch (error) {
      notifyError(error);
    }
  }

  const second = byId("second-person");
  second.addEventListener("change", async () => {
    second.disabled = true;
    try {
      const told = await api.put(`${base}/second-person/`, { on: second.checked });
      byId("second-person-said").textContent = told.on
        ? `${plural(told.waiting, "accepted removal")} in no changeset now ${told.waiting === 1 ? "waits" : "wait"} for somebody else.`
        : "What one person accepted counts.";
    } catch (error) {
      second.checked = !second.checked;
      notifyError(error);
    } finally {
      second.disabled = false;
    }
  });
  settings.addEventListener("toggle", () => settings.open && drawMembers().catch(notifyError));
  onSubmit(byId("region-name-form"), async (form) => {
    const changed = await api.patch(`${base}/`, {
      name: form.elements.namedItem("name").value.trim(),
      open_to_all: form.open_to_all.checked,
      confirm_standing: form.confirm_standing.checked,
    });
    for (const node of document.querySelectorAll("[data-region-name]")) node.textContent = changed.name;
    notify("The region's settings are saved.");
  });
  onSubmit(byId("member-form"), async (form) => {
    await api.post(`${base}/members/`, { username: form.username.value.trim() });
    form.reset();
    await drawMembers();
  });
  byId("delete-region").addEventListener("click", async () => {
    const sure = await confirmDialog({
      title: `Delete ${region.name}?`,
      text: "Its sources, models, decisions and edits go with it. This can't be taken back.",
      yes: "Delete it",
      kind: "bad",
    });
    if (!sure) return;
    try {
      await api.delete(`${base}/`);
      location.assign("/");
    } catch (error) {
      notifyError(error);
    }
  });
}
