"""A region's verified transforms as a set of pairs for training: an archive that is written while it is sent."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

from annotation.common.streams import zip_archive
from annotation.correspondences import engine, selectors
from annotation.correspondences.errors import NothingVerifiedError
from annotation.correspondences.models import Correspondences
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources
from annotation.tiles.engine import image_reader

AT_ONCE = 32
"""Rows that are read at a time; of pictures there is one pair at a time."""
SPOOL_BYTES = 4 * 2**20
PIECE = 256 * 1024
FORMAT = "mapwright-pairs-1"
LAYOUT = {
    "PART/L/NAME.png": "the map, 512 px",
    "PART/R/NAME.png": "the image, 512 px, black where it has no data",
    "PART/H/NAME.txt": "3 x 3 from pixels of the map to pixels of the image, (0, 0) the centre of the first one",
    "pairs.jsonl": "one line per pair: transform with covariance in pixels at 256 px from the outer corner, and more",
}


def archive(region: Region) -> Iterator[bytes]:
    """The archive of the image and map in use, in pieces; what can be refused is refused before the first.

    Raises:
        NoSourcesError: image or map are missing.
        NothingVerifiedError: no transform is verified or corrected.
        InvalidError: the image file is gone.
    """
    imagery, snapshot = current_sources(region)
    image_reader(imagery)
    rows = selectors.in_force(imagery_id=imagery.pk, snapshot_id=snapshot.pk)
    places = rows.values_list("pk", "pair__tile__z", "pair__tile__x", "pair__tile__y")
    tiles = {pk: engine.TileAddress(z, x, y) for pk, z, x, y in places}
    if not tiles:
        raise NothingVerifiedError("no transform of the image and map in use is verified: review some first")
    return zip_archive(_entries(region, imagery, snapshot, tiles))


def _entries(
    region: Region, imagery: Imagery, snapshot: MapSnapshot, tiles: dict[int, engine.TileAddress]
) -> Iterator[tuple[str, bytes | Iterator[bytes]]]:
    parts = engine.parts_by_place(list(tiles.values()))
    yield "LICENCE.txt", _licence(imagery, snapshot).encode()
    counts: Counter[str] = Counter()
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as told:
        for row in _rows(list(tiles)):
            content, part = engine.pair_content(row), parts[tiles[row.pk]]
            if content is None:
                continue
            counts[part] += 1
            told.write(json.dumps(engine.told_of_pair(row, part), allow_nan=False).encode() + b"\n")
            yield from ((f"{part}/{name}", data) for name, data in content.items())
        told.seek(0)
        yield "pairs.jsonl", iter(lambda: told.read(PIECE), b"")
    yield "manifest.json", json.dumps(_manifest(region, imagery, snapshot, counts), indent=1).encode() + b"\n"


def _rows(ids: list[int]) -> Iterator[Correspondences]:
    """These rows, some at a time; those that went meanwhile are left out."""
    tables = "pair__tile", "pair__imagery", "pair__snapshot"
    for first in range(0, len(ids), AT_ONCE):
        found = Correspondences.objects.select_related(*tables).in_bulk(ids[first : first + AT_ONCE])
        yield from (found[pk] for pk in ids[first : first + AT_ONCE] if pk in found)


def _licence(imagery: Imagery, snapshot: MapSnapshot) -> str:
    return (
        "The pictures keep the licences of what they were made from.\n\n"
        f"R, the image: {imagery.licence or 'not stated'}\n    {imagery.attribution or 'no attribution stated'}\n"
        f"L, the map: {snapshot.licence or 'not stated'}\n    {snapshot.attribution or 'no attribution stated'}\n"
    )


def _manifest(region: Region, imagery: Imagery, snapshot: MapSnapshot, counts: Counter[str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "region": region.name,
        "pairs": sum(counts.values()),
        "parts": dict(counts),
        "parts_are": "blocks of neighbouring tiles, so that no tile of one part lies among those of another",
        "layout": LAYOUT,
        "image": _source(imagery, "captured_on", imagery.captured_on),
        "map": _source(snapshot, "taken_at", snapshot.taken_at),
    }


def _source(source: Imagery | MapSnapshot, dated: str, when: Any) -> dict[str, Any]:
    return {
        "name": source.original_name,
        "sha256": source.sha256,
        "licence": source.licence,
        "attribution": source.attribution,
        dated: when.isoformat() if when else None,
    }
