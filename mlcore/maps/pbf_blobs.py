"""Measures an .osm.pbf by the sizes that its blobs declare, before anything in it is inflated."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlcore.errors import InvalidInputError
from mlcore.limits import MapLimits

MAX_HEADER_BYTES = 64 * 1024
MAX_BLOB_BYTES = 32 * 1024**2
"""The format's own limits."""
MAX_BLOBS = 500_000
HEAD_BYTES = 64
"""Where a blob declares its inflated size: before its data, as every writer puts it."""
DATA_FIELDS = (3, 4, 6, 7)
"""zlib, lzma, lz4 and zstd data; 1 is plain data."""


def measure_pbf(path: Path, limits: MapLimits, measured_from: int) -> None:
    """Refuse a file whose blobs would inflate to too much; the reader holds every blob to what it declares.

    Args:
        measured_from: smaller contents are let through, whatever their ratio.

    Raises:
        InvalidInputError: damaged, or it swells beyond the limits.
    """
    size, total = path.stat().st_size, 0
    for number, inflated in enumerate(_declared(path, size)):
        total += inflated
        swollen = total > measured_from and total > limits.max_pbf_ratio * size
        if swollen or total > limits.max_expanded_bytes or number >= MAX_BLOBS:
            raise InvalidInputError(
                f"{path.name} swells from {size} to more than {total} bytes in {number + 1} blobs: check what it "
                "holds, or write it anew with osmium cat"
            )


def _declared(path: Path, size: int) -> Iterator[int]:
    """The inflated size that each blob declares."""
    with path.open("rb") as file:
        at = 0
        while at < size:
            file.seek(at)
            raw = file.read(4)
            length = struct.unpack(">I", raw)[0] if len(raw) == 4 else MAX_HEADER_BYTES
            if length >= MAX_HEADER_BYTES:
                raise _damaged(path)
            header = file.read(length)
            packed = next((value for field, value in _fields(header, path) if field == 3), -1)
            at = file.tell() + packed
            if not 0 <= packed <= MAX_BLOB_BYTES or at > size:
                raise _damaged(path)
            yield _inflated(file, packed, path)


def _inflated(file: BinaryIO, packed: int, path: Path) -> int:
    """What the blob at the file's place says it holds."""
    for field, value in _fields(file.read(min(HEAD_BYTES, packed)), path):
        if field == 2:
            if value > MAX_BLOB_BYTES:
                raise InvalidInputError(f"{path.name} has a blob of {value} bytes: the format allows {MAX_BLOB_BYTES}")
            return value
        if field in DATA_FIELDS:
            break  # the size is declared after the data, if at all
    else:
        return packed
    return MAX_BLOB_BYTES if packed > HEAD_BYTES else packed


def _fields(data: bytes, path: Path) -> Iterator[tuple[int, int]]:
    """(number, value) of each field of a protobuf message; of bytes the value is their length.

    Ends where bytes run past `data`, after their field was told.
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at, path)
        field, kind = tag >> 3, tag & 7
        if kind not in (0, 2):
            raise _damaged(path)
        value, at = _varint(data, at, path)
        yield field, value
        at += value if kind == 2 else 0


def _varint(data: bytes, at: int, path: Path) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _damaged(path)
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _damaged(path)


def _damaged(path: Path) -> InvalidInputError:
    return InvalidInputError(f"{path.name} is a damaged .osm.pbf: download it again, or write it anew with osmium cat")
