"""One file that holds the pairs of a suite: anyone with the same maps scores the same pairs, and a digest proves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from mlcore.errors import InvalidInputError
from mlcore.evaluation.other_map import HERE, swapped
from mlcore.evaluation.pairs import MapEdition, PairSet, protocol_edition, single_edition
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.synthetic.edit_files import edits_from_record, edits_to_record, map_digest
from mlcore.synthetic.edits import EditedMap

FORMAT = "mapwright-pairs"
FORMAT_VERSION = 1
NOTE = "simulated map edits: the image is real, the map was made wrong by a seeded generator"
SuitePairs = dict[str, dict[str, PairSet]]
"""Sets of pairs by name, by place."""


@dataclass(frozen=True)
class PairFile:
    """Pairs with the digest of the file that holds them."""

    pairs: SuitePairs
    sha256: str


def save_pairs(path: Path, suite: str, pairs: SuitePairs, maps: Mapping[str, MapIndex]) -> PairFile:
    """Write the pairs of every place; the file is whole or not there."""
    places = {}
    for place, sets in pairs.items():
        base = list(maps[place])
        first = next(iter(sets.values()))
        places[place] = {
            "base_sha256": map_digest(base),
            "tiles": [[tile.z, tile.x, tile.y] for tile in first.tiles],
            "sets": {
                name: [_edition_record(name, edition, one, maps[place]) for edition in one.editions]
                for name, one in sets.items()
            },
        }
    record: dict[str, Any] = {
        "format": FORMAT, "version": FORMAT_VERSION, "note": NOTE, "suite": suite, "places": places,
    }  # fmt: skip
    digest = content_digest(record)
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(record | {"sha256": digest}), encoding="utf-8")
    return PairFile(pairs, digest)


def load_pairs(path: Path, suite: str, maps: Mapping[str, MapIndex]) -> PairFile:
    """Read pairs and hold them against the maps they were made for.

    Raises:
        InvalidInputError: the file is missing, damaged, of another suite or made for another map.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        digest = record.pop("sha256")
        if record["format"] != FORMAT or record["version"] != FORMAT_VERSION:
            raise ValueError("another format")
        if digest != content_digest(record):
            raise ValueError("its digest does not fit its content")
        if record["suite"] != suite or set(record["places"]) != set(maps):
            raise ValueError(f"pairs of suite {record['suite']} on {', '.join(record['places'])}")
        pairs = {place: _place(path, place, entry, maps[place]) for place, entry in record["places"].items()}
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, shapely.errors.ShapelyError,
    ) as error:  # fmt: skip
        raise InvalidInputError(f"{path.name} holds no pairs for this run ({error}): leave --pairs out") from error
    return PairFile(pairs, digest)


def content_digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _edition_record(name: str, edition: MapEdition, pairs: PairSet, index: MapIndex) -> dict[str, Any]:
    if name == "real":
        return {"share": edition.share.tolist(), "state": edition.state.tolist()}
    if name == "other-map":
        return {"from": _taken(edition)}
    return edits_to_record(edition.edited, list(index))


def _taken(edition: MapEdition) -> list[int]:
    if edition.taken is None:
        raise InvalidInputError("an edition of other tiles' maps must say which: make it with other_map_set")
    return [int(i) for i in edition.taken]


def _place(path: Path, place: str, entry: dict[str, Any], index: MapIndex) -> dict[str, PairSet]:
    base = list(index)
    if entry["base_sha256"] != map_digest(base):
        raise InvalidInputError(f"{path.name} was made for another map of {place}: give the map that it was made from")
    tiles = tuple(TileAddress(z, x, y) for z, x, y in entry["tiles"])
    return {
        name: PairSet(name, tiles, tuple(_edition(name, one, tiles, index) for one in records))
        for name, records in entry["sets"].items()
    }


def _edition(name: str, record: dict[str, Any], tiles: tuple[TileAddress, ...], index: MapIndex) -> MapEdition:
    if name == "real":
        state, share = np.array(record["state"], int), np.array(record["share"], float)
        kind = np.where(state == 1, "real", "").astype(object)
        if len(state) != len(tiles) or len(share) != len(tiles):
            raise ValueError("as many states and shares as tiles are needed")
        return MapEdition(EditedMap(list(index), []), state, share, kind)
    if name == "other-map":
        taken = np.array(record["from"], int)
        if len(taken) != len(tiles) or taken.min() < HERE or taken.max() >= len(tiles):
            raise ValueError("a tile takes the map of one that is not there")
        return swapped(index, tiles, taken)
    edited = edits_from_record(record, list(index))
    return single_edition(edited, tiles) if name == "single" else protocol_edition(edited, tiles)
