"""Candidates as lines of JSON: what a scan hands on to whoever stores them, read back one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress

GEOMETRY, TILE = "wkb", "tile"


def write_candidates(path: Path, candidates: Iterable[Candidate]) -> None:
    """Write one candidate per line, in their order; the file appears whole or not at all."""
    names = [field.name for field in fields(Candidate)]
    try:
        with whole_file(path) as scratch, scratch.open("w", encoding="utf-8") as file:
            for candidate in candidates:
                record = {name: _plain(getattr(candidate, name)) for name in names}
                file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    except OSError as error:
        raise InvalidInputError(f"can't write the candidates to {path}: {error}; free some space") from error


def read_candidates(path: Path) -> Iterator[Candidate]:
    """What `write_candidates` wrote, line by line.

    Raises:
        InvalidInputError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield Candidate(**{name: _value(value) for name, value in json.loads(line).items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise InvalidInputError(
            f"{path.name} holds no candidates of a scan ({error}): scan the region again"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, BaseGeometry):
        return {GEOMETRY: value.wkb_hex}
    return {TILE: [value.z, value.x, value.y]} if isinstance(value, TileAddress) else value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict) and set(plain) == {GEOMETRY}:
        return shapely.from_wkb(plain[GEOMETRY])
    return TileAddress(*plain[TILE]) if isinstance(plain, dict) and set(plain) == {TILE} else plain
