"""Texts, ids and times from outside, made safe to store."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlcore.errors import InvalidInputError

MAX_ID = 2**62
MAX_NOTES = 500
MAX_TEXT = 4096
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class RepairLog:
    """Notes on what was repaired or left out; past MAX_NOTES only their number is kept."""

    def __init__(self) -> None:
        self._notes: list[str] = []
        self._more = 0

    def add(self, note: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.append(note)
        else:
            self._more += 1

    def notes(self) -> list[str]:
        return [*self._notes, f"and {self._more} more repairs"] if self._more else list(self._notes)


def clean_tags(tags: Mapping[str, str], name: str, log: RepairLog) -> dict[str, str]:
    """Tags without control characters, lone surrogates and endless values; what was changed is logged."""
    cleaned = {_UNSAFE.sub("", key)[:MAX_TEXT]: _UNSAFE.sub("", value)[:MAX_TEXT] for key, value in tags.items()}
    if cleaned != dict(tags):
        log.add(f"{name}: characters that can't be stored were removed from its tags")
    return cleaned


def checked_id(value: Any, what: str) -> int:
    """An OSM id or version from JSON: a whole number, or text of one.

    Raises:
        InvalidInputError: it isn't one, or it is beyond 2^62.
    """
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -MAX_ID < value < MAX_ID:
        raise InvalidInputError(f"{what} {str(value)[:40]!r} is not a whole number below 2^62: correct or remove it")
    return value


def checked_time(value: Any) -> datetime | None:
    """A time in ISO 8601; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        stamp = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return stamp if stamp.tzinfo is not None else None
