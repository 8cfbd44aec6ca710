"""Texts, ids and times from outside, made safe to store."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import MAX_LATITUDE

MAX_ID = 2**62
MAX_VERSION = 2**31 - 1
FIRST_YEAR, LAST_YEAR = 1971, 2200
"""OSM began in 2004; times far outside can't be stored in every time zone."""
MAX_NOTES, MAX_SORTS = 500, 100
MAX_TEXT = 4096
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class RepairLog:
    """Notes on what was repaired or left out; past MAX_NOTES alike ones are told once, with their number."""

    def __init__(self) -> None:
        self._notes: list[str] = []
        self._alike: dict[str, tuple[str, int]] = {}

    def add(self, note: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.append(note)
            return
        sort = re.sub(r"-?\d+", "#", note)
        if sort not in self._alike and len(self._alike) >= MAX_SORTS:
            sort = "others"
        first, count = self._alike.get(sort, (note, 0))
        self._alike[sort] = first, count + 1

    def notes(self) -> list[str]:
        """All that was noted, in order, then what there is more of."""
        more = [
            first if count == 1 else f"and {count} more like this: {first}" for first, count in self._alike.values()
        ]
        return [*self._notes, *more]


def clean_text(text: str) -> str:
    """The text without control characters and lone surrogates, cut to MAX_TEXT characters."""
    return _UNSAFE.sub("", text)[:MAX_TEXT]


def clean_tags(tags: Mapping[str, str], name: str, log: RepairLog) -> dict[str, str]:
    """Tags without control characters, lone surrogates and endless values; what was changed is logged."""
    cleaned = {clean_text(key): clean_text(value) for key, value in tags.items()}
    if cleaned != dict(tags):
        log.add(f"{name}: characters that can't be stored were removed from its tags")
    return cleaned


def off_the_grid(geometry: BaseGeometry) -> str | None:
    """Why a geometry in degrees can't be drawn on the Web-Mercator grid, None when it can."""
    west, south, east, north = geometry.bounds
    if east - west > 180 or west < -180 or east > 180:
        return "crosses the 180th meridian; split it there"
    if max(-south, north) > MAX_LATITUDE:
        return f"reaches beyond {MAX_LATITUDE:.2f} degrees of latitude"
    return None


def on_the_grid(bounds: np.ndarray) -> np.ndarray:
    """(N,) bool: which boxes, (N, 4) west, south, east, north in degrees, are nothing that `off_the_grid` speaks of."""
    west, south, east, north = bounds.T
    fits = (east - west <= 180) & (west >= -180) & (east <= 180)
    return fits & (np.maximum(-south, north) <= MAX_LATITUDE)


def checked_id(value: Any, what: str) -> int:
    """An OSM id or version from JSON: a whole number, or text of one.

    Raises:
        InvalidInputError: it isn't one, or it is beyond 2^62.
    """
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and (digits := re.fullmatch(r"(-?\d{1,20})(\.0+)?", value)):
        value = int(digits[1])
    if isinstance(value, bool) or not isinstance(value, int) or not -MAX_ID < value < MAX_ID:
        raise InvalidInputError(f"{what} {str(value)[:40]!r} is not a whole number below 2^62: correct or remove it")
    return value


def checked_version(value: Any, what: str) -> int:
    """A version from JSON, 1 or more.

    Raises:
        InvalidInputError: it is no whole number that a version can be.
    """
    version = checked_id(value, what)
    if not 1 <= version <= MAX_VERSION:
        raise InvalidInputError(f"{what} {version} is not between 1 and {MAX_VERSION}: correct or remove it")
    return version


def checked_time(value: Any) -> datetime | None:
    """A time in ISO 8601 with its zone, of a year in which OSM can have been edited; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        stamp = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return stamp if stamp.tzinfo is not None and FIRST_YEAR <= stamp.year <= LAST_YEAR else None
