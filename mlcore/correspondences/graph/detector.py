"""Keypoints: a learned detector joined with edge saliency, spread over the picture, to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.correspondences.correlate import peak_offsets
from mlcore.correspondences.graph.attention import silent
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

TRUNK, STRUCTURE = ("enc_", "dec_", "up_"), "coarse_head"
"""Parts that other networks have as well: the trunk, and the structure matcher's fields on it."""
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
FIELDS, GRID, GRID_STEP_PX = 12, 11, 10
"""Fields of structure (as many as the structure matcher's coarse ones), places a side of the grid, their distance."""
SURE = 8.0
"""How much the first of the four directions outweighs the others."""
TINY = 1e-6


@dataclass(frozen=True)
class Dense:
    """What the trunk says of pictures everywhere.

    Attributes:
        cells: (B, 65, H / 8, W / 8) logits of the detector.
        fine: (B, widths[0], H / 2, W / 2); deep: (B, widths[2], H / 8, W / 8), of which descriptors are made.
        fields: (B, FIELDS, H / 8, W / 8) of structure.
        along: (B, 2, H, W) how what stands there is turned (`saliency.right_angled_directions`).
    """

    cells: Tensor
    fine: Tensor
    deep: Tensor
    fields: Tensor
    along: Tensor

    def of(self, which: slice) -> Dense:
        """Those of some of the pictures."""
        return Dense(*(part[which] for part in (self.cells, self.fine, self.deep, self.fields, self.along)))

    def float(self) -> Dense:
        """The same in single precision."""
        return Dense(*(part.float() for part in (self.cells, self.fine, self.deep, self.fields, self.along)))


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
            silent(nn.Linear(2 * channels, channels)),
        )  # fmt: skip
        self.coarse_head = nn.Conv2d(widths[2], FIELDS, 1)
        self.surroundings = Surroundings(channels)

    def keep_trunk(self) -> None:
        """From now on the trunk neither learns nor gathers statistics; to be said anew after `train()`."""
        for name, part in self.named_children():
            if name.startswith((*TRUNK, STRUCTURE)):
                part.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Dense:
        """(B, 3, H, W) float RGB in 0..1, sides multiples of 16."""
        fine, deep = self.levels(pictures)
        with torch.no_grad():
            along = right_angled_directions(pictures)
        return Dense(self.cell_head(F.relu(self.cell_hidden(deep))), fine, deep, self.coarse_head(deep), along)

    def described(self, dense: Dense, xy: Tensor) -> Tensor:
        """(B, N, channels) unit descriptors at (B, N, 2) pixels.

        Of what stands about it, which is all of it at first, and of the point, the mean about it and the deep features:
        a point alone says too little of a map.
        """
        near = F.avg_pool2d(dense.fine, NEAR_CELLS, 1, NEAR_CELLS // 2, count_include_pad=False)
        parts = sampled(dense.fine, xy, 2), sampled(near, xy, 2), sampled(dense.deep, xy, CELL_PX)
        words = self.words(torch.cat(parts, dim=-1)) + self.surroundings(dense, xy)
        return F.normalize(words, dim=-1)


class Surroundings(nn.Module):
    """What stands about a point: fields of structure, read on a grid that is turned as the buildings there are.

    The grid lies alike in two pictures that are turned against each other but for right angles. Of the four it takes
    the one on whose right side most lies of what `up` names. At first it says what the fields are, cut down to the size
    of a descriptor without looking; what of it tells places apart, and which way is up, is learnt.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = FIELDS * GRID**2
        self.up = nn.Parameter(torch.eye(FIELDS)[0])
        self.say = nn.Linear(size, channels, bias=False)
        nn.init.orthogonal_(self.say.weight)
        self.more = nn.Sequential(
            nn.Linear(size, 2 * channels),
            nn.LayerNorm(2 * channels),
            nn.GELU(),
            silent(nn.Linear(2 * channels, channels)),
        )

    def forward(self, dense: Dense, xy: Tensor) -> Tensor:
        """(B, N, channels) at (B, N, 2) pixels."""
        read, _, share = self._looks(dense, xy)
        heard = (share[..., None] * read).sum(dim=0)
        return self.say(heard) + self.more(heard)

    def turns(self, dense: Dense, xy: Tensor) -> Tensor:
        """(B, N) radians by which the grid lies turned at (B, N, 2) pixels, in the one of four ways that is taken."""
        _, angles, share = self._looks(dense, xy)
        return angles.gather(0, share.argmax(dim=0)[None])[0]

    def _looks(self, dense: Dense, xy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each of the four ways (4, B, N, size) what it reads, (4, B, N) its angle, and how much it is taken."""
        fields = dense.fields - dense.fields.mean(dim=(2, 3), keepdim=True)
        along = sampled(dense.along, xy, 1)
        angle = torch.atan2(along[..., 1], along[..., 0]) / 4
        angles = torch.stack([angle + quarter * torch.pi / 2 for quarter in range(4)])
        to_the_right = turned_grid(xy.new_zeros(1))[0, :, 0]
        read, right = [], []
        for turn in angles:
            places = xy[:, :, None] + turned_grid(turn.flatten()).unflatten(0, turn.shape)
            values = sampled(fields, places.flatten(1, 2), CELL_PX).unflatten(1, places.shape[1:3])
            read.append(values.flatten(2))
            right.append(((values @ self.up) * to_the_right).mean(dim=2))
        lies = torch.stack(right)
        share = F.softmax(SURE * lies / lies.abs().mean(dim=0).clamp(min=TINY), dim=0)
        return torch.stack(read), angles, share


def turned_grid(turn: Tensor) -> Tensor:
    """(K, GRID ** 2, 2) pixels from the middle of grids that are turned by (K,) radians."""
    steps = (torch.arange(GRID, device=turn.device, dtype=turn.dtype) - (GRID - 1) / 2) * GRID_STEP_PX
    x, y = torch.stack(torch.meshgrid(steps, steps, indexing="xy")).flatten(1)
    cos, sin = turn.cos()[:, None], turn.sin()[:, None]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


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
