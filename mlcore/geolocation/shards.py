"""A shard: features of some bases of one size, in a folder that appears whole and never changes.

000007/shard.json        records of the bases, sizes and digests of the arrays, the shards that it replaces
000007/tokens.npy        (N, h, w, C) float16
000007/valid.npy         (N, ceil(h w / 8)) uint8, bits
000007/descriptors.npy   (N, K, D) float32
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from mlcore.digests import sha256_of
from mlcore.errors import FeatureDatabaseError, NoSpaceError
from mlcore.files import check_space
from mlcore.geolocation.bases import Base

RECORDS, TOKENS, VALID, DESCRIPTORS = "shard.json", "tokens.npy", "valid.npy", "descriptors.npy"
ARRAYS = (TOKENS, VALID, DESCRIPTORS)
OPEN_ARRAYS = 96
"""Memory maps held open in a process: each holds a file."""


@dataclass(frozen=True, eq=False)
class Row:
    """One base on its way into a shard.

    Attributes:
        number: the base's for as long as the database lives.
        tokens: (h, w, C); valid: (h, w) bool; scale: model pixels per pixel of the base.
        descriptors: (K, D) float32, of the whole base and of its cells.
    """

    number: int
    base: Base
    tokens: np.ndarray
    valid: np.ndarray
    scale: float
    descriptors: np.ndarray


class Shard:
    """A shard as it lies on disk; arrays are mapped when they are asked for.

    Args:
        folder: of the shard.

    Raises:
        FeatureDatabaseError: a file of it is missing, cut short, or no shard's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, int(folder.name)
        try:
            content = json.loads((folder / RECORDS).read_text(encoding="utf-8"))
            self.files: dict[str, dict[str, Any]] = content["files"]
            self.numbers = np.array(content["numbers"], np.int64)
            self.names: list[str] = content["names"]
            self.digests: list[str] = content["digests"]
            self.transforms = np.array(
                [[np.nan] * 6 if one is None else one for one in content["transforms"]], np.float64
            ).reshape(-1, 6)
            self.sizes = np.array(content["sizes"], np.int64).reshape(-1, 2)
            self.scales = np.array(content["scales"], np.float64)
            self.grid: tuple[int, int] = (int(content["grid"][0]), int(content["grid"][1]))
            self.replaces: list[int] = [int(one) for one in content["replaces"]]
            wrong = [name for name in ARRAYS if (folder / name).stat().st_size != self.files[name]["bytes"]]
            counts = {
                len(one) for one in (self.numbers, self.names, self.digests, self.transforms, self.sizes, self.scales)
            }
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise FeatureDatabaseError(f"shard {folder.name} is damaged ({error})") from error
        if wrong or len(counts) != 1:
            raise FeatureDatabaseError(
                f"shard {folder.name} is damaged ({', '.join(wrong) or RECORDS} has another size)"
            )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def tokens(self) -> np.ndarray:
        """(N, h, w, C) float16, mapped."""
        return _mapped(self.folder / TOKENS)

    def valid_of(self, rows: Any) -> np.ndarray:
        """(..., h, w) bool of rows: a number, a slice or an array of them."""
        bits = np.asarray(_mapped(self.folder / VALID)[rows])
        return np.unpackbits(bits, axis=-1, count=self.grid[0] * self.grid[1]).reshape(*bits.shape[:-1], *self.grid) > 0

    @property
    def descriptors(self) -> np.ndarray:
        """(N, K, D) float32, mapped."""
        return _mapped(self.folder / DESCRIPTORS)

    def base(self, row: int) -> Base:
        """The base of a row."""
        height, width = (int(side) for side in self.sizes[row])
        numbers = self.transforms[row]
        transform = None if np.isnan(numbers).any() else Affine(*(float(number) for number in numbers))
        return Base(self.names[row], transform, height, width, self.digests[row])

    def row(self, row: int) -> Row:
        """A row, read into memory."""
        return Row(
            int(self.numbers[row]), self.base(row), np.array(self.tokens[row]), self.valid_of(row),
            float(self.scales[row]), np.array(self.descriptors[row]),
        )  # fmt: skip

    def damage(self) -> str:
        """A sentence about arrays whose bytes are no longer those that were written, empty where there are none."""
        wrong = [name for name in ARRAYS if sha256_of(self.folder / name) != self.files[name]["sha256"]]
        said = f"shard {self.folder.name} is damaged ({', '.join(wrong)} holds other bytes than were written)"
        return said if wrong else ""


def write_shard(folder: Path, number: int, rows: Sequence[Row], replaces: Sequence[int] = ()) -> Shard:
    """Write rows of one grid as a shard: it is there whole, or not at all.

    Args:
        folder: that holds the shards.
        replaces: shards that count for nothing from then on.

    Raises:
        NoSpaceError: the disk has no room.
    """
    target, scratch = folder / f"{number:06d}", folder / f".{os.getpid()}-{number:06d}"
    tokens = np.stack([row.tokens for row in rows]).astype(np.float16)
    valid = np.packbits(np.stack([row.valid.ravel() for row in rows]), axis=1)
    arrays: dict[str, np.ndarray] = {
        TOKENS: tokens,
        VALID: valid,
        DESCRIPTORS: np.stack([row.descriptors for row in rows]).astype(np.float32),
    }
    check_space(target, sum(array.nbytes for array in arrays.values()))
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir()
        for name, array in arrays.items():
            np.save(scratch / name, array)
        files = {
            name: {"bytes": (scratch / name).stat().st_size, "sha256": sha256_of(scratch / name)} for name in ARRAYS
        }
        (scratch / RECORDS).write_text(json.dumps(_content(rows, files, replaces), allow_nan=False), encoding="utf-8")
        for name in (*ARRAYS, RECORDS, "."):
            flush(scratch / name)
        scratch.rename(target)
        flush(folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpaceError(f"the disk of {folder.parent.name} is full: make room there") from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Shard(target)


def flush(path: Path) -> None:
    """Bring a file or a folder's list of files onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _content(rows: Sequence[Row], files: dict[str, dict[str, Any]], replaces: Sequence[int]) -> dict[str, Any]:
    bases = [row.base for row in rows]
    return {
        "files": files,
        "grid": list(rows[0].valid.shape),
        "replaces": list(replaces),
        "numbers": [row.number for row in rows],
        "names": [base.name for base in bases],
        "digests": [base.digest for base in bases],
        "transforms": [None if base.transform is None else list(base.transform[:6]) for base in bases],
        "sizes": [[base.height, base.width] for base in bases],
        "scales": [row.scale for row in rows],
    }


@lru_cache(maxsize=OPEN_ARRAYS)
def _mapped(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FeatureDatabaseError(
            f"{path.name} of shard {path.parent.name} can't be read ({error}): open the database again, and build it "
            "again where that says the same"
        ) from error
