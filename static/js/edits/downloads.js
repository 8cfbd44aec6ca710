/** The files of a changeset: what osmChange can say by now, what it said before, and everything as GeoJSON. */
import { el } from "mapwright/lib/dom.js";
import { plural } from "mapwright/lib/format.js";

export function downloads(changeset, detail, person) {
  if (!person.editor) return el("p", { class: "muted small", text: "Editors download the files." });
  const path = `/api/changesets/${changeset.id}`;
  const out = new Set([...detail.refused, ...detail.conflicts].map((one) => one.change)).size;
  const all = out === detail.items.length;
  const uploaded = el("a", {
    class: "button button-small",
    href: `${path}/edits.osc?as_exported=true`,
    download: true,
    text: "osmChange as uploaded",
    title: "For the record. What is in the map by now must not be uploaded again.",
  });
  const osc = out
    ? el("a", {
        class: "button button-small",
        href: `${path}/edits.osc?skip_refused=true&skip_conflicts=true`,
        download: true,
        text: `osmChange without ${plural(out, "edit")}`,
        hidden: all,
      })
    : el("a", {
        class: "button button-small button-main",
        href: `${path}/edits.osc`,
        download: true,
        text: "Download osmChange (.osc)",
      });
  const before =
    detail.exported_at &&
    out > 0 &&
    el("a", {
      class: "button button-small",
      href: `${path}/edits.osc?as_exported=true`,
      download: true,
      text: "osmChange as exported before",
      title: "For the record. What is in the map by now must not be uploaded again.",
    });
  return el(
    "div",
    { class: "toolbar" },
    ...(detail.uploaded ? [uploaded] : [osc, before]),
    el("a", { class: "button button-small", href: `${path}/edits.geojson`, download: true, text: "Download GeoJSON" }),
  );
}
