"""What people saw who held the map as it stands against the image, tile by tile, without any model's word."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.synthetic.truth import WHOLE_BUILDING_M2

FORMAT = "mapwright-readings"
FORMAT_VERSION = 1
READ_ENDING = ", read tiles"
"""Of the name of a set of pairs that is kept to the clean tiles."""

Found = Collection[Mapping[str, object]]
"""What one reader saw wrong on one tile."""


@dataclass(frozen=True)
class Readings:
    """A place's map, read by several people.

    Attributes:
        place: its name.
        read: the tiles that every reader went over.
        wrong: the tiles on which a reader is sure that the map errs by 40 m2 or more: a building that it lacks, a
            footprint without a building, or one of clearly another shape or place.
    """

    place: str
    read: frozenset[TileAddress]
    wrong: frozenset[TileAddress]

    @property
    def clean(self) -> frozenset[TileAddress]:
        """Tiles on which no reader is sure of an error of that size."""
        return self.read - self.wrong


def load_readings(path: Path) -> Readings:
    """Read a file of readings: per reader and tile ("z/x/y"), what they found, with `area_m2` and whether `sure`.

    Raises:
        InvalidInputError: the file is missing or is no such file.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT or record["version"] != FORMAT_VERSION:
            raise ValueError("another format")
        readers = [_tiles(reader["tiles"]) for reader in record["readers"]]
        if not readers:
            raise ValueError("nobody read anything")
        read = frozenset.intersection(*(frozenset(reader) for reader in readers))
        wrong = frozenset(tile for reader in readers for tile, found in reader.items() if _errs(found))
        return Readings(str(record["place"]), read, wrong & read)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"{path.name} holds no readings of a map ({error}): leave --readings out") from error


def _tiles(
    record: Mapping[str, Collection[Mapping[str, object]]],
) -> dict[TileAddress, Collection[Mapping[str, object]]]:
    found = {}
    for name, disagreements in record.items():
        z, x, y = map(int, name.split("/"))
        found[TileAddress(z, x, y)] = disagreements
    return found


def _errs(found: Found) -> bool:
    return any(bool(one["sure"]) and float(str(one["area_m2"])) >= WHOLE_BUILDING_M2 for one in found)
