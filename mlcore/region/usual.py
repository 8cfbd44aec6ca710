"""What is usual in a place, measured on some blocks of its own map: asked once in a scan, whatever the place's size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlcore.changes.diff import Measures, blocks_of, map_about, untraced_footprints
from mlcore.changes.moves import MapMoves
from mlcore.changes.usual import LEAST_SPREAD, STRANGE, Usual
from mlcore.cores import Cores
from mlcore.correspondences.dense.shift import Shift
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress

_Block = tuple[MapIndex, TileAddress, Sequence[TileAddress]]
ENOUGH = 32
"""Mapped tiles that are measured, and no more than a block besides."""


def usual_place(
    evidence: EvidenceReader,
    source: PairSource,
    tiles: Sequence[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    *,
    cores: Cores | None = None,
    progress: Progress | None = None,
) -> Usual | None:
    """Of the footprints on some mapped tiles, the few that are wrong among them; None where there are too few.

    Args:
        evidence: of networks that learnt nothing of the place.

    Raises:
        StoppedError: asked to stop.
    """
    some = spread_blocks([tile for tile in tiles if source.mapped(tile)])
    if not some:
        return None
    moves, blocks = MapMoves(shifts), blocks_of(some)

    def sent(block: _Block) -> _Block:
        return MapIndex(map_about(*block, moves)), *block[1:]

    found = (cores or Cores()).each(
        _figures, (evidence, moves), [(source.index, *block) for block in blocks.items()], sent=sent,
        progress=progress, message="what is usual in the place",
    )  # fmt: skip
    return Usual.of([figures for block in found for figures in block])


def _figures(shared: tuple[EvidenceReader, MapMoves], block: _Block) -> list[np.ndarray]:
    evidence, moves = shared
    return [one.figures for one in untraced_footprints(evidence, *block, moves)]


def usual_on_map(measures: Sequence[Measures]) -> Usual | None:
    """Of a place's map as it stands, measured."""
    return Usual.of([one.figures for block in measures for one in block.footprints])


def spread_blocks(tiles: Sequence[TileAddress]) -> list[TileAddress]:
    """Whole blocks of tiles, each far from those before it, until there are ENOUGH tiles or no more."""
    blocks, chosen = list(blocks_of(tiles).values()), list[TileAddress]()
    bits = max(1, len(blocks) - 1).bit_length()
    turns = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits))  # 0, a half, a quarter, three quarters
    for turn in turns:
        if turn < len(blocks) and len(chosen) < ENOUGH:
            chosen += blocks[turn]
    return chosen


def usual_file(evidence: Path) -> Path:
    """Where a scan that wrote this evidence keeps what was usual in its place."""
    return evidence.with_name(f"{evidence.stem}.usual.json")


def save_usual(path: Path, usual: Usual | None) -> None:
    """Write what is usual in a place, or that nothing is; the file appears whole or not at all."""
    record = None if usual is None else {"middle": usual.middle.tolist(), "spread": usual.spread.tolist()}
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(record), encoding="utf-8")


def load_usual(path: Path) -> Usual | None:
    """Read what `save_usual` wrote.

    Raises:
        InvalidInputError: the file is missing, damaged or of other figures.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record is None:
            return None
        middle, spread = (np.array(record[part], np.float64) for part in ("middle", "spread"))
        if {middle.shape, spread.shape} != {(len(STRANGE),)} or not np.isfinite([middle, spread]).all():
            raise ValueError("other figures")
        return Usual(middle, np.maximum(spread, LEAST_SPREAD))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path.name} does not say what is usual in the place ({error}): scan the region again"
        ) from error
