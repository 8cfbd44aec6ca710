"""Local features of a database's bases on disk, in blocks that appear whole and never change.

    local/settings.json            how features were taken
    local/blocks/000003/block.json numbers of the bases, how many points each has, sizes and digests of the arrays
    local/blocks/000003/points.npy (N, 4) float32: x, y, size, angle
    local/blocks/000003/words.npy  (N, 128) uint8

A point costs 144 bytes here and 80 in the index: a base of 2048 px, which has 4,096 of them, 0.9 MB.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.digests import sha256_of
from mlcore.errors import ConfigError, FeatureDatabaseError, NoSpaceError
from mlcore.files import check_space, whole_file
from mlcore.geolocation.local.features import LocalFeatures
from mlcore.geolocation.shards import flush

FOLDER, SETTINGS, BLOCKS = "local", "settings.json", "blocks"
RECORDS, POINTS, WORDS = "block.json", "points.npy", "words.npy"
ARRAYS = (POINTS, WORDS)
FORMAT = 1


@dataclass(frozen=True)
class LocalSettings:
    """How local features of bases are taken.

    Attributes:
        per_px: a base has a point for so many of its pixels, but at least `least` and at most `most`.
        most_px: longest side at which a base is looked at.
        block_bases: bases that are written at once, and that a kill costs at most.
    """

    per_px: int = 1024
    least: int = 512
    most: int = 4096
    most_px: int = 4096
    block_bases: int = 64

    def __post_init__(self) -> None:
        if min(self.per_px, self.least, self.most_px, self.block_bases) < 1 or self.least > self.most:
            raise ConfigError("settings of local features are positive numbers, `least` no more than `most`")

    def points_of(self, height: int, width: int) -> int:
        """How many points a base of that size may have."""
        return int(np.clip(height * width // self.per_px, self.least, self.most))


class Block:
    """A block as it lies on disk.

    Raises:
        FeatureDatabaseError: a file of it is missing, cut short, or no block's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            content = json.loads((folder / RECORDS).read_text(encoding="utf-8"))
            self.files: dict[str, dict[str, Any]] = content["files"]
            self.numbers = np.array(content["numbers"], np.int64)
            self.starts = np.concatenate([[0], np.cumsum(np.array(content["counts"], np.int64))])
            wrong = [name for name in ARRAYS if (folder / name).stat().st_size != self.files[name]["bytes"]]
            if wrong or len(self.starts) != len(self.numbers) + 1:
                raise ValueError(f"{', '.join(wrong) or RECORDS} has another size")
            self.points = np.load(folder / POINTS, mmap_mode="r", allow_pickle=False)
            self.words = np.load(folder / WORDS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FeatureDatabaseError(f"block {folder.name} of local features is damaged ({error})") from error

    def __len__(self) -> int:
        return len(self.numbers)

    def features(self, row: int) -> LocalFeatures:
        """Those of the base at a row, read into memory."""
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return LocalFeatures.of_points(np.array(self.points[part]), np.array(self.words[part]))

    def damage(self) -> str:
        """A sentence about arrays whose bytes are no longer those that were written, empty where there are none."""
        wrong = [name for name in ARRAYS if sha256_of(self.folder / name) != self.files[name]["sha256"]]
        named = ", ".join(wrong)
        return f"block {self.folder.name} of local features is damaged ({named} holds other bytes)" if wrong else ""


class LocalStore:
    """The blocks of a database, opened for reading.

    Attributes:
        folder: `local` of the database; settings: by which it was made.
        damaged: a sentence about each block that can't be read, beginning with `block NAME`.
    """

    def __init__(self, folder: Path, settings: LocalSettings, blocks: Sequence[Block], damaged: Sequence[str]) -> None:
        self.folder, self.settings = folder, settings
        self.blocks, self.damaged = list(blocks), list(damaged)
        self._at = {
            int(number): (place, row) for place, block in enumerate(blocks) for row, number in enumerate(block.numbers)
        }

    @classmethod
    def open(cls, database_folder: Path) -> LocalStore:
        """What lies beside a database.

        Raises:
            FeatureDatabaseError: nothing does, or it is of another version.
        """
        folder = database_folder / FOLDER
        try:
            content = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise ValueError("another version wrote it")
            settings = LocalSettings(**content)
        except FileNotFoundError as error:
            raise FeatureDatabaseError(
                f"the database {database_folder.name} has no local features: make them with locate build "
                "--local-features"
            ) from error
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
            raise FeatureDatabaseError(
                f"the local features of {database_folder.name} are damaged or of another version ({error}): delete "
                f"{folder} and make them again with locate build --local-features"
            ) from error
        blocks, damaged = [], []
        for path in sorted(path for path in (folder / BLOCKS).glob("*") if path.name.isdigit()):
            try:
                blocks.append(Block(path))
            except FeatureDatabaseError as error:
                if path.exists():  # else a writer dropped it this moment
                    damaged.append(str(error))
        return cls(folder, settings, blocks, damaged)

    @classmethod
    def create(cls, database_folder: Path, settings: LocalSettings) -> LocalStore:
        """An empty one, unless there is one already."""
        folder = database_folder / FOLDER
        if not (folder / SETTINGS).exists():
            (folder / BLOCKS).mkdir(parents=True, exist_ok=True)
            with whole_file(folder / SETTINGS) as scratch:
                scratch.write_text(json.dumps({"format": FORMAT, **asdict(settings)}, indent=1), encoding="utf-8")
        return cls.open(database_folder)

    def __contains__(self, number: int) -> bool:
        return number in self._at

    @property
    def numbers(self) -> np.ndarray:
        """Of the bases that have features here."""
        return np.array(sorted(self._at), np.int64)

    def features(self, number: int) -> LocalFeatures:
        """Those of a base by its number."""
        place, row = self._at[number]
        return self.blocks[place].features(row)

    def each(self, numbers: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Number, (N, 4) points and (N, 128) words of some bases, in the order of their blocks, memory-mapped."""
        wanted = {int(number) for number in numbers}
        for block in self.blocks:
            for row, number in enumerate(block.numbers.tolist()):
                if number in wanted:
                    part = slice(int(block.starts[row]), int(block.starts[row + 1]))
                    yield number, block.points[part], block.words[part]

    def drop(self, alive: np.ndarray) -> None:
        """Delete what can't be read, and blocks all of whose bases are gone."""
        known = set(alive.tolist())
        gone = [block.folder.name for block in self.blocks if not known & set(block.numbers.tolist())]
        drop_blocks(self.folder / BLOCKS, [*gone, *(line.split()[1] for line in self.damaged)])
        for path in (self.folder / BLOCKS).glob(".*"):
            shutil.rmtree(path, ignore_errors=True)


def drop_blocks(folder: Path, names: Sequence[str]) -> None:
    """Delete blocks by the names of their folders: a reader finds one whole, or not at all."""
    for name in names:
        gone = folder / f".gone-{name}"
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(FileNotFoundError):
            (folder / name).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def write_block(folder: Path, number: int, rows: Sequence[tuple[int, LocalFeatures]]) -> Block:
    """Write features by the numbers of their bases: they are there whole, or not at all.

    Raises:
        NoSpaceError: the disk has no room.
    """
    target, scratch = folder / f"{number:06d}", folder / f".{os.getpid()}-{number:06d}"
    arrays = {
        POINTS: np.concatenate([found.points for _, found in rows]),
        WORDS: np.concatenate([found.words for _, found in rows]),
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
        content = {"files": files, "numbers": [one for one, _ in rows], "counts": [len(found) for _, found in rows]}
        (scratch / RECORDS).write_text(json.dumps(content), encoding="utf-8")
        for name in (*ARRAYS, RECORDS, "."):
            flush(scratch / name)
        scratch.rename(target)
        flush(folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpaceError("the disk of local features is full: make room there") from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Block(target)
