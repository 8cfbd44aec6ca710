"""Training batches: tiles cut, turned and recoloured, with their edited maps; the same turn on both sides of a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.negatives import DrawnMap, Stamp, cut_buildings, edit_map
from mlcore.pairs.prefetch import in_turn
from mlcore.pairs.source import Pair

LARGEST_ZOOM_IN = 1.35
MIN_CHANGED_SHARE = 0.25
MAX_UNCHANGED_SHARE = 0.08


@dataclass(frozen=True)
class Batch:
    """B pairs at the encoders' size S, on the CPU.

    Attributes:
        index: (B,) which pairs of the data set.
        images, maps, edited: (B, 3, S, S) float in 0..1; `edited` equals `maps` where no edit could be made.
        masks, edited_masks, valid: (B, S, S) float in 0..1.
    """

    index: Tensor
    images: Tensor
    maps: Tensor
    edited: Tensor
    masks: Tensor
    edited_masks: Tensor
    valid: Tensor


class PairBatches:
    """Makes the batches of an epoch from pairs held in memory."""

    def __init__(self, pairs: Sequence[Pair], config: ConsistencyConfig) -> None:
        self.pairs, self.config = list(pairs), config
        self.metres = [pair.tile.resolution_m(pair.image.shape[0]) for pair in self.pairs]
        drawn = [DrawnMap(pair.map, pair.mask) for pair in self.pairs]
        self.buildings = [cut_buildings(*each) for each in zip(drawn, self.metres, strict=True)]
        self.donors: list[Stamp] = [stamp for stamps in self.buildings for stamp in stamps]

    def steps(self) -> int:
        """Batches of one epoch."""
        return max(self.config.steps_per_epoch, -(-len(self.pairs) // self.config.batch))

    def epoch(
        self, generator: torch.Generator, *, edited: bool, augment: bool = True, rank: int = 0, processes: int = 1
    ) -> Iterator[Batch]:
        """Every pair about equally often, in random order; all chance comes from `generator`, before this returns.

        The next batches are made by a thread while the present one is learnt from. Of several processes with equal
        generators each makes its own share of the same batches, with its own turns.
        """
        random = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        wanted = self.steps() * self.config.batch
        rounds = [random.permutation(len(self.pairs)) for _ in range(-(-wanted // len(self.pairs)))]
        order = np.concatenate(rounds)[:wanted]
        share = self.config.batch // processes
        if processes > 1:
            random = np.random.default_rng([int(random.integers(2**31)), rank])

        def make(start: int) -> Batch:
            return self.make(order[start : start + share], random, edited=edited, augment=augment)

        return in_turn(make, range(rank * share, wanted, self.config.batch))

    def make(self, index: np.ndarray, random: np.random.Generator, *, edited: bool, augment: bool) -> Batch:
        """The batch of the pairs at `index`."""
        planes = np.stack([self._planes(int(which), random, edited, augment) for which in index])
        stack = torch.from_numpy(planes).permute(0, 3, 1, 2).to(torch.float32) / 255.0
        images = recolour(stack[:, 0:3], random) if augment else stack[:, 0:3]
        return Batch(
            torch.from_numpy(index.copy()), self._laid_out(images), self._laid_out(stack[:, 3:6]),
            self._laid_out(stack[:, 6:9]), stack[:, 9], stack[:, 10], stack[:, 11],
        )  # fmt: skip

    def _laid_out(self, images: Tensor) -> Tensor:
        layout = torch.channels_last if self.config.channels_last else torch.contiguous_format
        return images.contiguous(memory_format=layout)

    def _planes(self, which: int, random: np.random.Generator, edited: bool, augment: bool) -> np.ndarray:
        """(S, S, 12) uint8: image, map, edited map, mask, edited mask, valid."""
        pair = self.pairs[which]
        drawn = DrawnMap(pair.map, pair.mask)
        changed = None
        if edited:
            changed = edit_map(drawn, self.buildings[which], self.donors, self.metres[which], random)
        valid = (pair.valid * 255).astype(np.uint8)
        own = [pair.image, drawn.rgb, drawn.mask, valid]
        others = [changed.rgb, changed.mask] if changed is not None else []
        lay = _turned_crop(pair.image.shape[0], random) if augment else np.asarray
        size = self.config.input_px
        image, rgb, mask, seen, *rest = (_resized(lay(plane), size) for plane in (*own, *others))
        other_rgb, other_mask = rest or (rgb, mask)
        return np.dstack([image, rgb, other_rgb, mask, other_mask, seen])


def changed_cells(masks: Tensor, other_masks: Tensor, valid: Tensor, stride: int) -> Tensor:
    """What the discriminator must say of each cell of a map with `other_masks`, where the image shows `masks`.

    Args:
        masks, other_masks, valid: (B, S, S) in 0..1.
        stride: pixels per side of a cell.

    Returns:
        (B, S / stride, S / stride): 1 agrees, -1 differs, 0 undecided or without image.
    """
    pool = torch.nn.functional.avg_pool2d
    difference = pool((masks - other_masks).abs()[:, None], stride)[:, 0]
    seen = pool(valid[:, None], stride)[:, 0] > 0.99
    label = torch.zeros_like(difference)
    label[difference <= MAX_UNCHANGED_SHARE] = 1.0
    label[difference >= MIN_CHANGED_SHARE] = -1.0
    return label * seen


def recolour(images: Tensor, random: np.random.Generator) -> Tensor:
    """Another light, haze, camera and focus for each image: (B, 3, S, S) in 0..1 -> the same shape."""
    count = images.shape[0]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(random.uniform(low, high, (count, *shape)).astype(np.float32))

    mean = images.mean(dim=(2, 3), keepdim=True)
    images = (images - mean) * draw(0.7, 1.35, 1, 1, 1) + mean * draw(0.75, 1.25, 1, 1, 1)
    images = images * draw(0.88, 1.12, 3, 1, 1)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * draw(0.3, 1.3, 1, 1, 1)
    blurred = torch.nn.functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    images = images + (blurred - images) * draw(-0.4, 0.8, 1, 1, 1)
    noise = torch.from_numpy(random.standard_normal(images.shape, dtype=np.float32))
    return (images + noise * draw(0.0, 0.03, 1, 1, 1)).clamp(0.0, 1.0)


def _turned_crop(size: int, random: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """One cut, turn and mirroring, for every plane of a tile."""
    side = round(size / random.uniform(1.0, LARGEST_ZOOM_IN))
    x, y = (int(value) for value in random.integers(0, size - side + 1, 2))
    quarters, mirrored = int(random.integers(4)), random.random() < 0.5

    def lay(plane: np.ndarray) -> np.ndarray:
        turned = np.rot90(plane[y : y + side, x : x + side], quarters)
        return turned[:, ::-1] if mirrored else turned

    return lay


def _resized(plane: np.ndarray, size: int) -> np.ndarray:
    plane = np.ascontiguousarray(plane)
    if plane.shape[0] == size:
        return plane
    return np.asarray(cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA))
