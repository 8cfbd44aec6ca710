"""A segment: one write to a store, or several brought together, in a folder that appears whole and never changes.

00000003-00000007/segment.json   sizes of the files; the name says for which writes it stands, the first and the last
00000003-00000007/ids.npy        (N,) int64, each once: they take the place of the same ids in earlier segments
00000003-00000007/vectors.npy    (N, D) float16
00000003-00000007/removed.npy    (M,) int64: ids that earlier segments no longer have
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.errors import NoSpaceError, VectorStoreError
from mlcore.files import check_space

ABOUT, IDS, VECTORS, REMOVED = "segment.json", "ids.npy", "vectors.npy", "removed.npy"
FILES = (IDS, VECTORS, REMOVED)
NAME = re.compile(r"(\d{8})-(\d{8})")
BLOCK = 8192
"""Rows that are written at once."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment, open.

    Attributes:
        first, last: the writes that it stands for.
        ids, removed: read into memory; vectors: mapped, and outlives the folder.
    """

    folder: Path
    first: int
    last: int
    ids: np.ndarray
    vectors: np.ndarray
    removed: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def name(self) -> str:
        return self.folder.name


def listed(folder: Path) -> list[str]:
    """Names of what a folder holds."""
    return [path.name for path in folder.iterdir()]


def names_of(folder: Path) -> list[str]:
    """Names of the segments that count, in order: those that no other one stands for."""
    spans = sorted((int(match[1]), -int(match[2]), name) for name in listed(folder) if (match := NAME.fullmatch(name)))
    kept: list[str] = []
    reached = 0
    for _, minus_last, name in spans:
        if -minus_last > reached:
            kept.append(name)
            reached = -minus_last
    return kept


def superseded(folder: Path) -> list[str]:
    """Names of the segments that another one stands for."""
    counted = set(names_of(folder))
    return [name for name in listed(folder) if NAME.fullmatch(name) and name not in counted]


def open_segment(folder: Path, dimension: int) -> Segment:
    """A segment as it lies on disk, its vectors mapped.

    Raises:
        VectorStoreError: a file of it is cut short, or of another size than `dimension`.
        FileNotFoundError: it is gone: another process brought it together with others.
    """
    match = NAME.fullmatch(folder.name)
    if match is None:
        raise VectorStoreError(f"{folder} is no segment of a store")
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        wrong = [name for name in FILES if (folder / name).stat().st_size != about["bytes"][name]]
        ids, removed = (np.load(folder / name, allow_pickle=False) for name in (IDS, REMOVED))
        vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        if folder.is_dir() and (folder / ABOUT).is_file():
            raise VectorStoreError(f"segment {folder.name} lacks a file: make the store anew") from None
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VectorStoreError(f"segment {folder.name} is damaged ({error}): make the store anew") from error
    if wrong or vectors.shape != (len(ids), dimension):
        raise VectorStoreError(f"segment {folder.name} is damaged ({', '.join(wrong) or VECTORS}): make the store anew")
    return Segment(folder, int(match[1]), int(match[2]), ids, vectors, removed)


def write_segment(
    folder: Path,
    first: int,
    last: int,
    ids: np.ndarray,
    blocks: Iterable[np.ndarray],
    removed: np.ndarray,
    dimension: int,
) -> None:
    """Write a segment: it is there whole, or not at all.

    Args:
        folder: that holds the segments.
        ids: (N,) int64; blocks: their vectors, (n, D) each, N in all; removed: (M,) int64.

    Raises:
        NoSpaceError: the disk has no room.
    """
    name = f"{first:08d}-{last:08d}"
    scratch = folder / f".{os.getpid()}-{name}"
    check_space(folder / name, len(ids) * (2 * dimension + 8) + removed.nbytes)
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir()
        np.save(scratch / IDS, np.ascontiguousarray(ids, np.int64))
        np.save(scratch / REMOVED, np.ascontiguousarray(removed, np.int64))
        _write_rows(scratch / VECTORS, (len(ids), dimension), blocks)
        sizes = {name: (scratch / name).stat().st_size for name in FILES}
        (scratch / ABOUT).write_text(json.dumps({"bytes": sizes}), encoding="utf-8")
        for one in (*FILES, ABOUT, "."):
            flush(scratch / one)
        scratch.rename(folder / name)
        flush(folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpaceError(f"the disk of {folder.parent.name} is full: make room there") from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def drop(folder: Path, names: Iterable[str]) -> None:
    """Delete segments; whoever has them open reads on."""
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)


def flush(path: Path) -> None:
    """Bring a file or a folder's list of files onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_rows(path: Path, shape: tuple[int, int], blocks: Iterable[np.ndarray]) -> None:
    """A .npy file of float16, block by block."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype("<f2")), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            for start in range(0, len(block), BLOCK):
                file.write(np.ascontiguousarray(block[start : start + BLOCK], "<f2").tobytes())
