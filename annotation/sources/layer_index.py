"""The editor-layer-index, where an installation has it as a file: layers that the editors of OpenStreetMap offer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import shapely
from django.contrib.gis.geos import MultiPolygon
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from annotation.sources.base_layers import CAPTURED, LayerKind, OsmUse
from annotation.sources.errors import LayerAddressError, LayerIndexError
from annotation.sources.layer_address import check_address

MOST_BYTES = 64 * 2**20
MOST_OFFERED = 200
MERCATOR = {"EPSG:3857", "EPSG:900913"}
_KINDS = {"tms": LayerKind.XYZ, "wms": LayerKind.WMS}
# `permission_osm`: said by the owner, meant by a licence that allows it, or refused.
_OSM_USE = {"explicit": OsmUse.ALLOWED, "implicit": OsmUse.ALLOWED, "no": OsmUse.FORBIDDEN}


@dataclass(frozen=True)
class Listed:
    """A layer of the index that this application can show, and where it lies (None: everywhere)."""

    fields: dict[str, Any]
    best: bool
    ground: BaseGeometry | None


def offered(path: str, area: MultiPolygon | None, wanted: str = "") -> list[dict[str, Any]]:
    """Layers of the index that cover a region, the best and the closest ones first; fields as of a `BaseLayer`.

    Args:
        path: the file; empty where the installation has none: nothing is offered.
        area: the region's, in degrees; None: only what covers the Earth.
        wanted: only those with this in their title.

    Raises:
        LayerIndexError: the file is missing, or no GeoJSON of the index.
    """
    if not path:
        return []
    try:
        stamp = Path(path).stat()
        listed = _read(path, stamp.st_mtime_ns, stamp.st_size)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ShapelyError) as error:
        raise LayerIndexError(
            f"the editor-layer-index can't be read ({type(error).__name__}): MAPWRIGHT_LAYER_INDEX names the file "
            "imagery.geojson as osmlab.github.io/editor-layer-index offers it"
        ) from error
    here = shapely.from_wkb(bytes(area.wkb)) if area is not None else None
    fitting = [one for one in listed if wanted.lower() in one.fields["title"].lower() and _covers(one, here)]
    # What lies here alone goes before what covers the Earth.
    fitting.sort(key=lambda one: (one.ground is None, not one.best, one.fields["title"]))
    return [one.fields for one in fitting[:MOST_OFFERED]]


def _covers(one: Listed, here: BaseGeometry | None) -> bool:
    return one.ground is None or (here is not None and bool(shapely.covers(one.ground, here.envelope)))


@lru_cache(maxsize=1)
def _read(path: str, changed: int, size: int) -> list[Listed]:
    """What can be shown of the file; a newer file is read anew."""
    if size > MOST_BYTES:
        raise ValueError("too large")
    rows = json.loads(Path(path).read_text(encoding="utf-8"))["features"]
    return [one for one in map(_listed, rows) if one is not None]


def _listed(feature: dict[str, Any]) -> Listed | None:
    """The layer; None where it is an overlay, or of a kind, a key or an address that is not shown here."""
    said = feature["properties"]
    kind = _KINDS.get(said.get("type"))
    if kind is None or said.get("overlay"):
        return None
    if kind == LayerKind.WMS and not {"EPSG:3857", "EPSG:900913"} & set(
        said.get("available_projections", ["EPSG:3857"])
    ):
        return None
    try:
        template = check_address(said["url"].replace("{zoom}", "{z}").replace("{wkid}", "3857"), kind)
    except LayerAddressError:
        return None
    by = said.get("attribution") or {}
    licence = said.get("license_url") or ""
    fields = {
        "index_id": str(said["id"])[:120],
        "title": str(said["name"]).replace(";", ",")[:120],
        "kind": str(kind),
        "template": template,
        "attribution": str(by.get("text") or said["name"])[:300],
        "attribution_url": str(by.get("url") or "")[:500],
        "licence": str(licence)[:120] or "not stated",
        "osm_use": str(_OSM_USE.get(said.get("permission_osm"), OsmUse.UNKNOWN)),
        "min_zoom": int(said.get("min_zoom", 0)),
        "max_zoom": min(int(said.get("max_zoom", 22)), 24),
        "captured": _captured(said),
    }
    ground = feature.get("geometry")
    return Listed(fields, bool(said.get("best")), shapely.geometry.shape(ground) if ground else None)


def _captured(said: dict[str, Any]) -> str:
    date = str(said.get("end_date") or said.get("start_date") or "")[:10]
    return date if CAPTURED.fullmatch(date) else ""
