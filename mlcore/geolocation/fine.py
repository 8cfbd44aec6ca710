"""Multi-level fine matching of two pictures that nearly lie on each other (TopicGeo, Section 3.4, Eq. 13-14).

At 1/16 every cell is compared with the cells around it, both ways, as coarse matching compares all cells; around each
match the features at 1/4 say where exactly, as the expectation of a small heatmap (LoFTR, Section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.geolocation.coarse import NEVER, cell_centres, mutual_neighbours, row_matches
from mlcore.geolocation.config import FINE_PX, WINDOW_PX


@dataclass(frozen=True)
class WindowMatches:
    """M_a: matched cells at 1/16 of one pair.

    Attributes:
        query_cell, base_cell: (K,) long, row by row.
        probability: (K,) mean of P_AB and P_BA.
    """

    query_cell: Tensor
    base_cell: Tensor
    probability: Tensor


def window_tables(query: Tensor, base: Tensor, scale: Tensor | float, radius: int) -> tuple[Tensor, Tensor]:
    """P_a of Eq. 13: dual softmax over cells at most `radius` rows and columns apart.

    Args:
        query, base: (B, C, h, w) unit features of the same grid.

    Returns:
        two (B, h * w, h * w), zero beyond the windows.
    """
    shape = (query.shape[2], query.shape[3])
    table = query.flatten(2).transpose(1, 2) @ base.flatten(2) * scale
    barred = ~within(shape, radius).to(table.device)
    table = table.masked_fill(barred, NEVER)
    return table.softmax(dim=2).masked_fill(barred, 0.0), table.softmax(dim=1).masked_fill(barred, 0.0)


def within(shape: tuple[int, int], radius: int) -> Tensor:
    """(cells, cells) bool: at most `radius` rows and columns apart."""
    centres = cell_centres(shape)
    return (centres[:, None] - centres[None]).abs().amax(dim=2) <= radius


def window_matches(forth: Tensor, back: Tensor, shape: tuple[int, int], threshold: float) -> WindowMatches:
    """Matches that are the best of their row and, but for a cell, of their column (Eq. 7-8 at 1/16).

    Args:
        forth, back: (h * w, h * w) P_a.
    """
    chosen = mutual_neighbours(
        row_matches(forth, threshold), row_matches(back.T, threshold).T, shape, shape, neighbours=0
    )
    query_cell, base_cell = chosen.nonzero(as_tuple=True)
    probability = (forth + back)[query_cell, base_cell] / 2
    return WindowMatches(query_cell, base_cell, probability)


def expected_places(
    query: Tensor, base: Tensor, query_xy: Tensor, base_xy: Tensor, scale: Tensor | float, radius: int,
    steps: tuple[float, ...] = (1.0,),
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Where the query's points lie in the base, as the expectation over a window at 1/4 (LoFTR, Section 3.4).

    Args:
        query, base: (C, h, w) unit features at 1/4 of one pair.
        query_xy, base_xy: (K, 2) pixels of matched points; the window is centred on the base's.
        radius: of the window, in steps.
        steps: cells from one place of the window to the next. Features of neighbouring cells hardly resemble each
            other, so that an expectation over whole cells keeps near the best of them: a second, finer window around
            what the first found sees how the likeness falls between cells.

    Returns:
        (K, 2) pixels of the base; (K,) standard deviation of the last heatmap, in cells.
    """
    reach = torch.arange(-radius, radius + 1, device=query.device, dtype=query.dtype)
    dy, dx = torch.meshgrid(reach, reach, indexing="ij")
    window = torch.stack([dx, dy], dim=-1).reshape(-1, 2)
    asked = F.normalize(_sampled(query, query_xy[:, None])[:, 0], dim=1)
    spread = query_xy.new_zeros(len(query_xy))
    for step in steps:
        offsets = window * step
        offered = F.normalize(_sampled(base, base_xy[:, None] + offsets * FINE_PX), dim=2)
        heat = ((offered * asked[:, None]).sum(dim=2) * scale).softmax(dim=1)
        mean = heat @ offsets
        spread = ((heat[..., None] * (offsets - mean[:, None]) ** 2).sum(dim=(1, 2))).clamp(min=1e-8).sqrt()
        base_xy = base_xy + mean * FINE_PX
    return base_xy, spread


def window_centres(shape: tuple[int, int]) -> Tensor:
    """(h * w, 2) pixels of the centres of cells at 1/16."""
    return cell_centres(shape, WINDOW_PX)


def _sampled(features: Tensor, xy: Tensor) -> Tensor:
    """(C, h, w) features at 1/4, (K, P, 2) pixels -> (K, P, C), bilinear."""
    size = torch.tensor([features.shape[2], features.shape[1]], device=xy.device, dtype=xy.dtype) * FINE_PX
    grid = (xy / size * 2 - 1)[None]
    found = F.grid_sample(features[None], grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found[0].permute(1, 2, 0)
