"""Splits tiles by place, since neighbouring tiles share buildings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress


def geographic_folds(tiles: Iterable[TileAddress], folds: int, *, seed: int = 0) -> dict[TileAddress, int]:
    """Assign every tile to one of `folds` contiguous blocks of nearly equal size.

    The tiles are cut in two along their longer side, in proportion to the folds on each side, until every part is one
    fold: sizes differ by at most one, and borders between folds stay short. `seed` decides which block gets which
    number, and which way a square is cut first.

    Args:
        tiles: tiles of one zoom; repeats count once.
        folds: number of folds, 1 <= folds <= number of tiles.

    Returns:
        Fold number 0..folds-1 of each tile, the same for the same set of tiles and seed.

    Raises:
        InvalidInputError: mixed zooms, or more folds than tiles.
    """
    unique = sorted(set(tiles))
    if len({tile.z for tile in unique}) > 1:
        raise InvalidInputError("folds need tiles of one zoom: split each zoom apart")
    if not 1 <= folds <= max(len(unique), 1):
        raise InvalidInputError(f"{len(unique)} tiles can't fill {folds} folds: ask for 1 to {len(unique)}")
    rng = np.random.default_rng(seed)
    xy = np.array([(tile.x, tile.y) for tile in unique]).reshape(-1, 2)
    numbers = rng.permutation(folds)
    result = np.zeros(len(unique), int)
    parts = [(np.arange(len(unique)), 0, folds)]
    while parts:
        members, first, count = parts.pop()
        if count == 1:
            result[members] = numbers[first]
            continue
        lower = count // 2
        cut = round(len(members) * lower / count)
        ordered = members[_order(xy[members], rng)]
        parts += [(ordered[:cut], first, lower), (ordered[cut:], first + lower, count - lower)]
    return {tile: int(fold) for tile, fold in zip(unique, result, strict=True)}


def _order(xy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions sorted along the longer side, ties along the other; a square's side is drawn."""
    width, height = np.ptp(xy, axis=0)
    along_x = bool(rng.integers(2)) if width == height else width > height
    major, minor = (xy[:, 0], xy[:, 1]) if along_x else (xy[:, 1], xy[:, 0])
    return np.lexsort((minor, major))
