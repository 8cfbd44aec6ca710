"""The feature database: what the model says of every base, in memory-mapped shards beside a manifest.

    manifest.json    format, digest of the model, settings
    state.json       bases that were removed, the next base's number
    shards/000007/   features of some bases (`shards.py`)
    index/           descriptors made searchable (`index.py`)

A base of h x w tokens with C channels costs 2 h w C + h w / 8 + 4 K D bytes and about 250 of records: 32 x 32 tokens of
128 channels and one descriptor of 128 come to 263 kB, so 1,000 bases to 0.26 GB and a million to 263 GB. Open, it
holds records and places in memory (about 0.5 kB a base); features stay on the disk until they are compared.

A shard appears whole by one rename and never changes, and each other file is replaced whole: a build that is killed
at any point loses the bases of its last shard at most, and goes on when it is started again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import ConfigError, FeatureDatabaseError
from mlcore.geolocation import database_files as files
from mlcore.geolocation.bases import Base, BaseSource
from mlcore.geolocation.extraction import Extractor
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.shards import Shard
from mlcore.progress import Progress

AGAIN = "build it again from its rasters (locate build): what is whole stays"


@dataclass(frozen=True)
class DatabaseSettings:
    """How a database is built.

    Attributes:
        cells: descriptors along each side of a base besides that of the whole, of windows that overlap by half;
            1: none.
        shard_bases: bases that are written at once, and that a kill costs at most.
        compact_bases: bases of a shard after `compact`.
    """

    cells: int = 1
    shard_bases: int = 64
    compact_bases: int = 1024

    def __post_init__(self) -> None:
        if not 1 <= self.cells <= 16 or not 1 <= self.shard_bases <= self.compact_bases:
            raise ConfigError("cells must lie in 1..16 and shard_bases in 1..compact_bases")


@dataclass
class Changes:
    """What the last change of a database did.

    Attributes:
        added, replaced, removed: names of bases; empty: of those without a valid pixel, which are left out.
        kept: how many stayed as they were.
        repaired: a sentence about each damaged shard, whose bases were built again.
    """

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: int = 0
    empty: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Block:
    """Bases of one size: numbers (N,), tokens (N, h, w, C) float16, valid (N, h, w) bool."""

    numbers: np.ndarray
    tokens: np.ndarray
    valid: np.ndarray


class FeatureDatabase:
    """A database that is open for reading; made by `open` or `build`.

    Attributes:
        folder, model: where it lies, and the digest of the model that built it.
        numbers: (N,) int64, ascending: one for each base, for as long as the database lives.
        transforms: (N, 6), pixels -> EPSG:3857, not numbers for pictures of no known place.
        sizes: (N, 2) height and width.
        changes: what the build that gave it did.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], shards: Sequence[Shard]) -> None:
        self.folder, self.model, self.changes = folder, str(manifest["model"]), Changes()
        self.settings = DatabaseSettings(**manifest["settings"])
        removed, self.next_number = files.read_state(folder)
        self.shards = list(shards)
        # of two bases of one name, which a kill between writing and removing leaves, the newer counts
        newest = {name: int(n) for shard in shards for name, n in zip(shard.names, shard.numbers, strict=True)}
        rows = sorted(
            (int(number), place, row)
            for place, shard in enumerate(shards)
            for row, (name, number) in enumerate(zip(shard.names, shard.numbers, strict=True))
            if int(number) not in removed and newest[name] == int(number)
        )
        self.numbers, self._shard, self._row = np.array(rows, np.int64).reshape(-1, 3).T
        for shard in shards:
            self.next_number = max(self.next_number, int(shard.numbers.max()) + 1)
        pick = [(self.shards[place], row) for _, place, row in rows]
        self.transforms = np.array([shard.transforms[row] for shard, row in pick]).reshape(-1, 6)
        self.sizes = np.array([shard.sizes[row] for shard, row in pick], np.int64).reshape(-1, 2)

    @classmethod
    def open(cls, folder: Path, digest: str | None = None) -> FeatureDatabase:
        """Open a database for reading.

        Args:
            digest: of the model that will compare; None: whichever built it.

        Raises:
            FeatureDatabaseError: there is none, or files of it are damaged, which the message names.
            OtherModelError: another model built it.
        """
        manifest = files.read_manifest(folder, digest)
        shards, damaged = files.read_shards(folder)
        if damaged:
            raise FeatureDatabaseError(f"the database {folder.name}: {'; '.join(damaged)}: {AGAIN}")
        return cls(folder, manifest, shards)

    @classmethod
    def build(
        cls,
        source: BaseSource,
        model: Extractor,
        folder: Path,
        progress: Progress | None = None,
        *,
        settings: DatabaseSettings | None = None,
        prune: bool = False,
    ) -> FeatureDatabase:
        """Bring a database up to a source: see `upkeep.build`."""
        from mlcore.geolocation.upkeep import build

        return build(source, model, folder, progress, settings=settings, prune=prune)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def names(self) -> list[str]:
        return [self.shards[shard].names[row] for shard, row in zip(self._shard, self._row, strict=True)]

    @property
    def bases(self) -> list[Base]:
        return [self.shards[shard].base(int(row)) for shard, row in zip(self._shard, self._row, strict=True)]

    def base(self, number: int) -> Base:
        """The base of a number; FeatureDatabaseError where it was removed."""
        shard, row = self._at(number)
        return shard.base(row)

    def features(self, number: int) -> PictureFeatures:
        """What the model said of a base."""
        shard, row = self._at(number)
        return PictureFeatures(
            np.array(shard.tokens[row]),
            shard.valid_of(row),
            float(shard.scales[row]),
            np.array(shard.descriptors[row, 0]),
        )

    def blocks(self, most: int = 256) -> Iterator[Block]:
        """All bases, straight from the memory map, in blocks of one size and no more than `most`."""
        for place, shard in enumerate(self.shards):
            mine = np.flatnonzero(self._shard == place)
            for start in range(0, len(mine), most):
                chosen = mine[start : start + most]
                yield _block(shard, self._row[chosen], self.numbers[chosen])

    def chosen(self, numbers: np.ndarray, most: int = 256) -> Iterator[Block]:
        """The bases of some numbers, in blocks of one size; numbers that were removed are passed over."""
        places = np.flatnonzero(np.isin(self.numbers, numbers))
        by_grid: dict[tuple[int, int], list[Block]] = {}
        for number in np.unique(self._shard[places]):
            mine, shard = places[self._shard[places] == number], self.shards[number]
            by_grid.setdefault(shard.grid, []).append(_block(shard, self._row[mine], self.numbers[mine]))
        for blocks in by_grid.values():
            whole = Block(
                *(np.concatenate([getattr(one, n) for one in blocks]) for n in ("numbers", "tokens", "valid"))
            )
            for start in range(0, len(whole.numbers), most):
                part = slice(start, start + most)
                yield Block(whole.numbers[part], whole.tokens[part], whole.valid[part])

    def descriptors(self, least: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers (N,) from `least` on with their descriptors (N, K, D) float32, shard by shard."""
        for place, shard in enumerate(self.shards):
            mine = np.flatnonzero((self._shard == place) & (self.numbers >= least))
            if len(mine):
                yield self.numbers[mine], np.array(shard.descriptors[self._row[mine]])

    def damaged(self) -> list[str]:
        """A sentence about each shard that holds other bytes than were written; reads all of them."""
        return [line for shard in self.shards if (line := shard.damage())]

    def rows_of(self, place: int) -> list[int]:
        """The rows of the shard at a place that still count."""
        return [int(row) for row in self._row[self._shard == place]]

    def _at(self, number: int) -> tuple[Shard, int]:
        place = int(np.searchsorted(self.numbers, number))
        if place == len(self.numbers) or self.numbers[place] != number:
            raise FeatureDatabaseError(f"the database has no base {number} any more: open it again")
        return self.shards[self._shard[place]], int(self._row[place])


def _block(shard: Shard, rows: np.ndarray, numbers: np.ndarray) -> Block:
    """Rows of a shard; neighbours in it are a view of the memory map."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        chosen: Any = slice(int(rows[0]), int(rows[0]) + len(rows))
    else:
        chosen = rows
    return Block(numbers, shard.tokens[chosen], shard.valid_of(chosen))
