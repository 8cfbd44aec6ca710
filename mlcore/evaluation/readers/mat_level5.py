"""Tables and structs of MATLAB files, read without SciPy, which a damaged file crashes (segmentation fault, 1.17).

Source of the format: MathWorks, "MAT-File Format", level 5: 128 bytes of header, then elements of a tag (type, bytes)
and data padded to 8 bytes. Type 14 is an array (flags, dimensions, name, content), type 15 a deflated element; data of
4 bytes and less lies in the tag itself.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mlcore.errors import InvalidInputError

MOST_BYTES = 64 * 1024**2
MOST_UNPACKED = 256 * 1024**2
MOST_NUMBERS = 100_000
"""In a table: larger arrays, such as the pictures that lie in the same file, are passed over."""
MOST_FIELDS, MOST_DEPTH = 64, 4
HEADER, ARRAY, DEFLATED = 128, 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
STRUCT, FIRST_NUMERIC, LAST_NUMERIC, COMPLEX = 2, 6, 15, 0x0800

Order = Literal["<", ">"]
ORDERS: dict[bytes, Order] = {b"IM": "<", b"MI": ">"}
Content = np.ndarray | dict[str, Any]


class _DamagedError(Exception):
    """The bytes are no file of level 5."""


def read_tables(path: Path) -> dict[str, Content]:
    """Numeric arrays of two dimensions as float64, and structs of one element as dictionaries of such; the rest is
    passed over.

    Raises:
        InvalidInputError: no file of level 5, too large, or damaged.
    """
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise InvalidInputError(f"there is no MATLAB file of {MOST_BYTES // 1024**2} MB or less in {path.name}")
    content = path.read_bytes()
    order = ORDERS.get(content[126:HEADER])
    if order is None or content[:10] == b"MATLAB 7.3":
        raise InvalidInputError(f"{path.name} is no MATLAB file of level 5: save it in MATLAB with save -v7")
    found: dict[str, Content] = {}
    left = MOST_UNPACKED
    try:
        for element in _Reader(content[HEADER:], order).elements():
            kind, data = element
            if kind == DEFLATED:
                inner = _inflated(data, left, path)
                left -= len(inner)
                kind, data = next(_Reader(inner, order).elements(), (0, b""))
            if kind == ARRAY:
                name, value = _array(_Reader(data, order), 0)
                if value is not None:
                    found[name] = value
    except _DamagedError as error:
        raise InvalidInputError(f"{path.name} is a damaged MATLAB file ({error}): fetch the set again") from error
    return found


@dataclass
class _Reader:
    """Elements one after the other.

    Attributes:
        at: where the next one begins.
    """

    data: bytes
    order: Order
    at: int = 0

    def elements(self) -> Iterator[tuple[int, bytes]]:
        while self.at + 8 <= len(self.data):
            yield self.next()

    def next(self) -> tuple[int, bytes]:
        """Type and data of the next element; a deflated one is not padded."""
        if self.at + 8 > len(self.data):
            raise _DamagedError("it ends early")
        (kind, size) = struct.unpack_from(f"{self.order}II", self.data, self.at)
        if kind >> 16:
            kind, size, begin, end = kind & 0xFFFF, kind >> 16, self.at + 4, self.at + 8
        else:
            begin = self.at + 8
            end = begin + size + (-size % 8 if kind != DEFLATED else 0)
        if begin + size > len(self.data) or (begin == self.at + 4 and size > 4):
            raise _DamagedError("an element is longer than the file")
        self.at = end
        return kind, self.data[begin : begin + size]

    def numbers(self) -> np.ndarray:
        """The next element's numbers, of one dimension."""
        kind, data = self.next()
        if kind not in NUMBERS:
            raise _DamagedError(f"there is no number of type {kind}")
        sort = np.dtype(NUMBERS[kind]).newbyteorder(self.order)
        return np.frombuffer(data[: len(data) // sort.itemsize * sort.itemsize], sort)

    def text(self) -> str:
        return self.next()[1].decode("ascii", errors="replace")


def _array(reader: _Reader, depth: int) -> tuple[str, Content | None]:
    """Name and content of an array; None where it is none of those that are read."""
    flags = reader.numbers()
    shape = [int(side) for side in reader.numbers()]
    name = reader.text()
    if not len(flags) or len(shape) < 2 or min(shape) < 0:
        raise _DamagedError("an array has no flags or no dimensions")
    kind = int(flags[0]) & 0xFF
    if kind == STRUCT and shape == [1, 1] and depth < MOST_DEPTH:
        return name, _struct(reader, depth)
    if not FIRST_NUMERIC <= kind <= LAST_NUMERIC or int(flags[0]) & COMPLEX or len(shape) != 2:
        return name, None
    if prod(shape) > MOST_NUMBERS:
        return name, None
    values = reader.numbers()
    if len(values) != prod(shape):
        raise _DamagedError("an array has other numbers than its dimensions say")
    return name, values.astype(np.float64).reshape(shape, order="F")


def _struct(reader: _Reader, depth: int) -> dict[str, Any]:
    """The fields of a struct of one element."""
    length = reader.numbers()
    width = int(length[0]) if len(length) else 0
    names = reader.next()[1]
    if not 0 < width <= 64 or len(names) > width * MOST_FIELDS:
        raise _DamagedError("a struct has too many fields, or none")
    fields = {}
    for begin in range(0, len(names) - width + 1, width):
        kind, data = reader.next()
        if kind != ARRAY:
            raise _DamagedError("a field of a struct is no array")
        field = names[begin : begin + width].split(b"\0")[0].decode("ascii", errors="replace")
        fields[field] = _array(_Reader(data, reader.order), depth + 1)[1] if data else None
    return fields


def _inflated(data: bytes, most: int, path: Path) -> bytes:
    engine = zlib.decompressobj()
    try:
        content = engine.decompress(data, most + 1)
    except zlib.error as error:
        raise _DamagedError(str(error)) from error
    if len(content) > most:
        raise InvalidInputError(
            f"{path.name} unpacks to over {MOST_UNPACKED // 1024**2} MB: keep only landmarks and T in it"
        )
    return content
