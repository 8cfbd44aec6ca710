"""What is right: which pixels are keypoints of both pictures, and which keypoints of two pictures are one place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.graph.detector import CELL_PX, NONE, Points, sampled
from mlcore.correspondences.graph.saliency import corner_strength, highest, known_inside

IGNORED = -1
"""Label of a cell of which nothing can be said: one of the pictures does not show it."""
LEAST_CORNER = 0.1
SLACK_PX = 2
"""A corner is repeated if the other picture has one so near: maps are no more exact than that."""


@dataclass(frozen=True)
class Truth:
    """Which keypoints of a map (0) and an image (1) are one place.

    Attributes:
        matched: (B, M, N) bool, at most one in each row and column.
        near: (B, M, N) bool, too near to be told apart; matched ones are.
        alone0, alone1: (B, M) and (B, N) bool: nothing of the other picture is near.
    """

    matched: Tensor
    near: Tensor
    alone0: Tensor
    alone1: Tensor


@torch.no_grad()
def truth_of(points0: Points, points1: Points, matrix: Tensor, match_px: float, alone_px: float) -> Truth:
    """Mutual nearest keypoints within `match_px` in both pictures (LightGlue's training: 3 px, and 5 px for none).

    Args:
        matrix: (B, 3, 3) from pixels of picture 0 to those of picture 1.
    """
    there, back = moved(points0.xy, matrix), moved(points1.xy, torch.linalg.inv(matrix))
    exact = "donot_use_mm_for_euclid_dist"
    apart = torch.maximum(
        torch.cdist(there, points1.xy, compute_mode=exact), torch.cdist(points0.xy, back, compute_mode=exact)
    )
    known = points0.known[:, :, None] & points1.known[:, None]
    apart = apart.masked_fill(~known, float("inf"))
    rows = F.one_hot(apart.argmin(dim=2), apart.shape[2]).bool()
    columns = F.one_hot(apart.argmin(dim=1), apart.shape[1]).bool().transpose(1, 2)
    near = apart <= alone_px
    return Truth(
        rows & columns & (apart <= match_px), near, points0.known & ~near.any(dim=2), points1.known & ~near.any(dim=1)
    )


@torch.no_grad()
def placed(points: Points, matrix: Tensor, valid: Tensor) -> Points:
    """The same places in the other picture; those that it does not show are padding there.

    Args:
        matrix: (B, 3, 3) from pixels of the points' picture to the other's; valid: (B, 1, H, W) 0/1 of the other.
    """
    xy = moved(points.xy, matrix)
    size = xy.new_tensor([valid.shape[3], valid.shape[2]])
    shown = ((xy > 0) & (xy < size)).all(dim=2) & (sampled(known_inside(valid), xy, 1)[..., 0] > 0.99)
    return Points(xy, points.score, points.turn, points.known & shown)


def moved(xy: Tensor, matrix: Tensor) -> Tensor:
    """(B, N, 2) points under (B, 3, 3) homographies."""
    there = F.pad(xy, [0, 1], value=1.0) @ matrix.transpose(1, 2)
    return there[..., :2] / there[..., 2:]


def brought(field: Tensor, matrix: Tensor) -> Tensor:
    """A field of one picture as it lies in the other; zero beyond its frame.

    Args:
        field: (B, C, H, W), one cell per pixel; matrix: (B, 3, 3) from the other's pixels to this picture's.
    """
    height, width = field.shape[2:]
    rows = torch.arange(height, device=field.device, dtype=field.dtype) + 0.5
    columns = torch.arange(width, device=field.device, dtype=field.dtype) + 0.5
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    here = torch.stack([x.flatten(), y.flatten()], dim=1).expand(len(field), -1, -1)
    unit = 2 * moved(here, matrix) / field.new_tensor([width, height]) - 1
    return F.grid_sample(field, unit.view(len(field), height, width, 2), align_corners=False)


@torch.no_grad()
def repeated_corners(own: Tensor, own_valid: Tensor, other: Tensor, other_valid: Tensor, matrix: Tensor) -> Tensor:
    """Pseudo-labels of the detector: corners of a picture that are corners of the other one too.

    Homographic adaptation (DeTone 2018, section 5) keeps what a first detector finds again under many homographies of
    one picture. Here the pair itself is the second view, of another modality and under a known transform, so that one
    look says more; the first detector is Shi and Tomasi's.

    Args:
        own, other: (B, 3, H, W) RGB in 0..1; own_valid, other_valid: (B, 1, H, W) 0/1.
        matrix: (B, 3, 3) from pixels of `own` to those of `other`.

    Returns:
        (B, H / 8, W / 8) long: the pixel of each cell (0..63), NONE or IGNORED.
    """
    around = highest(corner_strength(other, other_valid), 2 * SLACK_PX + 1)
    both = (corner_strength(own, own_valid) * brought(around, matrix)).sqrt()
    peak = both == highest(both, CELL_PX + 1)
    best = F.pixel_unshuffle(both * peak, CELL_PX).max(dim=1)
    labels = torch.where(best.values >= LEAST_CORNER, best.indices, NONE)
    shown = known_inside(own_valid) * (brought(known_inside(other_valid), matrix) > 0.99)
    return labels.masked_fill(F.avg_pool2d(shown, CELL_PX)[:, 0] < 1, IGNORED)
