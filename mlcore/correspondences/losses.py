"""What the structure network learns: of all maps and all shifts, the right map at the right shift."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.correlate import UNSEEN, Correlated, in_windows, over_shifts

PATCH_CELLS, WINDOW_REACH = 20, 8


def coarse_loss(
    image: Tensor, image_valid: Tensor, maps: Tensor, maps_valid: Tensor, shift_cells: Tensor, temperature: Tensor
) -> Tensor:
    """Cross-entropy over all maps of the batch at all shifts, and over all images likewise.

    Pairs that share too little at their true shift to be scored teach nothing themselves.

    Args:
        image, maps: (B, C, H, W) centred fields, pair by pair.
        shift_cells: (B, 2) (x, y) by which map b is to be moved onto image b.
    """
    found = over_shifts(image, image_valid, maps, maps_valid)
    logits = found.score / temperature
    target = _targets(found, shift_cells)
    own = torch.arange(len(image), device=image.device)
    known = ((found.score[own, own] > UNSEEN) & (target > 0)).flatten(1).any(dim=1)
    pairs = (logits[own, own] + target.clamp(min=1e-30).log()).flatten(1)
    if not known.any():
        return image.sum() * 0
    by_image = torch.logsumexp(logits.flatten(1)[known], dim=1)
    by_map = torch.logsumexp(logits.transpose(0, 1).flatten(1)[known], dim=1)
    return (0.5 * (by_image + by_map) - torch.logsumexp(pairs[known], dim=1)).mean()


def _targets(found: Correlated, shift_cells: Tensor) -> Tensor:
    """(B, Y, X) weights of the four cells about each true shift."""
    height, width = found.score.shape[2:]
    weights = torch.zeros(len(shift_cells), height, width, device=shift_cells.device)
    x, y = shift_cells[:, 0] + found.reach[1], shift_cells[:, 1] + found.reach[0]
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = x.floor().long() + dx, y.floor().long() + dy
            weight = (1 - (x - column).abs()).clamp(min=0) * (1 - (y - row).abs()).clamp(min=0)
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            rows = torch.arange(len(shift_cells), device=shift_cells.device)[inside]
            weights[rows, row[inside], column[inside]] += weight[inside]
    return weights


def fine_loss(
    patches: Tensor, windows: Tensor, windows_valid: Tensor, places: Tensor, temperature: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the right place of each patch in its window, and the share found within a cell.

    Args:
        places: (K, 2) float (x, y) cells of the score surface.
    """
    scores = in_windows(patches, windows, windows_valid)
    side = scores.shape[1]
    logits = F.log_softmax(scores.flatten(1) / temperature, dim=1).reshape(scores.shape)
    columns = torch.arange(side, dtype=places.dtype, device=places.device)
    across = (1 - (places[:, :1] - columns).abs()).clamp(min=0)
    down = (1 - (places[:, 1:] - columns).abs()).clamp(min=0)
    target = down[:, :, None] * across[:, None]
    target = target / target.sum(dim=(1, 2), keepdim=True).clamp(min=1e-9)
    best = scores.flatten(1).argmax(dim=1)
    near = ((best % side - places[:, 0]).abs() <= 1) & ((best // side - places[:, 1]).abs() <= 1)
    return -(target * logits).sum(dim=(1, 2)).mean(), near.float().mean()
