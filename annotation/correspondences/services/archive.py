"""A region's verified transforms as a set of pairs for training: an archive that is written while it is sent."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from annotation.common.streams import zip_archive
from annotation.correspondences import engine, selectors
from annotation.correspondences.errors import NothingVerifiedError
from annotation.correspondences.models import Correspondences, MapScan
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources, imagery_in_use, snapshot_in_use
from annotation.tiles.engine import image_reader, tile_address

AT_ONCE = 32
"""Rows that are read at a time; of pictures there is one pair at a time."""
SPOOL_BYTES = 4 * 2**20
PIECE = 256 * 1024
FORMAT = "mapwright-pairs-1"
LAYOUT = {
    "PART/L/NAME.png": "the map, 512 px; of a scan what lies on the tile, black where that is nothing",
    "PART/R/NAME.png": "the image, 512 px, black where it has no data",
    "PART/H/NAME.txt": "3 x 3 from pixels of the map to pixels of the image, (0, 0) the centre of the first one",
    "pairs.jsonl": "one line per pair: transform with covariance in pixels at 256 px from the outer corner, and more",
}


@dataclass(frozen=True)
class _Sources:
    """What an archive's pairs are of: the image in use, the map in use if there is one, and scans on that image."""

    imagery: Imagery
    snapshot: MapSnapshot | None
    scans: dict[int, MapScan]


def archive(region: Region) -> Iterator[bytes]:
    """The archive of the image in use with the map in use and with map scans found in it, in pieces.

    What can be refused is refused before the first.

    Raises:
        NoSourcesError: the image is missing, or map and verified pairs of scans.
        NothingVerifiedError: no transform is verified or corrected.
        InvalidError: the image file is gone.
        NotFoundError: the picture of a scan is gone.
    """
    imagery, snapshot = imagery_in_use(region), snapshot_in_use(region)
    found = [] if imagery is None else list(selectors.scans_in_force(imagery.pk))
    if imagery is None or (snapshot is None and not found):
        imagery, snapshot = current_sources(region)  # says what is missing
    image_reader(imagery)
    tiles = {row.pk: tile_address(row.tile) for row in found}
    if snapshot is not None:
        rows = selectors.in_force(imagery_id=imagery.pk, snapshot_id=snapshot.pk)
        places = rows.values_list("pk", "pair__tile__z", "pair__tile__x", "pair__tile__y")
        tiles = {pk: engine.TileAddress(z, x, y) for pk, z, x, y in places} | tiles
    if not tiles:
        raise NothingVerifiedError("no transform of the image and map in use is verified: review some first")
    scans = {row.scan.pk: row.scan for row in found if row.scan is not None}
    for scan in scans.values():
        engine.scan_source(scan)
    return zip_archive(_entries(region, _Sources(imagery, snapshot, scans), tiles))


def _entries(
    region: Region, sources: _Sources, tiles: dict[int, engine.TileAddress]
) -> Iterator[tuple[str, bytes | Iterator[bytes]]]:
    parts = engine.parts_by_place(sorted(set(tiles.values())))
    scanned = {pk: engine.scan_source(scan) for pk, scan in sources.scans.items()}
    yield "LICENCE.txt", _licence(sources).encode()
    counts: Counter[str] = Counter()
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as told:
        for row in _rows(list(tiles)):
            of_scan = None if row.scan_id is None else scanned[row.scan_id]
            content, part = engine.pair_content(row, of_scan), parts[tiles[row.pk]]
            if content is None:
                continue
            counts[part] += 1
            told.write(json.dumps(engine.told_of_pair(row, part), allow_nan=False).encode() + b"\n")
            yield from ((f"{part}/{name}", data) for name, data in content.items())
        told.seek(0)
        yield "pairs.jsonl", iter(lambda: told.read(PIECE), b"")
    yield "manifest.json", json.dumps(_manifest(region, sources, counts), indent=1).encode() + b"\n"


def _rows(ids: list[int]) -> Iterator[Correspondences]:
    """These rows, some at a time; those that went meanwhile are left out."""
    tables = "pair__tile", "pair__imagery", "pair__snapshot", "scan__imagery", "scan_tile"
    for first in range(0, len(ids), AT_ONCE):
        found = Correspondences.objects.select_related(*tables).in_bulk(ids[first : first + AT_ONCE])
        yield from (found[pk] for pk in ids[first : first + AT_ONCE] if pk in found)


def _licence(sources: _Sources) -> str:
    sides: list[tuple[str, Imagery | MapSnapshot | MapScan]] = [("R, the image", sources.imagery)]
    if sources.snapshot is not None:
        sides.append(("L, the map", sources.snapshot))
    sides += [(f"L, the scan {scan.original_name}", scan) for scan in sources.scans.values()]
    return "The pictures keep the licences of what they were made from.\n\n" + "".join(
        f"{side}: {one.licence or 'not stated'}\n    {one.attribution or 'no attribution stated'}\n"
        for side, one in sides
    )


def _manifest(region: Region, sources: _Sources, counts: Counter[str]) -> dict[str, Any]:
    imagery, snapshot = sources.imagery, sources.snapshot
    return {
        "format": FORMAT,
        "region": region.name,
        "pairs": sum(counts.values()),
        "parts": dict(counts),
        "parts_are": "blocks of neighbouring tiles, so that no tile of one part lies among those of another",
        "layout": LAYOUT,
        "image": _source(imagery, captured_on=imagery.captured_on),
        "map": None if snapshot is None else _source(snapshot, taken_at=snapshot.taken_at),
        "scans": [_source(scan) for scan in sources.scans.values()],
    }


def _source(source: Imagery | MapSnapshot | MapScan, **dates: date | datetime | None) -> dict[str, Any]:
    return {
        "name": source.original_name,
        "sha256": source.sha256,
        "licence": source.licence,
        "attribution": source.attribution,
        **{name: when.isoformat() if when else None for name, when in dates.items()},
    }
