"""Suspected changes as files for other tools, row by row: CSV, GeoJSON, GeoPackage, COCO."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import shapely
from django.db.models import BinaryField, Case, F, Func, QuerySet, When
from django.db.models.functions import Coalesce

from annotation.changes import selectors
from annotation.changes.engine_coco import instances
from annotation.changes.models import Change, ChangeKind
from annotation.common.geopackage import write_layer
from annotation.common.shapes import SIDES, Side
from annotation.common.streams import FIRST_ROWS, begun_at_once, csv_rows
from annotation.consistency.models import Scan
from annotation.sources.models import Region, shape_key

TILE_PX = 256
ROWS_AT_ONCE = 2000
PLAIN = ("pk", "kind", "confidence", "state", "verdict", "decided_by", "decided_at", "osm_type", "osm_id", "area_m2")
TILE = ("z", "x", "y")
COLUMNS = {
    "change": "INTEGER", "kind": "TEXT", "confidence": "DOUBLE", "state": "TEXT", "verdict": "TEXT",
    "decided_by": "TEXT", "decided_at": "DATETIME", "osm": "TEXT", "area_m2": "DOUBLE", "tile": "TEXT",
    "imagery": "TEXT", "captured_on": "DATE", "imagery_licence": "TEXT", "map_licence": "TEXT",
}  # fmt: skip
"""What CSV and GeoPackage say of a change, with the type that GeoPackage gives it."""

FEATURE = (
    "wkb", "pk", "item_id", "scan_id", "kind", "confidence", "state", "decision", "version", "decided_by", "decided_at",
    "reason", "comment", "flagged_to", "exported", "z", "x", "y", "created_at", "named", "number",
    "unnamed",
)  # fmt: skip


class Wkb(Func):
    function, output_field = "ST_AsBinary", BinaryField()


def as_csv(region: Region, changes: QuerySet[Change]) -> Iterator[str]:
    """A line for each change: where its middle lies, and what is said of it."""
    rows = ((lon, lat, *values) for lon, lat, values in _placed(region, changes))
    return csv_rows(["lon", "lat", *COLUMNS], rows)


def as_geojson(changes: QuerySet[Change]) -> Iterator[str]:
    """A FeatureCollection, a feature on each line: the shape that would stand, and what a list tells of the change."""
    yield '{"type": "FeatureCollection", "features": [\n'
    rows = _featured(changes).values_list(*FEATURE)
    found, before = begun_at_once(rows, lambda row: row[1], ROWS_AT_ONCE), ""
    while chunk := list(islice(found, FIRST_ROWS)):  # so that what is there at once goes out at once
        shapes = shapely.to_geojson(shapely.from_wkb([bytes(row[0]) for row in chunk]))
        yield before + ",\n".join(map(_feature, shapes, chunk))
        before = ",\n"
    yield "\n]}\n"


def as_geopackage(region: Region, changes: QuerySet[Change]) -> IO[bytes]:
    """An open file with the layer `changes`, gone from the disk once it is closed."""
    sources = _sources(region)
    shaped = changes.annotate(wkb=Wkb(_shape()), **_box())
    fields = ("scan_id", "wkb", *SIDES, *PLAIN, *TILE)
    rows = (
        (bytes(row[1]), row[2:6], _values(row[6:], sources[row[0]]))
        for row in _joined(shaped).values_list(*fields).iterator(ROWS_AT_ONCE)
    )
    with tempfile.TemporaryDirectory(prefix="mapwright-export-") as folder:
        path = Path(folder) / "changes.gpkg"
        licences = sorted({text for source in sources.values() for text in source[2:]})
        write_layer(path, "changes", COLUMNS, rows, f"Suspected building changes; licences: {', '.join(licences)}")
        return path.open("rb")


def as_coco(region: Region, changes: QuerySet[Change]) -> Iterator[str]:
    """COCO instances on the region's tiles of 256 pixels: images, then annotations numbered from 1.

    A change lies on the tile that its scan found it on, and is cut at that tile's edge.
    """
    scans = Scan.objects.filter(region=region).select_related("imagery").order_by("pk")
    sources = {scan.pk: scan.imagery for scan in scans}
    licences = {name: number for number, name in enumerate(sorted({one.licence for one in sources.values()}), start=1)}
    head = {
        "info": {"description": f"Suspected building changes of {region.name}", "version": "1.0"},
        "licenses": [{"id": number, "name": name, "url": ""} for name, number in licences.items()],
        "categories": [
            {"id": number, "name": kind, "supercategory": "building"}
            for number, kind in enumerate(ChangeKind.values, start=1)
        ],
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "images": [\n'
    tiles = changes.order_by("pair", "-scan").distinct("pair")
    places = tiles.values_list("pair_id", "scan_id", "pair__tile__z", "pair__tile__x", "pair__tile__y")
    begun = begun_at_once(places, lambda row: row[0], ROWS_AT_ONCE, by="pair")
    yield from _lines(_image(row, sources[row[1]], licences) for row in begun)
    yield '\n], "annotations": [\n'
    yield from _lines(_annotations(changes))
    yield "\n]}\n"


def _featured(changes: QuerySet[Change]) -> QuerySet[Change]:
    told = selectors.with_answer(changes)
    return told.annotate(
        wkb=Wkb(_shape()), state=F("item__state"), decision=F("item__decision"), version=F("item__version"),
        decided_by=F("item__decided_by__username"), decided_at=F("item__decided_at"),
        flagged_to=F("item__assigned_to__username"), z=F("pair__tile__z"), x=F("pair__tile__x"), y=F("pair__tile__y"),
        named=F("footprint__osm_type"), number=F("footprint__osm_id"),
        unnamed=Case(When(footprint__osm_id__isnull=True, then=Wkb("footprint__geometry"))),
    )  # fmt: skip


def _feature(shape: str, row: tuple[Any, ...]) -> str:
    """A line of GeoJSON. Built by hand: its properties are those of `ChangeRow`, by their names and in their order."""
    (
        _, change, item, scan, kind, confidence, state, decision, version, decided_by, decided_at, reason, comment,
        flagged_to, exported, z, x, y, created_at, osm_type, osm_id, outline,
    ) = row  # fmt: skip
    properties = {
        "id": change, "item": item, "scan": scan, "kind": kind,
        "key": _key(osm_type, osm_id, outline),
        "confidence": confidence, "state": state, "decision": decision, "version": version, "decided_by": decided_by,
        "decided_at": decided_at and _moment(decided_at), "reason": reason or "", "comment": comment or "",
        "flagged_to": flagged_to, "exported": exported, "tile": {"z": z, "x": x, "y": y},
        "created_at": _moment(created_at),
    }  # fmt: skip
    geometry = shape.replace(",", ", ").replace('":', '": ')
    return f'{{"type": "Feature", "id": {change}, "geometry": {geometry}, "properties": {json.dumps(properties)}}}'


def _key(osm_type: str | None, osm_id: int | None, outline: bytes | None) -> str | None:
    """Of the footprint, if there is one; `outline` where it has no id."""
    if osm_id is not None:
        return f"{osm_type}/{osm_id}"
    return None if outline is None else shape_key(bytes(outline))


def _moment(moment: dt.datetime) -> str:
    """As the API writes a time."""
    return moment.isoformat().replace("+00:00", "Z")


def _image(row: tuple[int, ...], imagery: Any, licences: dict[str, int]) -> dict[str, Any]:
    pair, _, z, x, y = row
    return {
        "id": pair, "width": TILE_PX, "height": TILE_PX, "file_name": f"{z}/{x}/{y}.webp",
        "coco_url": f"/tiles/image/{imagery.pk}/{z}/{x}/{y}.webp", "license": licences[imagery.licence],
        "date_captured": str(imagery.captured_on or ""), "attribution": imagery.attribution,
    }  # fmt: skip


def _annotations(changes: QuerySet[Change]) -> Iterator[dict[str, Any]]:
    categories = {kind: number for number, kind in enumerate(ChangeKind.values, start=1)}
    fields = ("wkb", "z", "x", "y", "pair_id", "pk", "kind", "confidence", "verdict")
    rows = _joined(changes.annotate(wkb=Wkb(_shape()))).values_list(*fields)
    found, number = rows.iterator(ROWS_AT_ONCE), 0
    while chunk := list(islice(found, ROWS_AT_ONCE)):
        told = instances([bytes(row[0]) for row in chunk], [row[1:4] for row in chunk], TILE_PX)
        for (*_, pair, change, kind, confidence, verdict), one in zip(chunk, told, strict=True):
            if one is None:
                continue
            number += 1
            about = {"id": number, "image_id": pair, "category_id": categories[kind]}
            yield {**about, **one, "score": confidence, "change": change, "verdict": verdict}


def _lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield (",\n" if number else "") + json.dumps(row, ensure_ascii=False)


def _placed(region: Region, changes: QuerySet[Change]) -> Iterator[tuple[float, float, list[Any]]]:
    sources = _sources(region)
    rows = _joined(changes.annotate(**_box())).values_list("scan_id", *SIDES, *PLAIN, *TILE)
    for scan, west, south, east, north, *said in begun_at_once(rows, lambda row: row[1 + len(SIDES)], ROWS_AT_ONCE):
        yield round((west + east) / 2, 7), round((south + north) / 2, 7), _values(said, sources[scan])


def _joined(changes: QuerySet[Change]) -> QuerySet[Change]:
    return changes.annotate(
        state=F("item__state"), verdict=F("item__decision"), decided_by=F("item__decided_by__username"),
        decided_at=F("item__decided_at"), osm_type=F("object__osm_type"), osm_id=F("object__osm_id"),
        area_m2=F("evidence__area_m2"), z=F("pair__tile__z"), x=F("pair__tile__x"), y=F("pair__tile__y"),
    )  # fmt: skip


def _values(row: Any, source: tuple[Any, ...]) -> list[Any]:
    """The values of COLUMNS."""
    *said, osm_type, osm_id, area, z, x, y = row
    osm = f"{osm_type}/{osm_id}" if osm_id is not None else None
    return [*said, osm, area, f"{z}/{x}/{y}", *source]


def _sources(region: Region) -> dict[int, tuple[Any, ...]]:
    """Imagery, its date and the licences of both sides by scan."""
    scans = Scan.objects.filter(region=region).select_related("imagery", "snapshot")
    return {
        scan.pk: (
            scan.imagery.original_name, scan.imagery.captured_on, scan.imagery.licence, scan.snapshot.licence,
        )
        for scan in scans
    }  # fmt: skip


def _shape() -> Coalesce:
    """As mapped where a person said that it stands, as a person gave it, else as proposed."""
    mapped = Case(When(confirmed_on__isnull=False, then=F("footprint__geometry")))
    return Coalesce(mapped, "adjusted", "geometry")


def _box() -> dict[str, Side]:
    return {side: Side(_shape(), function=f"ST_{side}") for side in SIDES}
