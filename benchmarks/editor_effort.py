"""What it costs to bring missing buildings into the map: Banepa's queue against drawing the same ones by hand.

    python benchmarks/editor_effort.py [--buildings 40] [--left-out 0.4] [--seed 5]

A seeded part of Banepa's buildings is left out of the map; image and map are imported, and the general model that
ships, which never learnt from Banepa, fills the queue (a first look; nothing is trained). The review page is worked in
Chromium with real keys, surest first, until `--buildings` suggestions are accepted or the queue ends. What is answered
is fixed: a missing building is accepted where it has an IoU of 0.5 or more with a building that was left out and is not
accepted yet; everything else is rejected. Then the buildings that were accepted are drawn on a plain Leaflet page, the
way L.Draw does: a click on the tool, one on every corner of the true outline, one on the first corner again; the map is
put in place for free. Inputs are counted by both pages alike: a key pressed or a pointer pressed.

Figures: `ratio_to_drawing`: inputs of drawing / inputs of the queue for the same buildings, rejections on the way
included; `ratio_accepting_alone`: without the rejections; `inputs_per_building` and `drawing_inputs_per_building`;
`ms_per_building` and `drawing_ms_per_building`, of the pages, without a person's looking (the review page takes no key
in an item's first quarter of a second); `buildings` and `rejected`; `mean_iou` of the accepted shapes with the true
ones, as they leave unadjusted; `suggestions` in the queue; `left_out` of the map.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import review_common as common
import shapely
from common import ROOT, data_folder, write_result

CHROMIUM = os.environ.get("MAPWRIGHT_CHROMIUM", "/usr/bin/chromium")
LEAFLET = ROOT / "node_modules/leaflet/dist"
LEAST_IOU = 0.5
SCREEN = {"width": 1366, "height": 768}
ZOOM = 21
COUNT = """
window.inputs = 0;
for (const name of ["keydown", "pointerdown"])
  addEventListener(name, (event) => { if (!event.repeat) window.inputs += 1; }, { capture: true });
"""
DRAWING = """<!doctype html><title>Drawing</title><style>html, body, #map { height: 100%; margin: 0 }
#tool { position: fixed; z-index: 1000; top: 10px; right: 10px }</style>
<div id="map"></div><button id="tool">Draw a polygon</button>"""
TOOL = """
const map = L.map("map", { doubleClickZoom: false, zoomAnimation: false, fadeAnimation: false, maxZoom: 24 });
map.setView([0, 0], 3);
let corners = null, line = null;
window.drawn = [];
document.getElementById("tool").addEventListener("click", () => { corners = []; line = L.polyline([]).addTo(map); });
map.on("click", ({ latlng }) => {
  if (!corners) return;
  corners.push(latlng);
  line.addLatLng(latlng);
  if (corners.length > 1) return;
  const first = L.circleMarker(latlng, { radius: 5, bubblingMouseEvents: false }).addTo(map);
  first.on("click", () => {
    if (corners.length < 3) return;
    window.drawn.push(L.polygon(corners).addTo(map).toGeoJSON());
    first.remove();
    line.remove();
    corners = null;
  });
});
window.toPage = (lonlats) => lonlats.map(([lon, lat]) => map.latLngToContainerPoint([lat, lon]));
window.lookAt = (lon, lat, zoom) => map.setView([lat, lon], zoom, { animate: false });
"""
SHOWN = """() => document.body.dataset.phase === "reviewing" && !("fresh" in review.dataset) && Number(
  document.querySelector('.exits button[title*="/changes/"]')?.title.match(/changes\\/(\\d+)/)?.[1])"""
OTHER = f"""(before) => {{
  const now = ({SHOWN})();
  return now && now !== before ? now : document.body.dataset.phase === "empty" && -1;
}}"""


@dataclass
class Worked:
    """What one way of working cost, and the true outlines that it brought into the map with their IoU."""

    inputs: int = 0
    seconds: float = 0.0
    rejected: int = 0
    outlines: list[shapely.Polygon] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--buildings", type=int, default=40)
    parser.add_argument("--left-out", type=float, default=0.4, help="share of the buildings that the map lacks")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    with common.own_database("bench_editor_effort") as database, tempfile.TemporaryDirectory() as folder:
        figures = run(options, database, Path(folder))
    write_result("editor_effort", figures, seeds=[options.seed])


def run(options: argparse.Namespace, database: str, folder: Path) -> dict[str, float]:
    """Fill the queue, decide, draw."""
    from django.conf import settings
    from playwright.sync_api import sync_playwright

    from tests.annotation.review.server import WebServer

    settings.MEDIA_ROOT = folder / "media"
    region, missing = region_without(options, folder)
    os.environ["MAPWRIGHT_RUN_DIR"] = str(settings.RUN_DIR)
    environment = {
        "MAPWRIGHT_DB_NAME": database, "MAPWRIGHT_VAR": str(folder / "var"), "MAPWRIGHT_RUN_DIR": str(settings.RUN_DIR),
        "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
    }  # fmt: skip
    common.collect_static(folder / "var")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with WebServer(environment) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu", *as_root])
        ours = decided(browser, url, region, missing, options.buildings)
        drawing = drawn(browser, ours.outlines)
        browser.close()
    from annotation.changes.models import Change

    number = max(len(ours.outlines), 1)
    return {
        "ratio_to_drawing": round(drawing.inputs / max(ours.inputs, 1), 2),
        "ratio_accepting_alone": round(drawing.inputs / number, 2),
        "buildings": len(ours.outlines),
        "rejected": ours.rejected,
        "inputs_per_building": round(ours.inputs / number, 2),
        "drawing_inputs_per_building": round(drawing.inputs / number, 2),
        "ms_per_building": round(1000 * ours.seconds / number),
        "drawing_ms_per_building": round(1000 * drawing.seconds / number),
        "mean_iou": round(sum(ours.ious) / number, 3),
        "suggestions": Change.objects.filter(scan__region=region).count(),
        "left_out": len(missing),
    }


def region_without(options: argparse.Namespace, folder: Path) -> tuple[Any, list[shapely.Polygon]]:
    """A region whose map lacks some of Banepa's buildings, looked at by the general model; and those buildings."""
    from django.core.management import call_command

    from annotation.sources.models import Region
    from mlcore.maps.osm_files import read_map
    from mlcore.synthetic.edit_files import write_map_geojson

    place = data_folder() / "banepa"
    features = read_map(place / "buildings.geojson").features
    whole = [one for one in features if one.kind == "building" and one.geometry.geom_type == "Polygon"]
    left_out = {id(one) for one in random.Random(options.seed).sample(whole, round(options.left_out * len(whole)))}
    write_map_geojson(folder / "map.geojson", [one for one in features if id(one) not in left_out])
    call_command(
        "start_region", name="Banepa", imagery=place / "banepa.tif", map=folder / "map.geojson",
        area=place / "mapped_area.geojson", licence="CC-BY-4.0", attribution="OpenAerialMap contributors / HOT",
        leave_training=True,
    )  # fmt: skip
    return Region.objects.get(name="Banepa"), [one.geometry for one in whole if id(one) in left_out]


def decided(browser: Any, url: str, region: Any, missing: list[shapely.Polygon], wanted: int) -> Worked:
    """The queue worked by keys until enough buildings are accepted."""
    from django.test import override_settings

    from tests.annotation.review.server import SECRET
    from tests.browser.conftest import sign_in
    from tests.factories import UserFactory

    tree, taken, worked = shapely.STRtree(missing), set(), Worked()
    context = browser.new_context(base_url=url, viewport=SCREEN, locale="en-GB")
    with override_settings(SECRET_KEY=SECRET):
        sign_in(context, UserFactory(role="admin"), url)
    page = context.new_page()
    page.add_init_script(COUNT)
    page.goto(f"/regions/{region.pk}/changes/review/")
    change = page.wait_for_function(OTHER, arg=0).json_value()
    page.wait_for_load_state("networkidle")
    start = time.perf_counter()
    while change > 0 and len(worked.outlines) < wanted:
        found = best(change, missing, tree, taken)
        if found is None:
            worked.rejected += 1
        else:
            taken.add(found[0])
            worked.outlines.append(missing[found[0]])
            worked.ious.append(found[1])
        page.keyboard.press("r" if found is None else "a")
        change = page.wait_for_function(OTHER, arg=change).json_value()
    worked.seconds = time.perf_counter() - start
    worked.inputs = page.evaluate("window.inputs")
    page.wait_for_selector("#saved-state[data-state=saved]")
    context.close()
    return worked


def best(
    number: int, missing: list[shapely.Polygon], tree: shapely.STRtree, taken: set[int]
) -> tuple[int, float] | None:
    """The left-out building that a suggestion shows, and its IoU; None where it is to be rejected."""
    from annotation.changes.models import Change

    change = Change.objects.get(pk=number)
    shape = shapely.make_valid(shapely.from_wkb(bytes(change.geometry.wkb)))
    near = [index for index in tree.query(shape) if index not in taken]
    ious = {index: shape.intersection(missing[index]).area / shape.union(missing[index]).area for index in near}
    index = max(ious, key=ious.__getitem__, default=None)
    if change.kind != "add" or index is None or ious[index] < LEAST_IOU:
        return None
    return int(index), float(ious[index])


def drawn(browser: Any, outlines: list[shapely.Polygon]) -> Worked:
    """The same buildings on a plain page, corner by corner."""
    worked = Worked(outlines=outlines)
    page = browser.new_context(viewport=SCREEN).new_page()
    page.set_content(DRAWING)
    page.add_style_tag(path=LEAFLET / "leaflet.css")
    page.add_script_tag(path=LEAFLET / "leaflet.js")
    page.add_script_tag(content=TOOL)
    page.evaluate(COUNT)
    for outline in outlines:
        middle = outline.envelope.centroid
        page.evaluate("([lon, lat, zoom]) => lookAt(lon, lat, zoom)", [middle.x, middle.y, ZOOM])
        corners = page.evaluate("(lonlats) => toPage(lonlats)", [list(one) for one in outline.exterior.coords[:-1]])
        start = time.perf_counter()
        page.click("#tool")
        for corner in [*corners, corners[0]]:
            page.mouse.click(corner["x"], corner["y"])
        worked.seconds += time.perf_counter() - start
    worked.inputs = page.evaluate("window.inputs")
    done = page.evaluate("window.drawn.length")
    if done != len(outlines):
        raise SystemExit(f"{done} of {len(outlines)} buildings were drawn")
    return worked


if __name__ == "__main__":
    main()
