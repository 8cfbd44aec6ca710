"""Landmarks from a table: name, latitude and longitude, and what describes them, one a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.gis.geos import Point
from django.db import transaction

from annotation.accounts.models import User
from annotation.landmarks.errors import UnreadableTableError
from annotation.landmarks.models import Landmark, LandmarkSource
from annotation.landmarks.services import keep_up
from annotation.review.services import audit
from annotation.sources.models import Region
from annotation.sources.services.files import Upload

MOST_BYTES = 8 * 2**20
MOST_ROWS = 20_000
MOST_TOLD = 50
BATCH = 1000
COLUMNS = {
    "name": ("name", "title", "label"),
    "lat": ("lat", "latitude", "y"),
    "lon": ("lon", "lng", "long", "longitude", "x"),
    "description": ("description", "text", "caption", "notes"),
    "key": ("id", "key", "ref"),
}


@dataclass
class Imported:
    """What came of a table: rows that are new, rows that are other now, and lines that were left out, with why."""

    added: int = 0
    changed: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    left_out: int = 0

    def skip(self, line: int, why: str) -> None:
        self.left_out += 1
        if len(self.skipped) < MOST_TOLD:
            self.skipped.append({"line": line, "why": why})


def import_csv(*, user: User, region: Region, file: Upload) -> Imported:
    """Read a table of landmarks in; lines that can't be read are left out and told.

    A row is the one of an earlier table that has its `id`, where the table has such a column, else its name and place.

    Raises:
        UnreadableTableError: it is no such table; the message says what is wrong with it.
    """
    done = Imported()
    rows = dict(_rows(_table(_text(file)), done))
    with transaction.atomic():
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        known = {row.key: row for row in Landmark.objects.of_source(region, LandmarkSource.CSV).locked()}
        fresh, other = [], []
        for key, values in rows.items():
            row = known.get(key)
            if row is None:
                fresh.append(Landmark(region=region, source=LandmarkSource.CSV, key=key, created_by=user, **values))
            elif not row.edited and any(getattr(row, name) != value for name, value in values.items()):
                for name, value in values.items():
                    setattr(row, name, value)
                other.append(row)
        Landmark.objects.bulk_create(fresh, batch_size=BATCH)
        Landmark.objects.bulk_update(other, ["name", "description", "point"], batch_size=BATCH)
        done.added, done.changed = len(fresh), len(other)
        audit.record(actor=user, action="landmark.import", object_kind="region", object_id=region.pk,
                     scope_id=region.pk, name=file.name, added=done.added, changed=done.changed)  # fmt: skip
        keep_up.changed()
    return done


def _text(file: Upload) -> str:
    if file.path.stat().st_size > MOST_BYTES:
        raise UnreadableTableError(f"tables end at {MOST_BYTES >> 20} MB: cut it into several")
    content = file.path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTableError("the file is no text in UTF-8: save it as CSV in UTF-8") from error
    if "\x00" in text:
        raise UnreadableTableError("the file holds NUL bytes, so it is no table: save it as CSV in UTF-8")
    return text


def _table(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and values by column of every row.

    Raises:
        UnreadableTableError: it lacks a column, has too many rows, or is no table.
    """
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        places = {column: _place(names, known) for column, known in COLUMNS.items()}
        if missing := [column for column in ("name", "lat", "lon") if places[column] is None]:
            raise UnreadableTableError(
                f"the table has no column {' and no column '.join(missing)}: its first line names the columns, such as "
                "name, lat, lon, description"
            )
        for number, row in enumerate(reader):
            if number >= MOST_ROWS:
                raise UnreadableTableError(f"tables end at {MOST_ROWS:,} rows: cut it into several")
            if any(cell.strip() for cell in row):
                yield (
                    reader.line_num,
                    {
                        column: row[place].strip() if place is not None and place < len(row) else ""
                        for column, place in places.items()
                    },
                )
    except csv.Error as error:
        raise UnreadableTableError(f"the file is no table that can be read ({error}): save it as CSV") from error


def _place(names: list[str], known: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _rows(table: Iterator[tuple[int, dict[str, str]]], done: Imported) -> Iterator[tuple[str, dict[str, Any]]]:
    """Key and fields of every row that can be used."""
    seen: set[str] = set()
    for line, cells in table:
        why, lonlat = _checked(cells)
        if lonlat is None:
            done.skip(line, why)
            continue
        key = cells["key"] or f"{cells['name'][:30]}@{lonlat[1]:.6f},{lonlat[0]:.6f}"
        if key in seen:
            done.skip(line, f"a line before has the same {'id' if cells['key'] else 'name and place'}")
            continue
        seen.add(key)
        fields = {"name": cells["name"], "description": cells["description"], "point": Point(*lonlat, srid=4326)}
        yield key, fields


def _checked(cells: Mapping[str, str]) -> tuple[str, tuple[float, float] | None]:
    """Why a row can't be used, or where it lies."""
    if not cells["name"] or len(cells["name"]) > 200:
        return "its name is empty, or longer than 200 letters", None
    if len(cells["description"]) > 2000 or len(cells["key"]) > 64:
        return "its description is longer than 2000 letters, or its id than 64", None
    if not all(sign.isprintable() or sign in "\n\t" for sign in cells["name"] + cells["description"] + cells["key"]):
        return "it holds signs that can't be shown", None
    try:
        lat, lon = (float(cells[name].replace(",", ".")) for name in ("lat", "lon"))
    except ValueError:
        return "its latitude or longitude is no number", None
    if not (abs(lat) <= 85 and abs(lon) <= 180):  # NaN as well
        return "it lies nowhere on the map: latitude -85 to 85, longitude -180 to 180", None
    return "", (lon, lat)
