"""From a rough place to points: patches of the map looked for in small windows about where they should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.correlate import centred, in_windows, peak_offsets

LEAST_SEEN = 0.7
SURE_WITHIN = 1  # cells about the peak whose probability is the match's


@dataclass(frozen=True)
class Fields:
    """One picture's fields of structure at one resolution.

    Attributes:
        values: (1, C, H, W); valid: (1, 1, H, W), 0..1.
        stride_px: of the picture, per cell.
    """

    values: Tensor
    valid: Tensor
    stride_px: float

    def pooled(self, factor: int) -> Fields:
        """The same, coarser."""
        return Fields(
            F.avg_pool2d(self.values, factor),
            (F.avg_pool2d(self.valid, factor) > 0.99).to(self.values.dtype),
            self.stride_px * factor,
        )

    @property
    def size(self) -> tuple[int, int]:
        return self.values.shape[2], self.values.shape[3]


@dataclass(frozen=True)
class Found:
    """Points of the map and where the image shows them, in pixels, with the probability of each; and how well they fit.

    Attributes:
        map_xy, image_xy: (N, 2) float64; confidence: (N,) of each; score: (N,) its correlation, -1..1.
    """

    map_xy: np.ndarray
    image_xy: np.ndarray
    confidence: np.ndarray
    score: np.ndarray


def find_patches(
    maps: Fields, image: Fields, matrix: np.ndarray, *, patch: int, reach: int, step: int, temperature: float
) -> Found:
    """Look for every patch of a grid over the image's side.

    The map's fields are brought into the image's frame by `matrix`, so that a patch need only be moved.

    Args:
        matrix: (3, 3) from the map to the image, corner-based pixels.
        patch, reach, step: side of a patch, how far it is looked for, and distance of the grid, in cells.
        temperature: of the scores, as it was learnt.
    """
    moved, seen = _into_frame(maps, image, matrix)
    known = seen.new_zeros(1, 1, dtype=torch.bool)
    if min(image.size) >= patch:
        known = F.avg_pool2d(seen * image.valid, patch, step)[0, 0] >= LEAST_SEEN
    if not known.any():
        return Found(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    side = patch + 2 * reach
    windows, valid = (
        _squares(F.pad(part, [reach] * 4), side, step)[known] for part in (image.values * image.valid, image.valid)
    )
    cut, parts = (_squares(part, patch, step)[known] for part in (moved, seen))
    scores = in_windows(centred(cut, parts), centred(windows, valid), valid)
    offsets, top = peak_offsets(scores)
    chances = F.softmax(scores.flatten(1) / temperature, dim=1).reshape(scores.shape)
    confidence = _mass(chances, offsets)
    places = _numpy(known.nonzero())[:, ::-1] * step + patch / 2  # (x, y) of the patch's middle, in cells
    there = (places + _numpy(offsets) - reach) * image.stride_px
    here = places * image.stride_px
    back = np.column_stack([here, np.ones(len(here))]) @ np.linalg.inv(matrix).T
    return Found(back[:, :2] / back[:, 2:], there, _numpy(confidence), _numpy(top))


def _numpy(values: Tensor) -> np.ndarray:
    return np.asarray(values.cpu().double().numpy())


def _into_frame(maps: Fields, image: Fields, matrix: np.ndarray) -> tuple[Tensor, Tensor]:
    """The map's fields as they lie in the image, (1, C, H, W), and where there are any."""
    height, width = image.size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64) + 0.5
    there = np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, 1 / image.stride_px)]) * image.stride_px
    back = np.linalg.inv(matrix) @ there
    ahead = back[2] > 1e-9
    xy = np.where(ahead, back[:2] / np.where(ahead, back[2], 1), -1e6) / maps.stride_px
    unit = 2 * xy.T / np.array([maps.size[1], maps.size[0]]) - 1
    grid = torch.from_numpy(unit.reshape(1, height, width, 2)).to(maps.values)
    both = F.grid_sample(torch.cat([maps.values * maps.valid, maps.valid], 1), grid, align_corners=False)
    seen = (both[:, -1:] > 0.99).to(maps.values.dtype)
    return both[:, :-1] * seen, seen


def _squares(fields: Tensor, side: int, step: int) -> Tensor:
    """(R, Q, C, side, side): the squares of (1, C, H, W) fields, one every `step` cells down and to the right."""
    return fields[0].unfold(1, side, step).unfold(2, side, step).permute(1, 2, 0, 3, 4)


def _mass(chances: Tensor, offsets: Tensor) -> Tensor:
    """(K,) the probability within a cell of each peak."""
    side = 2 * SURE_WITHIN + 1
    around = F.avg_pool2d(chances[:, None], side, 1, SURE_WITHIN)[:, 0] * side**2
    x, y = offsets.round().long().unbind(dim=1)
    height, width = chances.shape[1:]
    return around[torch.arange(len(chances), device=chances.device), y.clamp(0, height - 1), x.clamp(0, width - 1)]
