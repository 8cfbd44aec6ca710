"""Whether an image may confirm that a mapped building still stands, and the day that becomes its `check_date`."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from annotation.changes.models import Change, ChangeKind
from annotation.sources.models import Footprint

KINDS = (ChangeKind.REMOVE, ChangeKind.MODIFY)
"""Suggestions that doubt a building as it stands in the map."""
CHECK_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


@dataclass(frozen=True)
class Standing:
    """The day that would be its `check_date`, or why a confirmation would say nothing, or something older."""

    on: dt.date
    why_not: str = ""


def standing_of(change: Change, newer: Mapping[int, Footprint] | None, today: dt.date) -> Standing | None:
    """Whether a person may confirm the building of this suggestion; None where it is about none that stands.

    The day is that of the image; where that is unknown or still to come, `today`, as a person looks at it now.

    Args:
        newer: buildings of a map newer than the scanned one, by object; None where there is no such map.
    """
    if change.kind not in KINDS or change.footprint is None:
        return None
    captured = change.scan.imagery.captured_on
    on = captured if captured is not None and captured <= today else today
    if change.footprint.osm_id is None:
        return Standing(on, "the map gives no OSM id for this building, so that none of its tags can be set")
    states = [change.footprint]
    if newer is not None:
        if change.object_id is None or change.object_id not in newer:
            return Standing(on, "a newer map lacks this building: scan again")
        states.append(newer[change.object_id])
    return Standing(on, next(filter(None, (said_already(one.edited_at, one.tags, on) for one in states)), ""))


def said_already(edited_at: dt.datetime | None, tags: Mapping[str, str], on: dt.date) -> str:
    """Why an image of that day says nothing new of a building in this state; empty where it does."""
    if edited_at is not None and edited_at.date() > on:
        return f"the image of {on} is older than the object's last edit, of {edited_at.date()}"
    said = tags.get("check_date")
    if said is None:
        return ""
    checked = last_day(said)
    if checked is None:
        return f"its check_date is {said[:40]!r}, which is no day: mend it in the map first"
    return f"the map says that it was seen on {said}, and the image is of {on}" if checked >= on else ""


def last_day(value: str) -> dt.date | None:
    """The last day of what a `check_date` names: a day, a month or a year; None where it names none."""
    found = CHECK_DATE.fullmatch(value.strip())
    if found is None:
        return None
    year, month = int(found[1]), int(found[2] or 12)
    try:
        return dt.date(year, month, int(found[3] or calendar.monthrange(year, month)[1]))
    except ValueError:
        return None
