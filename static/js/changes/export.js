/** The list of changes as files, with the filters it is shown by. */
import { fill } from "mapwright/lib/dom.js";
import { exportList, fileLine } from "mapwright/lib/exports.js";

const FORMS = [
  ["csv", "CSV", "For spreadsheets: a line for each change with its place, kind, confidence and answer."],
  ["gpkg", "GeoPackage", "For QGIS and other desktops: shapes in a table."],
  ["geojson", "GeoJSON", "For anything that draws maps."],
  ["coco.json", "COCO", "For training elsewhere: shapes in pixels of their tiles, with licences."],
];

/** Draw the files of a region's list into `place`; `query` is what the list is narrowed by. */
export function drawExports(place, region, query) {
  const wished = new URLSearchParams(query);
  wished.delete("ordering");
  const asked = wished.size ? `?${wished}` : "";
  const lines = FORMS.map(([ending, text, about]) =>
    fileLine(`/api/regions/${region}/changes.${ending}${asked}`, text, about),
  );
  fill(place, exportList("Files", lines));
}
