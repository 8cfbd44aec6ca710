"""Candidates as lines of JSON: what a scan hands on to whoever stores them, read back one by one.

What is looked at again later is kept beside the list, tile by tile, so that a few tiles cost no more than themselves;
whoever reads gets both as one.
"""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress

GEOMETRY, TILE = "wkb", "tile"
FIELDS = [field.name for field in fields(Candidate)]
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError)
LEAST_RENEWED, RENEWED_SHARE = 1_000_000, 8
"""Bytes of renewed tiles, and the share of the list, one in so many, at which both are written as one list again."""


def write_candidates(path: Path, candidates: Iterable[Candidate]) -> None:
    """Write one candidate per line, in their order; the file appears whole or not at all, and nothing is renewed."""
    try:
        with whole_file(path) as scratch, scratch.open("w", encoding="utf-8") as file:
            for candidate in candidates:
                file.write(_line(_record(candidate)))
        renewed_file(path).unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInputError(f"can't write the candidates to {path}: {error}; free some space") from error


def renew_candidates(path: Path, tiles: Collection[TileAddress], candidates: Iterable[Candidate]) -> None:
    """Let these candidates take the place of all that the list at `path` has on these tiles.

    They are appended to a file beside it; a line that a crash cut short counts for nothing. Once that file has grown to
    a good part of the list, the list is written anew, which costs each renewed tile little.

    Raises:
        InvalidInputError: the list is missing or damaged, or can't be written.
    """
    found = [_record(one) for one in candidates if one.tile in tiles]
    record = {"tiles": [_plain(tile)[TILE] for tile in sorted(tiles)], "found": found}
    try:
        size = path.stat().st_size
        with renewed_file(path).open("ab+") as file:
            file.truncate(_whole_lines(file))
            file.write(_line(record).encode())
            appended = file.tell()
    except OSError as error:
        raise InvalidInputError(f"can't write the candidates beside {path}: {error}; free some space") from error
    if appended > max(LEAST_RENEWED, size // RENEWED_SHARE):
        write_candidates(path, read_candidates(path))


def read_candidates(path: Path) -> Iterator[Candidate]:
    """What was written, with what was renewed since in its place, the surest first.

    Raises:
        InvalidInputError: the file is missing or damaged.
    """
    try:
        renewed = _renewed(renewed_file(path))
        again = sorted((one for found in renewed.values() for one in found), key=_doubt)
        with path.open(encoding="utf-8") as file:
            first = (_candidate(json.loads(line)) for line in file)
            yield from heapq.merge((one for one in first if one.tile not in renewed), again, key=_doubt)
    except DAMAGED as error:
        raise InvalidInputError(
            f"{path.name} holds no candidates of a scan ({error}): scan the region again"
        ) from error


def renewed_file(path: Path) -> Path:
    """Where the renewed tiles of a list are kept."""
    return path.with_name(f"{path.stem}.renewed{path.suffix}")


def _renewed(path: Path) -> dict[TileAddress, list[Candidate]]:
    """What is to be read of every renewed tile, by tile: what was said of it last."""
    found: dict[TileAddress, list[Candidate]] = {}
    if not path.exists():
        return found
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            record = json.loads(line)
            found |= {TileAddress(*tile): [] for tile in record["tiles"]}
            for candidate in map(_candidate, record["found"]):
                found[candidate.tile].append(candidate)
    return found


def _whole_lines(file: BinaryIO) -> int:
    """How many bytes of a file are whole lines."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    if file.read(1) in (b"", b"\n"):
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _doubt(candidate: Candidate) -> float:
    return -candidate.confidence


def _line(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _record(candidate: Candidate) -> dict[str, Any]:
    return {name: _plain(getattr(candidate, name)) for name in FIELDS}


def _candidate(record: dict[str, Any]) -> Candidate:
    return Candidate(**{name: _value(value) for name, value in record.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, BaseGeometry):
        return {GEOMETRY: value.wkb_hex}
    return {TILE: [value.z, value.x, value.y]} if isinstance(value, TileAddress) else value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict) and set(plain) == {GEOMETRY}:
        return shapely.from_wkb(plain[GEOMETRY])
    return TileAddress(*plain[TILE]) if isinstance(plain, dict) and set(plain) == {TILE} else plain
