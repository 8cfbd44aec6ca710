/** Which imagery and which map the region works with, why, and, for admins, the choice of another one. */
import { api } from "mapwright/lib/api.js";
import { el } from "mapwright/lib/dom.js";
import { day } from "mapwright/lib/format.js";
import { notify, notifyError } from "mapwright/lib/notices.js";
import { sourceBadge, sourceFacts, warningsNote } from "mapwright/sources/source-card.js";

const KINDS = {
  imagery: {
    label: "Imagery to use",
    pin: "pinned_imagery",
    used: "imagery",
    date: (source) => source.captured_on,
    after: "",
  },
  snapshots: {
    label: "Map to use",
    pin: "pinned_snapshot",
    used: "snapshot",
    date: (source) => source.taken_at,
    after: " Suggestions of older maps that it says already leave the queue.",
  },
};

const named = (source, kind) => `${source.original_name} (${day(KINDS[kind].date(source), "no date")})`;

/** A list of what is ready, the newest by itself on top; choosing saves at once. */
function choice({ region, summary, sources, kind, refresh }) {
  const { label, pin } = KINDS[kind];
  const id = `use-${kind}`;
  const options = [["", "The newest"], ...sources.map((source) => [String(source.id), named(source, kind)])];
  const list = el("select", { id }, ...options.map(([value, text]) => el("option", { value, text })));
  list.value = String(summary[pin] ?? "");
  list.addEventListener("change", async () => {
    list.disabled = true;
    try {
      await api.patch(`/api/regions/${region.id}/`, { [pin]: list.value ? Number(list.value) : null });
      notify(`Used from now on. Run the main job again to compare with it.${list.value ? KINDS[kind].after : ""}`);
    } catch (error) {
      notifyError(error);
    }
    await refresh();
    document.getElementById(id)?.focus();
  });
  return el("div", { class: "field" }, el("label", { for: id, text: label }), list);
}

function part({ region, person, summary, refresh }, sources, kind) {
  const ready = sources.filter((source) => source.state === "ready");
  const used = ready.find((source) => source.id === summary[KINDS[kind].used]);
  const shown = used ?? sources[0];
  if (!shown) return null;
  const pinned = used && summary[KINDS[kind].pin] === used.id;
  const why =
    used &&
    el("p", {
      class: "muted small",
      data: { used: kind },
      text: pinned ? "In use: chosen by an admin" : "In use: the newest",
    });
  const waiting =
    used && sources[0].state !== "ready"
      ? el("p", { class: "small" }, `${sources[0].original_name} `, sourceBadge(sources[0].state))
      : null;
  return el(
    "div",
    { class: "small-source" },
    el(
      "div",
      { class: "card-head" },
      el("strong", { class: "small", text: shown.original_name }),
      sourceBadge(shown.state),
    ),
    why,
    sourceFacts(shown, kind),
    warningsNote(shown.warnings),
    shown.error ? el("p", { class: "note note-bad", text: shown.error.detail }) : null,
    waiting,
    person.admin && ready.length > 1 ? choice({ region, summary, sources: ready, kind, refresh }) : null,
  );
}

/** The parts to show, one per kind; a line of text where there is nothing yet. */
export function sourcesInUse(state) {
  const parts = [part(state, state.imagery, "imagery"), part(state, state.snapshots, "snapshots")].filter(Boolean);
  return parts.length ? parts : [el("p", { class: "muted small", text: "None yet." })];
}
