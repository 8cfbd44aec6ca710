"""B2: milliseconds per map tile, against Mapnik on the same features, colours and widths.

    python benchmarks/render_speed.py            # needs apt-get install python3-mapnik

Both draw from memory: this renderer from its index, Mapnik from GeoJSON in EPSG:3857 that its plugin keeps in an
R-tree, so neither reprojects nor reads a file while the clock runs. Processor time of one thread
counts, the best of several passes over the same tiles.
`ratio_to_mapnik` is Mapnik's time divided by ours over all 256 px cases: above 1, this renderer is faster.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.geometry.webmercator import TileAddress, lonlat_to_mercator, tiles_covering
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.maps.render import MapRenderer
from mlcore.maps.style import Colour, MapStyle
from mlcore.maps.tags import seen_from_above

MAPS = {"helsinki": "osm/helsinki.osm.pbf", "banepa": "banepa/buildings.geojson"}
SIZES = ((17, 256), (18, 256), (19, 256), (18, 512), (19, 512))
SYSTEM_PYTHON = "/usr/bin/python3"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=120, help="tiles per case")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path, help="folder for one tile of each side, to compare by eye")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    cases = [case for name in MAPS for case in measure_map(name, args)]
    plain = [case for case in cases if case["size_px"] == 256]
    ratio = sum(case["mapnik_ms"] for case in plain) / sum(case["our_ms"] for case in plain)
    figures: dict[str, float] = {"ratio_to_mapnik": round(ratio, 3)}
    for case in cases:
        name = f"{case['map']}_z{case['zoom']}_{case['size_px']}px"
        figures |= {f"{name}_{key}": case[key] for key in ("our_ms", "mapnik_ms", "ratio", "tiles")}
    write_result("render_speed", figures, seeds=[args.seed])


def measure_map(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """One case per zoom and size, on tiles drawn by chance among those with buildings."""
    features = [f for f in read_map(data_folder() / MAPS[name]).features if seen_from_above(f.tags)]
    index, renderer = MapIndex(features), MapRenderer()
    buildings = shapely.MultiPoint([f.geometry.centroid for f in index.buildings])
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        layers = write_layers(features, renderer.style, Path(folder))
        for zoom, size_px in SIZES:
            tiles = sorted({tile for point in buildings.geoms for tile in tiles_covering(point.buffer(1e-7), zoom)})
            rng = np.random.default_rng(args.seed)
            tiles = [tiles[i] for i in rng.permutation(len(tiles))[: args.tiles]]
            ours = time_ours(renderer, index, tiles, size_px, args.passes)
            picture = args.pictures and str(args.pictures / f"{name}_{zoom}_{size_px}_mapnik.png")
            theirs = time_mapnik(layers, renderer.style, tiles, size_px, args.passes, picture)
            if args.pictures:
                last = cv2.cvtColor(renderer.render(tiles[-1], index, size_px), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(args.pictures / f"{name}_{zoom}_{size_px}_ours.png"), last)
            case = {
                "map": name, "features": len(features), "zoom": zoom, "size_px": size_px, "tiles": len(tiles),
                "our_ms": round(ours, 3), "mapnik_ms": round(theirs["ms_per_tile"], 3),
                "ratio": round(theirs["ms_per_tile"] / ours, 3), "mapnik": theirs["version"],
            }  # fmt: skip
            print(case, flush=True)
            cases.append(case)
    return cases


def time_ours(renderer: MapRenderer, index: MapIndex, tiles: list[TileAddress], size_px: int, passes: int) -> float:
    best = float("inf")
    for _ in range(passes + 1):
        begun = time.process_time()
        for tile in tiles:
            renderer.render(tile, index, size_px)
        best = min(best, time.process_time() - begun)
    return best * 1000 / len(tiles)


def time_mapnik(
    layers: dict[str, Path], style: MapStyle, tiles: list[TileAddress], size_px: int, passes: int, picture: str | None
) -> dict[str, Any]:
    resolution = tiles[0].resolution_m(size_px)
    job = {
        "xml": mapnik_xml(layers, style, resolution), "size_px": size_px, "passes": passes, "picture": picture,
        "boxes": [tile.bounds_mercator for tile in tiles],
    }  # fmt: skip
    done = subprocess.run(
        [SYSTEM_PYTHON, str(Path(__file__).with_name("render_speed_mapnik.py"))],
        input=json.dumps(job), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"Mapnik did not run ({done.stderr.strip()[-300:]}): apt-get install python3-mapnik")
    return json.loads(done.stdout)


def write_layers(features: list[MapFeature], style: MapStyle, folder: Path) -> dict[str, Path]:
    """One GeoJSON per kind in EPSG:3857, with the class each feature is drawn in."""
    records: dict[str, list[dict[str, Any]]] = {kind: [] for kind in ("green", "water", "road", "rail", "building")}
    for feature in features:
        road = style.roads.get(feature.tags.get("highway", ""), style.default_road)
        green = feature.tags.get("leisure") or feature.tags.get("landuse") or feature.tags.get("natural") or ""
        waterway = feature.tags.get("waterway", "")
        name = {"road": road.name, "water": waterway if waterway in style.water_width_m else "default"}.get(
            feature.kind, green
        )
        geometry = shapely.transform(feature.geometry, lonlat_to_mercator).__geo_interface__
        records[feature.kind].append({"type": "Feature", "properties": {"class": name}, "geometry": geometry})
    paths = {}
    for kind, entries in records.items():
        if entries:
            paths[kind] = folder / f"{kind}.geojson"
            paths[kind].write_text(json.dumps({"type": "FeatureCollection", "features": entries}))
    return paths


def mapnik_xml(layers: dict[str, Path], style: MapStyle, resolution_m: float) -> str:
    """The same style for Mapnik, widths turned to pixels of this zoom."""

    def width(metres: float, least: int = style.min_px) -> int:
        return max(least, round(metres / resolution_m))

    greens = "".join(rule(fill(colour), name) for name, colour in style.green_by_class.items())
    waters = "".join(
        rule(fill(style.water) + line(style.water, width(m)), name) for name, m in style.water_width_m.items()
    )
    roads = sorted(set(style.roads.values()), key=lambda road: road.rank)
    casing = width_of_casing(style, width)
    styles = {
        "green": [greens + rule(fill(style.green), None)],
        "water": [waters],
        "road": [
            rule(fill(style.road_area), area=True),
            *(rule(line(road.casing, casing(road.width_m)), road.name) for road in roads),
            *(rule(line(road.fill, width(road.width_m)), road.name) for road in roads),
        ],
        "rail": [
            rule(line(style.rail_casing, width(style.rail_casing_m))),
            rule(line(style.rail_fill, width(style.rail_width_m))),
        ],
        "building": [rule(fill(style.building_fill) + line(style.building_outline, style.building_outline_px))],
    }
    body = ""
    for kind, path in layers.items():
        names = [f"{kind}{number}" for number in range(len(styles[kind]))]
        body += "".join(
            f'<Style name="{n}" filter-mode="first">{r}</Style>' for n, r in zip(names, styles[kind], strict=True)
        )
        body += f'<Layer name="{kind}" srs="epsg:3857">' + "".join(f"<StyleName>{n}</StyleName>" for n in names)
        file = f'<Parameter name="type">geojson</Parameter><Parameter name="file">{path}</Parameter>'
        body += f"<Datasource>{file}</Datasource></Layer>"
    return f'<Map srs="epsg:3857" background-color="{rgb(style.background)}" buffer-size="64">{body}</Map>'


def width_of_casing(style: MapStyle, width: Any) -> Any:
    return lambda metres: width(metres + 2 * style.road_casing_m, style.min_px + 2)


def rule(symbols: str, name: str | None = "", area: bool = False) -> str:
    """A rule for one class; None is the rest, an empty name everything."""
    condition = "<ElseFilter/>" if name is None else f"<Filter>[class] = '{name}'</Filter>" if name else ""
    if area:
        condition = "<Filter>[mapnik::geometry_type] = polygon</Filter>"
    return f"<Rule>{condition}{symbols}</Rule>"


def fill(colour: Colour) -> str:
    return f'<PolygonSymbolizer fill="{rgb(colour)}"/>'


def line(colour: Colour, width_px: int) -> str:
    round_ends = 'stroke-linejoin="round" stroke-linecap="round"'
    return f'<LineSymbolizer stroke="{rgb(colour)}" stroke-width="{width_px}" {round_ends}/>'


def rgb(colour: Colour) -> str:
    return "rgb({},{},{})".format(*colour)


if __name__ == "__main__":
    main()
