"""Where a match lies to a fraction of a pixel: image and map seldom have a keypoint at quite the same place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.correlate import peak_offsets
from mlcore.correspondences.graph.detector import CELL_PX, Dense, sampled, turned_grid

REACH_PX, STEP_PX = 8, 2
"""How far about a match the fields are held against each other, and how finely."""
BLOCK = 64
"""Matches that are refined at once: memory stays small."""


@torch.no_grad()
def refined(maps: Dense, image: Dense, map_xy: Tensor, image_xy: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """The places of the image at which its fields agree best with the map's about each match.

    Args:
        maps, image: of one picture each.
        map_xy, image_xy: (K, 2) pixels of the matches; turns: (K,) how the grids of either lie, in radians.

    Returns:
        (K, 2) pixels of the image, within REACH_PX of `image_xy`; of a match at its frame it may be beyond.
    """
    blocks = range(0, len(map_xy), BLOCK)
    found = [_refined(maps, image, *(part[at : at + BLOCK] for part in (map_xy, image_xy, *turns))) for at in blocks]
    return torch.cat(found) if found else image_xy


def _refined(maps: Dense, image: Dense, map_xy: Tensor, image_xy: Tensor, turn: Tensor, turn_there: Tensor) -> Tensor:
    steps = torch.arange(-REACH_PX, REACH_PX + 1, STEP_PX, device=map_xy.device, dtype=map_xy.dtype)
    moves = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)
    here = _read(maps, map_xy[:, None] + turned_grid(turn))
    places = image_xy[:, None, None] + moves.reshape(-1, 1, 2) + turned_grid(turn_there)[:, None]
    there = _read(image, places.flatten(1, 2)).unflatten(1, (len(steps) ** 2, -1))
    scores = (_centred(there) * _centred(here[:, None])).sum(dim=(2, 3)).unflatten(1, (len(steps), len(steps)))
    offset, _ = peak_offsets(scores)
    return image_xy + offset * STEP_PX - REACH_PX


def _read(dense: Dense, places: Tensor) -> Tensor:
    """(K, N, FIELDS) fields at (K, N, 2) pixels."""
    return sampled(dense.fields, places.reshape(1, -1, 2), CELL_PX)[0].reshape(*places.shape[:2], -1)


def _centred(values: Tensor) -> Tensor:
    """(..., N, C) about its mean over the grid, of unit length."""
    centred = values - values.mean(dim=-2, keepdim=True)
    return F.normalize(centred.flatten(-2), dim=-1).unflatten(-1, values.shape[-2:])
