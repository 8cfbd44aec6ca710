"""Two matchers side by side on blocks that neither learnt, where people verified how the image shows the map."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.robust import register
from mlcore.correspondences.scanned import ScannedSource
from mlcore.correspondences.verified import BLOCK_PX, BLOCK_ZOOM, block_by_block, block_of, in_block, within
from mlcore.correspondences.warps import corner_error_px, random_warp, warped, working_range
from mlcore.errors import InvalidInputError
from mlcore.evaluation.compare import Figure, Metric, Sample, figure_of, share_true
from mlcore.evaluation.matching import auc
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource, TileView
from mlcore.progress import Progress, stop_if_asked

PLACED_M = 1.0
"""A map that is brought so near where people saw it needs no other work than a look."""
CLOSE_PX = 3.0
LEAST_BLOCKS = 4
"""Fewer blocks than this say nothing about a matcher, whatever their figures are."""


@dataclass(frozen=True)
class Verified:
    """A tile with the transform that people stand by.

    Attributes:
        source: which of the sources it is on.
        transform: in pixels of the tile at 256 px.
        proposed_by: digest of the matcher whose proposal it is, unchanged; empty where a person set the points.
    """

    source: int
    tile: TileAddress
    transform: Transform
    proposed_by: str = ""


@dataclass(frozen=True)
class MatcherSaid:
    """What a matcher made of a block, in three ways.

    Attributes:
        as_it_is, moved: (N,) corner error of each verified tile in pixels of the block, None where there was no answer:
            image and map as they lie, and the map moved, turned and scaled as far as the working range goes.
        elsewhere: whether it claimed to find the map of another block; None where there is none to try.
        resolution_m: ground per pixel of the block.
    """

    as_it_is: list[float | None]
    moved: list[float | None]
    elsewhere: bool | None
    resolution_m: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MatcherSaid:
        """What `to_dict` gave."""
        return cls(**values)


Block = list[Verified]


def blocks_of(verified: Sequence[Verified]) -> list[Block]:
    """Verified tiles by source and block, in the order of their places; of larger tiles, each held-out block as one."""
    found: dict[tuple[int, TileAddress], Block] = {}
    parts = [part for one in verified for part in _parts(one)]
    for one in sorted(parts, key=lambda one: (one.source, one.tile)):
        found.setdefault((one.source, block_of(one.tile)), []).append(one)
    return list(found.values())


def _parts(one: Verified) -> list[Verified]:
    if one.tile.z >= BLOCK_ZOOM:
        return [one]
    found = block_by_block(one.tile, one.transform).items()
    return [replace(one, tile=block, transform=transform) for block, transform in found]


def score_matcher(
    matcher: Matcher, sources: Sequence[PairSource | ScannedSource], blocks: Sequence[Block], progress: Progress
) -> list[MatcherSaid]:
    """What the matcher makes of every block; the number of a block is the seed of its warp.

    Nothing but the block itself is shown, so that no ground that was learnt helps.

    Args:
        sources: of BLOCK_PX a tile.

    Raises:
        StoppedError: asked to stop.
    """
    said = []
    for number, block in enumerate(blocks):
        stop_if_asked(progress)
        place = block_of(block[0].tile)
        view = sources[block[0].source].view(place)
        warp = random_warp(BLOCK_PX, working_range(BLOCK_PX, place.resolution_m(BLOCK_PX)), number)
        other = _another(blocks, number)
        said.append(
            MatcherSaid(
                as_it_is=_errors(_found(matcher, view.map, view), np.eye(3), block),
                moved=_errors(_found(matcher, warped(view.map, warp, BLOCK_PX), view), warp, block),
                elsewhere=None if other is None else _claimed(matcher, sources, other, view),
                resolution_m=place.resolution_m(BLOCK_PX),
            )
        )
        progress.report((number + 1) / len(blocks), f"{number + 1} of {len(blocks)} blocks matched")
    return said


def compare_matchers(
    first: Sequence[MatcherSaid],
    second: Sequence[MatcherSaid] | None,
    blocks: Sequence[Block],
    digests: Sequence[str],
) -> list[Figure]:
    """Figures of the first matcher beside the second, both scored on these blocks.

    A proposal that a person accepted as it was is the truth of its tile, and its matcher would be right to the pixel:
    how near a matcher comes is told of tiles whose transform neither of the two proposed.

    Args:
        digests: of the weights of both.

    Raises:
        InvalidInputError: the two were not scored on these blocks.
    """
    if any(len(said) != len(blocks) for said in (first, second) if said is not None):
        raise InvalidInputError("the matchers were not scored on these blocks: score them anew")
    own = [one.proposed_by in digests for block in blocks for one in block]
    of_block = np.arange(len(blocks))
    tiles = np.repeat(of_block, [len(block) for block in blocks])
    every, apart = np.ones(len(tiles), bool), ~np.array(own, bool)
    tried = np.array([one.elsewhere is not None for one in first], bool)
    rows: list[tuple[str, np.ndarray, np.ndarray, Metric, Callable[[Sequence[MatcherSaid]], np.ndarray]]] = [
        ("placed", every, tiles, share_true, lambda said: _errors_m(said, "as_it_is") <= PLACED_M),
        ("close", apart, tiles, _closeness, lambda said: _errors_px(said, "as_it_is")),
        ("moved_placed", every, tiles, share_true, lambda said: _errors_m(said, "moved") <= PLACED_M),
        ("moved_close", apart, tiles, _closeness, lambda said: _errors_px(said, "moved")),
        ("refused_elsewhere", tried, of_block, share_true, _refused),
    ]
    figures = []
    for name, chosen, block_of_row, metric, values in rows:
        ours = _sample(values(first), chosen, block_of_row)
        theirs = None if second is None else _sample(values(second), chosen, block_of_row)
        figures.append(figure_of(name, int(chosen.sum()), metric, ours, theirs, of_block, seed=0))
    return figures if len(blocks) >= LEAST_BLOCKS else [replace(one, word="too_few") for one in figures]


def _sample(values: np.ndarray, chosen: np.ndarray, block_of_row: np.ndarray) -> Sample:
    return Sample(values[chosen], values[chosen], block_of_row[chosen])


def _found(matcher: Matcher, drawn: np.ndarray, view: TileView) -> np.ndarray | None:
    transform = register(matcher.match(drawn, view.image), (BLOCK_PX, BLOCK_PX)).transform
    return None if transform is None else transform.matrix


def _errors(found: np.ndarray | None, warp: np.ndarray, block: Block) -> list[float | None]:
    """How far off the corners of each verified tile are, where the map that was matched is the warped one."""
    return [None if found is None else _tile_error(found @ warp, one) for one in block]


def _tile_error(found: np.ndarray, one: Verified) -> float | None:
    left, top, side = within(one.tile, block_of(one.tile), BLOCK_PX)
    to_tile = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    error = corner_error_px(found @ to_tile, in_block(one.transform, one.tile) @ to_tile, side)
    return error if math.isfinite(error) else None


def _another(blocks: Sequence[Block], number: int) -> Block | None:
    """A block of another place: the one half the list away, if it is far enough from being a neighbour."""
    other, place = blocks[(number + len(blocks) // 2) % len(blocks)], block_of(blocks[number][0].tile)
    there = block_of(other[0].tile)
    near = there.z == place.z and max(abs(there.x - place.x), abs(there.y - place.y)) <= 1
    return None if near else other


def _claimed(matcher: Matcher, sources: Sequence[PairSource | ScannedSource], other: Block, view: TileView) -> bool:
    drawn = sources[other[0].source].drawn_map(block_of(other[0].tile))
    return _found(matcher, drawn, view) is not None


def _errors_px(said: Sequence[MatcherSaid], way: Literal["as_it_is", "moved"]) -> np.ndarray:
    """(N,) of all tiles, infinite where there was no answer."""
    errors = [one.as_it_is if way == "as_it_is" else one.moved for one in said]
    return np.array([math.inf if error is None else error for block in errors for error in block])


def _errors_m(said: Sequence[MatcherSaid], way: Literal["as_it_is", "moved"]) -> np.ndarray:
    return _errors_px(said, way) * np.repeat([one.resolution_m for one in said], [len(one.as_it_is) for one in said])


def _refused(said: Sequence[MatcherSaid]) -> np.ndarray:
    return np.array([not one.elsewhere for one in said], bool)


def _closeness(errors_px: np.ndarray, _: np.ndarray) -> float:
    """AUC of the corner error up to CLOSE_PX, 0..1.

    Raises:
        InvalidInputError: no tile.
    """
    if not len(errors_px):
        raise InvalidInputError("no tile to compare on")
    return auc(errors_px.tolist(), CLOSE_PX)
