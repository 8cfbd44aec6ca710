/** Export of a changeset: a line for each file and tool that says what it is for. */
import { el } from "mapwright/lib/dom.js";
import { exportList, fileLine } from "mapwright/lib/exports.js";
import { plural } from "mapwright/lib/format.js";
import { editorLinks } from "mapwright/edits/editor-links.js";

/** Lines of what carries edits with versions; without the edits that osmChange can't say or the map contradicts. */
function edits(changeset, path, out) {
  const some = out ? "skip_refused=true&skip_conflicts=true" : "";
  const left = out ? ` without ${plural(out, "edit")}` : "";
  return [
    fileLine(
      `${path}/edits.osc${some && `?${some}`}`,
      out ? `osmChange${left}` : "Download osmChange (.osc)",
      "For JOSM and uploads to OSM: versions as they are now, new elements with negative ids.",
      !out,
    ),
    fileLine(
      `${path}/edits.osm${some && `?${some}`}`,
      `JOSM file (.osm)${left}`,
      "For JOSM alone: opens with the nodes around and the comment filled in, and asks before it uploads.",
    ),
    fileLine(
      `${path}/edits.osc?tool=copy${some && `&${some}`}`,
      `osmChange for a copy${left}`,
      "For a copy of the map, never for OSM itself: osmium apply-changes, osmosis, osm2pgsql --append.",
    ),
    fileLine(
      `${path}/maproulette.geojson${some && `?${some}`}`,
      `MapRoulette${left}`,
      "A cooperative challenge: a task for each edit that another mapper looks at and uploads with JOSM.",
    ),
  ];
}

export function downloads(changeset, detail, person) {
  if (!person.editor) return el("p", { class: "muted small", text: "Editors download the files." });
  const path = `/api/changesets/${changeset.id}`;
  const list = `/api/regions/${changeset.region}/changes`;
  const out = new Set([...detail.refused, ...detail.conflicts].map((one) => one.change)).size;
  const all = out === detail.items.length;
  return el(
    "section",
    { class: "stack", "aria-label": "Export" },
    el("h4", { text: "Export" }),
    exportList("Files", [
      ...(all || detail.uploaded ? [] : edits(changeset, path, out)),
      (detail.uploaded || (detail.exported_at && out > 0)) &&
        fileLine(
          `${path}/edits.osc?as_exported=true`,
          detail.uploaded ? "osmChange as uploaded" : "osmChange as exported before",
          "For the record. What is in the map by now must not be uploaded again.",
        ),
      fileLine(`${path}/edits.geojson`, "Download GeoJSON", "For anything that draws maps: shapes and tags, no edits."),
      fileLine(
        `${list}.gpkg?changeset=${changeset.id}`,
        "GeoPackage",
        "For QGIS and other desktops: shapes in a table.",
      ),
      fileLine(`${list}.csv?changeset=${changeset.id}`, "CSV", "For spreadsheets: places, kinds and answers."),
    ]),
    all || detail.uploaded ? null : editorLinks(changeset, out),
  );
}
