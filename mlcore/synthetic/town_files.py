"""Writes a town as the files a person would bring: GeoTIFF, OSM XML, the area, and the true changes."""

from __future__ import annotations

import json
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import rasterio
import shapely
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from mlcore.files import whole_file
from mlcore.progress import Progress, SilentProgress, stop_if_asked
from mlcore.synthetic.osm_document import OsmDocument
from mlcore.synthetic.town import CAPTURED, Town

BLOCK_PX = 256


def write_town(town: Town, folder: str | Path, *, both_dates: bool = False, progress: Progress | None = None) -> Path:
    """Write imagery.tif, map.osm, changes.geojson and area.geojson (and imagery_before.tif) into `folder`."""
    folder, progress = Path(folder), progress or SilentProgress()
    folder.mkdir(parents=True, exist_ok=True)
    write_image(town, town.image, folder / "imagery.tif", CAPTURED[1].isoformat())
    stop_if_asked(progress)
    progress.report(0.6, "imagery.tif")
    if both_dates:
        write_image(town, town.image_before, folder / "imagery_before.tif", CAPTURED[0].isoformat())
        progress.report(0.8, "imagery_before.tif")
    (folder / "map.osm").write_text(osm_xml(town.document), encoding="utf-8")
    (folder / "changes.geojson").write_text(json.dumps(changes_geojson(town), indent=1), encoding="utf-8")
    area = {
        "type": "Feature",
        "properties": {"name": "mapped area"},
        "geometry": shapely.geometry.mapping(town.area_lonlat),
    }
    (folder / "area.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [area]}, indent=1), encoding="utf-8"
    )
    progress.report(1.0, "written")
    return folder


def write_image(town: Town, image: np.ndarray, path: Path, captured: str) -> None:
    """Write (H, W, 3) uint8 as a tiled EPSG:3857 GeoTIFF with its capture date; whole, or not at all."""
    west, _, east, north = town.tiles[0].bounds_mercator
    step = (east - west) / BLOCK_PX
    profile = {
        "driver": "GTiff", "height": image.shape[0], "width": image.shape[1], "count": 3, "dtype": "uint8",
        "crs": "EPSG:3857", "transform": from_origin(west, north, step, step), "tiled": True, "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX, "compress": "deflate", "predictor": 2, "zlevel": 1, "bigtiff": "if_safer",
        "photometric": "rgb", "interleave": "pixel",
    }  # fmt: skip
    with whole_file(path) as scratch, rasterio.open(scratch, "w", **profile) as target:
        target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        target.update_tags(
            TIFFTAG_DATETIME=captured.replace("-", ":") + " 10:30:00",
            ACQUISITIONDATETIME=f"{captured}T10:30:00Z",
            TIFFTAG_IMAGEDESCRIPTION=f"Synthetic town, seed {town.config.seed}",
            TIFFTAG_COPYRIGHT="CC0-1.0",
        )
        for top in range(0, image.shape[0], 1024):
            rows = image[top : top + 1024]
            area = rasterio.windows.Window(0, top, image.shape[1], len(rows))
            target.write(np.moveaxis(rows, -1, 0), window=area)


def osm_xml(document: OsmDocument) -> str:
    """The document as OSM XML 0.6, sorted by type and id."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="mapwright">']
    for node in document.nodes.values():
        lines.append(f' <node {_head(node)} lat="{node.lat:.7f}" lon="{node.lon:.7f}"/>')
    for way in document.ways.values():
        lines.append(f" <way {_head(way)}>")
        lines += [f'  <nd ref="{ref}"/>' for ref in way.nodes]
        lines += [*_tags(way.tags), " </way>"]
    for relation in document.relations.values():
        lines.append(f" <relation {_head(relation)}>")
        lines += [f'  <member type="{m.type}" ref="{m.ref}" role="{m.role}"/>' for m in relation.members]
        lines += [*_tags(relation.tags), " </relation>"]
    return "\n".join([*lines, "</osm>", ""])


def _head(element: object) -> str:
    stamp = element.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")  # type: ignore[attr-defined]
    return f'id="{element.id}" version="{element.version}" timestamp="{stamp}" visible="true"'  # type: ignore[attr-defined]


def _tags(tags: dict[str, str]) -> list[str]:
    return [f"  <tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items()]


def changes_geojson(town: Town) -> dict:
    """The truth: one feature per change; `geometry` is what the editor should end with (for remove: what goes)."""
    features = []
    for change in town.changes:
        mapped = None if change.before is None else shapely.geometry.mapping(change.before)
        properties = {
            "kind": change.kind, "reason": change.reason, "osm_type": change.osm_type, "osm_id": change.osm_id,
            "mapped": mapped,
        }  # fmt: skip
        features.append(
            {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(change.geometry)}
        )
    return {"type": "FeatureCollection", "features": features}
