"""Readings of the map as it stands against the image, by eye, tile by tile, without sight of any model's output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.evaluation.objects import kind_of, surest
from mlcore.geometry.webmercator import TileAddress
from mlcore.synthetic.local_frame import LocalFrame
from mlcore.synthetic.truth import WHOLE_BUILDING_M2

FORMAT = "mapwright-readings"
FORMAT_VERSION = 1
READ_ENDING = ", read tiles"
"""Of the name of a set of pairs that is kept to the clean tiles."""
NEAR_M = 3.0
"""A reader points at the middle of what is wrong; the point may lie this far outside the candidate's shape."""
FIRST = 40
Sort = Literal["missing", "gone", "wrong"]
ANSWERS = {"add": "missing", "remove": "gone", "modify": "wrong"}


@dataclass(frozen=True)
class Disagreement:
    """One place where a reader found map and image apart.

    Attributes:
        sort: a building that the map lacks, a footprint without building, or one of another shape or place.
        point: in degrees, about its middle.
        area_m2: estimated by eye.
        sure: False where the image does not decide it.
    """

    sort: Sort
    point: shapely.Point
    area_m2: float
    sure: bool

    @property
    def counts(self) -> bool:
        """Whether it makes a tile wrong: sure, and of the size of a whole building."""
        return self.sure and self.area_m2 >= WHOLE_BUILDING_M2


Reader = Mapping[TileAddress, Sequence[Disagreement]]


@dataclass(frozen=True)
class Readings:
    """A place's map, read once or more.

    Attributes:
        readers: what each saw on every tile they went over.
        sha256: of the file.
    """

    place: str
    readers: tuple[Reader, ...]
    sha256: str = ""

    @property
    def found(self) -> list[Disagreement]:
        """Everything that any reader saw."""
        return [one for reader in self.readers for seen in reader.values() for one in seen]

    @property
    def read(self) -> frozenset[TileAddress]:
        """The tiles that every reader went over."""
        return frozenset.intersection(*(frozenset(reader) for reader in self.readers))

    @property
    def clean(self) -> frozenset[TileAddress]:
        """Tiles on which no reader is sure of an error of 40 m2 or more."""
        return frozenset(
            tile for tile in self.read if not any(one.counts for reader in self.readers for one in reader[tile])
        )

    def confirms(self, candidate: Candidate) -> bool:
        """Whether a reader is sure of just this error: of its sort, and within its shape or a few metres beside it.

        What lies on a border may be told of either tile. A part of a building that lies outside its outline is read as
        missing, or the outline as wrong.
        """
        shapes = {ANSWERS[kind_of(candidate)]: _grown(candidate.geometry)}
        if candidate.part is not None:
            shapes["missing"] = _grown(candidate.part)
        return any(one.sure and one.sort in shapes and shapes[one.sort].covers(one.point) for one in self.found)


def real_figures(candidates: Sequence[Candidate], readings: Readings) -> dict[str, float]:
    """The queue of the map as it stands against what the readers saw.

    Returns:
        real_confirmed_first40: how many of the 40 surest candidates a reader is sure of; the others are not false for
        that. real_missing: buildings of 40 m2 or more that a reader is sure the map lacks, and real_missing_found, the
        share of them that some candidate proposes, as a building or as a part of one.
    """
    first = surest(candidates, FIRST)
    missing = _apart(readings.found)
    new = [one.part if one.part is not None else one.geometry for one in candidates if one.part or one.kind == "add"]
    shapes = [_grown(shape) for shape in new]
    found = sum(any(shape.covers(one.point) for shape in shapes) for one in missing)
    return {
        f"real_confirmed_first{FIRST}": float(sum(readings.confirms(one) for one in first)),
        "real_missing": float(len(missing)),
        "real_missing_found": found / len(missing) if missing else float("nan"),
    }


def load_readings(path: Path) -> Readings:
    """Read a file of readings: per reader, by tile ("z/x/y"), every disagreement.

    Raises:
        InvalidInputError: the file is missing or is no such file.
    """
    try:
        content = path.read_bytes()
        record = json.loads(content)
        if record["format"] != FORMAT or record["version"] != FORMAT_VERSION:
            raise ValueError("another format")
        readers = tuple(
            {_tile(name): [_disagreement(one) for one in found] for name, found in reader["tiles"].items()}
            for reader in record["readers"]
        )
        if not readers:
            raise ValueError("nobody read anything")
        return Readings(str(record["place"]), readers, hashlib.sha256(content).hexdigest())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"{path.name} holds no readings of a map ({error}): leave --readings out") from error


def _tile(name: str) -> TileAddress:
    z, x, y = map(int, name.split("/"))
    return TileAddress(z, x, y)


def _disagreement(record: Mapping[str, Any]) -> Disagreement:
    if record["kind"] not in get_args(Sort):
        raise ValueError(f"no sort of error {record['kind']!r}")
    point = shapely.Point(float(record["lon"]), float(record["lat"]))
    return Disagreement(record["kind"], point, float(record["area_m2"]), record["sure"] is True)


def _apart(found: Sequence[Disagreement]) -> list[Disagreement]:
    """Missing buildings that count, each once though several readers saw it."""
    kept: list[Disagreement] = []
    for one in found:
        reach = one.area_m2**0.5 / 2
        if one.counts and one.sort == "missing" and all(_metres(one, other) > reach for other in kept):
            kept.append(one)
    return kept


def _metres(one: Disagreement, other: Disagreement) -> float:
    frame = LocalFrame.about([one.point])
    return float(frame.to_metres(one.point).distance(frame.to_metres(other.point)))


def _grown(shape: BaseGeometry) -> BaseGeometry:
    """A shape in degrees, NEAR_M larger on every side."""
    frame = LocalFrame.about([shape])
    return frame.to_lonlat(frame.to_metres(shape).buffer(NEAR_M))
