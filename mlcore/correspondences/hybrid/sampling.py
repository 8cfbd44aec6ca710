"""Where a set's windows lie in the image, and to which part of a split each belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlcore.correspondences.hybrid.config import HybridConfig
from mlcore.errors import InvalidInputError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
FEW = 10


@dataclass(frozen=True)
class SamplingPoint:
    """A window of the image.

    Attributes:
        number: from 0, in the order in which they are tried.
        left, top: its corner, pixels of the image.
        part: of the split.
        crosses: it reaches into a block of another part.
    """

    number: int
    left: int
    top: int
    part: str
    crosses: bool


def sampling_points(
    width: int, height: int, config: HybridConfig, usable: Callable[[np.ndarray], np.ndarray] | None = None
) -> list[SamplingPoint]:
    """A jittered grid over an image of this size, at most `config.windows` of it, and its split by place.

    The same settings give the same points.

    Args:
        usable: (N, 2) corners -> (N,) bool: where a pair may come of it. Only blocks with such a window are drawn for
            validation and test, since the others would leave these empty.

    Raises:
        InvalidInputError: the image is smaller than a window.
    """
    side, step = config.side, max(1.0, config.stride * config.side)
    if min(width, height) < side:
        raise InvalidInputError(
            f"the image is {width} x {height}, no window of {side} px lies in it: choose a smaller one"
        )
    rng = np.random.default_rng([config.seed, 1])
    rows, columns = (int((length - side) // step) + 1 for length in (height, width))
    grid = np.array([(column, row) for row in range(rows) for column in range(columns)], np.float64)
    block = config.block * max(step, side)
    corners = _jittered(grid * step, rng.uniform(-1, 1, grid.shape) * config.jitter * step, side, block)
    corners = np.clip(np.rint(corners), 0, [width - side, height - side]).astype(int)
    if len(corners) > config.windows:
        corners = corners[np.sort(rng.permutation(len(corners))[: config.windows])]
    blocks = ((corners + side / 2) // block).astype(int)
    parts = _parts(blocks, blocks if usable is None else blocks[usable(corners)], config)
    points = []
    for number, ((left, top), own) in enumerate(zip(corners.tolist(), blocks.tolist(), strict=True)):
        part = parts[own[0], own[1]]
        (x0, x1), (y0, y1) = ((int(one // block), int((one + side - 1) // block)) for one in (left, top))
        reached = {parts.get((x, y), TRAIN) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)}
        points.append(SamplingPoint(number, left, top, part, reached != {part}))
    return points


def _jittered(corners: np.ndarray, by: np.ndarray, side: int, block: float) -> np.ndarray:
    """Windows moved by chance; one that lay in a block stays in it."""
    low = np.floor(corners / block) * block
    inside = corners + side <= low + block
    return np.where(inside, np.clip(corners + by, low, low + block - side), corners + by)


def _parts(blocks: np.ndarray, useful: np.ndarray, config: HybridConfig) -> dict[tuple[int, int], str]:
    """The part of every block that holds a point; validation and test are drawn from the useful ones.

    From three useful blocks on, each part has one, and as many as make up its share of the windows. Of fewer than FEW
    the emptiest are kept apart, so that enough is left to learn from; of more they are drawn by chance.
    """
    counts = Counter((int(x), int(y)) for x, y in useful)
    there = [sorted(counts)[place] for place in np.random.default_rng([config.seed, 2]).permutation(len(counts))]
    if len(there) < FEW:
        there.sort(key=lambda one: counts[one])
    kept: dict[tuple[int, int], str] = {}
    enough = len(there) >= len(PARTS)
    for part, share, others in zip((VALIDATION, TEST), config.shares, (2, 1), strict=True):
        wanted, taken = share * len(useful), 0
        while enough and taken < wanted and len(there) > others:
            if taken and taken + counts[there[0]] > 2 * wanted:
                break
            taken += counts[there[0]]
            kept[there.pop(0)] = part
    return {(int(x), int(y)): kept.get((int(x), int(y)), TRAIN) for x, y in blocks}
