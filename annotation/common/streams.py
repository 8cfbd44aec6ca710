"""Files that are written while they are sent: JSON arrays, archives, CSV that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, TypeVar, cast

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from rest_framework.utils.encoders import JSONEncoder

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that opens with one of these would run as a formula in a spreadsheet."""
ROWS_AT_ONCE = 200
FIRST_ROWS = 500

Row = TypeVar("Row")


def begun_at_once(
    rows: QuerySet[Any, Row], number_of: Callable[[Row], int], at_once: int, by: str = "pk"
) -> Iterator[Row]:
    """Rows in constant memory, the first ones at once however many there are.

    Outside a transaction a cursor is one that is held: the database puts all of its rows together before it gives any.
    So the first rows are asked for by themselves, a short walk along an index, and the cursor goes on from there.

    Args:
        rows: ordered by a number that an index has, each row with one of its own.
        number_of: that number of a row; `by` is its name.
        at_once: rows that the cursor hands over together.
    """
    first = list(rows[:FIRST_ROWS])
    yield from first
    if len(first) == FIRST_ROWS:
        yield from rows.filter(**{f"{by}__gt": number_of(first[-1])}).iterator(at_once)


def safe_cell(value: Any) -> Any:
    """Text that can't be taken for a formula; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def csv_rows(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Lines of a CSV file, some at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for number, row in enumerate(rows, start=1):
        writer.writerow([safe_cell(value) for value in row])
        if number % ROWS_AT_ONCE == 0:
            yield _take(buffer)
    yield _take(buffer)


def json_array(rows: Iterable[Any]) -> Iterator[str]:
    """A JSON array, one element per line."""
    yield "[\n"
    for number, row in enumerate(rows):
        yield (",\n" if number else "") + json.dumps(row, cls=JSONEncoder, ensure_ascii=False)
    yield "\n]\n"


def zip_archive(entries: Iterable[tuple[str, bytes | Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP file of these names and contents, in pieces: no entry is asked for before the ones ahead of it are sent.

    PNG is kept as it is, all else is packed.
    """
    sink = _Sink()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in [content] if isinstance(content, bytes) else content:
                    file.write(piece)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


class _Sink:
    """Takes what is written and gives it up again; it can't be sought, so that an archive is written in one go."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def download(content: Iterator[str], *, name: str, content_type: str) -> StreamingHttpResponse:
    """The stream as a file of this name."""
    response = StreamingHttpResponse((part.encode() for part in content), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
