"""Ground that no locator learns: one block in four, by its place alone, so that any two can be compared on it."""

from __future__ import annotations

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geolocation.bases import Base
from mlcore.geometry.webmercator import WORLD_M, TileAddress

BLOCK_ZOOM = 16
"""Blocks are tiles of this zoom: 611 m a side at the equator, 306 m at 60 degrees."""


def is_held_out(block: TileAddress) -> bool:
    """Whether a block is kept from learning; so is one of any four that lie side by side.

    Raises:
        InvalidInputError: it is of another zoom.
    """
    if block.z != BLOCK_ZOOM:
        raise InvalidInputError(f"blocks are tiles of zoom {BLOCK_ZOOM}, not {block.z}")
    return (block.x + 2 * block.y) % 4 == 0


def learnt_ground(base: Base) -> np.ndarray:
    """(H, W) bool: where a north-up base shows ground that may be learnt, by the middle of each pixel.

    Raises:
        InvalidInputError: the base has no place.
    """
    along = np.column_stack([np.arange(base.width) + 0.5, np.zeros(base.width)])
    down = np.column_stack([np.zeros(base.height), np.arange(base.height) + 0.5])
    side_m = WORLD_M / 2**BLOCK_ZOOM
    columns = np.floor((base.to_mercator(along)[:, 0] + WORLD_M / 2) / side_m).astype(np.int64) % 2**BLOCK_ZOOM
    rows = np.floor((WORLD_M / 2 - base.to_mercator(down)[:, 1]) / side_m).astype(np.int64)
    learnt: np.ndarray = (columns[None, :] + 2 * rows[:, None]) % 4 != 0
    return learnt
