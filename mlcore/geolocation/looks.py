"""Other looks at a picture: turned, and moved by half a cell, so that its tokens say the same in other words.

A small picture has few tokens, and how they read depends on where the grid of cells happens to lie and how the picture
happens to be turned. What several looks agree on is ranked better than what one of them says: of 24 queries at up to
half their base's pixel size, among 1,031 bases, the right base was among the first five of 16 by one look, and of 22 by
the sum of all. They cost as many forward passes, so that only what one look leaves open gets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.geolocation.coarse import CoarseMatches
from mlcore.geolocation.config import CELL_PX
from mlcore.geolocation.extraction import Extractor
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.footprint import through
from mlcore.geolocation.grounds import HALF

TURNS_DEG = (45, 90, 135, 180, 225, 270, 315)
MOVES_CELLS = ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5))


@dataclass(frozen=True, eq=False)
class Look:
    """One look at a picture.

    Attributes:
        features: what the model says of it.
        back: (3, 3) from the look's pixels to the picture's.
    """

    features: PictureFeatures
    back: np.ndarray


def other_looks(model: Extractor, rgb: np.ndarray, valid: np.ndarray) -> list[Look]:
    """All looks but the picture as it is.

    Args:
        rgb: (H, W, 3) uint8; valid: (H, W) bool.
    """
    height, width = rgb.shape[:2]
    matrices = [_turn(width, height, degrees) for degrees in TURNS_DEG] + [_move(*move) for move in MOVES_CELLS]
    return [_look(model, rgb, valid, matrix) for matrix in matrices]


def summed_scores(model: Extractor, looks: Iterable[Look], tokens: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(N,) scores of bases with (N, h, w, C) tokens, added up over the looks."""
    scores = [model.compare_many(look.features, tokens, valid) for look in looks]
    return np.asarray(np.sum(scores, axis=0))


def joined_matches(model: Extractor, looks: Sequence[Look], base: PictureFeatures) -> CoarseMatches:
    """The matches that all looks have with a base, in pixels of the picture as it is."""
    found = [model.compare(look.features, base) for look in looks]
    query_xy = [through(look.back, one.query_xy) for look, one in zip(looks, found, strict=True)]
    cell = tuple(float(np.median([one.cell_px[side] for one in found])) for side in (0, 1))
    return CoarseMatches(
        np.concatenate(query_xy), np.concatenate([one.base_xy for one in found]),
        np.concatenate([one.confidence for one in found]), sum(one.score for one in found), (cell[0], cell[1]),
    )  # fmt: skip


def _look(model: Extractor, rgb: np.ndarray, valid: np.ndarray, there: np.ndarray) -> Look:
    height, width = rgb.shape[:2]
    corners = through(there, np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64))
    size = int(np.ceil(corners[:, 0].max() - 1e-6)), int(np.ceil(corners[:, 1].max() - 1e-6))
    inner = (np.linalg.inv(HALF) @ there @ HALF)[:2]
    seen = cv2.warpAffine(rgb, inner, size, flags=cv2.INTER_LINEAR)
    known = cv2.warpAffine(valid.astype(np.uint8), inner, size, flags=cv2.INTER_NEAREST) > 0
    seen = np.where(known[..., None], seen, np.uint8(0))
    return Look(model.features(seen, known, role="query"), np.linalg.inv(there))


def _turn(width: int, height: int, degrees: float) -> np.ndarray:
    """(3, 3) that turns a picture and moves it so that its outermost corners touch the axes."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    linear = np.array([[cos, -sin], [sin, cos]])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ linear.T
    return np.vstack([np.column_stack([linear, -corners.min(axis=0)]), [0, 0, 1]])


def _move(right: float, down: float) -> np.ndarray:
    """(3, 3) that moves a picture by so many cells."""
    return np.array([[1, 0, right * CELL_PX], [0, 1, down * CELL_PX], [0, 0, 1.0]])
