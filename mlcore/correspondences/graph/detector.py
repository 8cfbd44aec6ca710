"""Keypoints: a learned detector joined with edge saliency, spread over the picture, to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.correspondences.correlate import peak_offsets
from mlcore.correspondences.graph.saliency import (
    directions,
    edge_saliency,
    highest,
    known_inside,
    mean,
    right_angled_directions,
)
from mlcore.correspondences.graph.suppression import spread
from mlcore.encoders.unet import SmallUNet, Widths
from mlcore.errors import InvalidInputError

TRUNK = ("enc_", "dec_", "up_")
CELL_PX = 8
NONE = CELL_PX**2
"""The last of a cell's 65 channels: no keypoint in it."""
PEAK_PX = 3  # side of the window in which a keypoint is the highest
LEAST_RISE, RISE_PX = 0.01, 9
"""Of a peak over the mean of a window: flat ground has none, nor has a cell whose pixels the detector finds alike."""
CANDIDATES = 4
"""So many times the keypoints are looked at before they are thinned out."""
NEAR_CELLS = 9
"""Side of the window about a keypoint whose mean its descriptor knows, in cells of 2 px."""
GRID, GRID_STEP_PX, GRID_CELLS, GRID_CHANNELS = 7, 14, 4, 16
"""Places a side of the grid about a keypoint, how far apart they lie, cells of 2 px that each is the mean of."""


@dataclass(frozen=True)
class Dense:
    """What the trunk says of pictures everywhere.

    Attributes:
        cells: (B, 65, H / 8, W / 8) logits of the detector.
        fine: (B, widths[0], H / 2, W / 2); deep: (B, widths[2], H / 8, W / 8), of which descriptors are made.
        along: (B, 2, H, W) how what stands there is turned (`saliency.right_angled_directions`).
    """

    cells: Tensor
    fine: Tensor
    deep: Tensor
    along: Tensor

    def float(self) -> Dense:
        """The same in single precision."""
        return Dense(self.cells.float(), self.fine.float(), self.deep.float(), self.along.float())


@dataclass(frozen=True)
class Points:
    """Places of keypoints, padded to one number per picture.

    Attributes:
        xy: (B, N, 2) pixels, (0, 0) the corner of the first one.
        score: (B, N) of detector and saliency.
        turn: (B, N, 2) direction there (`saliency.directions`).
        known: (B, N) bool: the others are padding.
    """

    xy: Tensor
    score: Tensor
    turn: Tensor
    known: Tensor


class Detector(SmallUNet):
    """The trunk with SuperPoint's head (DeTone 2018, section 3.2) and descriptors.

    Args:
        widths: of the trunk; channels: of a descriptor.
    """

    def __init__(self, widths: Widths, channels: int) -> None:
        super().__init__(widths)
        self.cell_hidden = nn.Conv2d(widths[2], widths[2], 3, padding=1)
        self.cell_head = nn.Conv2d(widths[2], NONE + 1, 1)
        self.words = nn.Sequential(
            nn.Linear(2 * widths[0] + widths[2], 2 * channels), nn.LayerNorm(2 * channels), nn.GELU(),
            nn.Linear(2 * channels, channels),
        )  # fmt: skip
        self.surroundings = Surroundings(widths[0], channels)

    def keep_trunk(self) -> None:
        """From now on the trunk neither learns nor gathers statistics; to be said anew after `train()`."""
        for name, part in self.named_children():
            if name.startswith(TRUNK):
                part.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Dense:
        """(B, 3, H, W) float RGB in 0..1, sides multiples of 16."""
        fine, deep = self.levels(pictures)
        with torch.no_grad():
            along = right_angled_directions(pictures)
        return Dense(self.cell_head(F.relu(self.cell_hidden(deep))), fine, deep, along)

    def described(self, dense: Dense, xy: Tensor) -> Tensor:
        """(B, N, channels) unit descriptors at (B, N, 2) pixels.

        Of the point, of the mean about it, of the deep features, which see more, and of what stands about it, turned as
        the buildings are: a point alone says too little of a map.
        """
        near = F.avg_pool2d(dense.fine, NEAR_CELLS, 1, NEAR_CELLS // 2, count_include_pad=False)
        parts = sampled(dense.fine, xy, 2), sampled(near, xy, 2), sampled(dense.deep, xy, CELL_PX)
        words = self.words(torch.cat(parts, dim=-1)) + self.surroundings(dense, xy)
        return F.normalize(words, dim=-1)


class Surroundings(nn.Module):
    """What stands about a point, read on a grid that is turned as the buildings there are.

    The grid lies alike in two pictures that are turned against each other but for right angles; what it reads at all
    four of them is added up, as no one is the first.
    """

    def __init__(self, fine: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(fine, GRID_CHANNELS, 1)
        self.read = nn.Sequential(
            nn.Linear(GRID_CHANNELS * GRID**2, 2 * channels), nn.LayerNorm(2 * channels), nn.GELU()
        )
        self.say = nn.Linear(2 * channels, channels)

    def forward(self, dense: Dense, xy: Tensor) -> Tensor:
        """(B, N, channels) at (B, N, 2) pixels."""
        pooled = F.avg_pool2d(self.mix(dense.fine), GRID_CELLS)
        along = sampled(dense.along, xy, 1)
        angle = torch.atan2(along[..., 1], along[..., 0]) / 4
        steps = (torch.arange(GRID, device=xy.device, dtype=xy.dtype) - (GRID - 1) / 2) * GRID_STEP_PX
        grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).reshape(-1, 2)
        heard = []
        for quarter in range(4):
            cos, sin = (part(angle + quarter * torch.pi / 2)[..., None] for part in (torch.cos, torch.sin))
            x, y = cos * grid[:, 0] - sin * grid[:, 1], sin * grid[:, 0] + cos * grid[:, 1]
            places = xy[:, :, None] + torch.stack([x, y], dim=-1)
            values = sampled(pooled, places.flatten(1, 2), 2 * GRID_CELLS)
            heard.append(self.read(values.unflatten(1, places.shape[1:3]).flatten(2)))
        return self.say(torch.stack(heard).mean(dim=0))


def cell_probability(cells: Tensor) -> Tensor:
    """(B, 65, h, w) logits -> (B, 1, 8 h, 8 w) probability that a pixel is its cell's keypoint (DeTone 2018, 3.2)."""
    if cells.ndim != 4 or cells.shape[1] != NONE + 1:
        raise InvalidInputError(f"a detector's cells must be (B, {NONE + 1}, h, w)")
    return F.pixel_shuffle(F.softmax(cells, dim=1)[:, :NONE], CELL_PX)


def joined_score(cells: Tensor, pictures: Tensor, valid: Tensor, saliency_share: float) -> Tensor:
    """(B, 1, H, W) what detector and edges say together, a weighted mean; zero where nothing is known.

    How MapGlue joins them is not told. A mean lets a strong edge be a keypoint that the detector did not learn, which a
    product would not, and the share says how much it takes.
    """
    learned = cell_probability(cells) * known_inside(valid)
    return (1 - saliency_share) * learned + saliency_share * edge_saliency(pictures, valid)


@torch.no_grad()
def detect(cells: Tensor, pictures: Tensor, valid: Tensor, count: int, saliency_share: float) -> Points:
    """At most `count` keypoints of each picture.

    Args:
        cells: (B, 65, H / 8, W / 8); pictures: (B, 3, H, W) RGB in 0..1; valid: (B, 1, H, W) 0/1.
    """
    score = joined_score(cells, pictures, valid, saliency_share)
    found = [_peaks(one[0], count) for one in score]
    most = max(2, *(len(xy) for xy, _ in found))
    xy = torch.stack([F.pad(xy, [0, 0, 0, most - len(xy)]) for xy, _ in found])
    strength = torch.stack([F.pad(strong, [0, most - len(strong)]) for _, strong in found])
    counts = torch.tensor([len(one) for one, _ in found], device=xy.device)
    known = torch.arange(most, device=xy.device)[None] < counts[:, None]
    turn = sampled(directions(pictures), xy, 1) * known[..., None]
    return Points(xy, strength, turn, known)


def _peaks(score: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(N, 2) places and (N,) scores of the peaks of an (H, W) surface that stay, the strongest first."""
    width, reach, surface = score.shape[1], PEAK_PX // 2, score[None, None]
    stands_out = score > mean(surface, RISE_PX)[0, 0] + LEAST_RISE
    at = ((score == highest(surface, PEAK_PX)[0, 0]) & stands_out).flatten().nonzero()[:, 0]
    strength = score.flatten()[at]
    order = strength.argsort(descending=True, stable=True)[: CANDIDATES * count]
    at, strength = at[order], strength[order]
    cell = torch.stack([at % width, at // width], dim=1)
    stay = torch.from_numpy(spread(cell.cpu().double().numpy(), strength.cpu().numpy(), count)).to(at.device)
    cell, strength = cell[stay], strength[stay]
    if not len(cell):
        return cell.to(score.dtype), strength
    padded = F.pad(surface, [reach] * 4)[0, 0]
    steps = torch.arange(PEAK_PX, device=score.device)
    around = padded[cell[:, 1, None, None] + steps[:, None], cell[:, 0, None, None] + steps]
    offsets, _ = peak_offsets(around)
    return cell + offsets - reach + 0.5, strength


def sampled(field: Tensor, xy: Tensor, stride_px: float) -> Tensor:
    """Values of a field between its cells.

    Args:
        field: (B, C, h, w); xy: (B, N, 2) pixels of the picture; stride_px: of the picture, per cell.

    Returns:
        (B, N, C).
    """
    size = xy.new_tensor([field.shape[3], field.shape[2]]) * stride_px
    grid = (2 * xy / size - 1)[:, None]
    read = F.grid_sample(field, grid.to(field.dtype), padding_mode="border", align_corners=False)
    return read[:, :, 0].transpose(1, 2)
