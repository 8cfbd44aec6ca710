"""Training crops for the evidence network: cut across tile borders, turned, scaled and re-lit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.changes.labels import BUILDINGS, draw_ids, outlines_of, to_xy
from mlcore.geometry.webmercator import TileAddress
from mlcore.tiles.pairs import PairSource


@dataclass(frozen=True)
class EvidenceSample:
    """One tile as the evidence network learns it.

    Attributes:
        tile: where it is.
        image: (S, S, 3) uint8 RGB.
        ids: (S, S) int32; the number of the footprint a pixel belongs to, 0 = none.
        known: (S, S) bool; False where the image has no data or the label must not be used.
    """

    tile: TileAddress
    image: np.ndarray
    ids: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class CropBatch:
    """Crops as arrays: images (B, H, W, 3) uint8, ids (B, H, W) int32, known and outline (B, H, W) bool."""

    images: np.ndarray
    ids: np.ndarray
    known: np.ndarray
    outline: np.ndarray


def evidence_samples(
    source: PairSource, tiles: Sequence[TileAddress], *, avoid: Collection[TileAddress] = ()
) -> list[EvidenceSample]:
    """Samples of `tiles`; a footprint that reaches into a tile of `avoid` is unknown, so nothing of it is learnt."""
    hidden = {feature.key for tile in avoid for feature in source.index.query(tile.bounds_lonlat, BUILDINGS)}
    numbers: dict[str, int] = {}
    samples = []
    for tile in tiles:
        image = source.reader.read_tile(tile, source.size_px)
        shapes, unknown = [], []
        for feature in source.index.query(tile.bounds_lonlat, BUILDINGS):
            number = numbers.setdefault(feature.key, len(numbers) + 1)
            shapes += [(number, polygon) for polygon in to_xy(feature.geometry, tile, source.size_px)]
            if feature.key in hidden:
                unknown.append(number)
        ids = draw_ids(shapes, source.size_px, source.size_px)
        samples.append(EvidenceSample(tile, image.rgb, ids, image.valid & ~np.isin(ids, unknown)))
    return samples


class CropSampler:
    """Draws random crops around the samples; neighbours fill what lies beyond a tile's border."""

    def __init__(self, samples: Sequence[EvidenceSample], crop_px: int, scale_jitter: float) -> None:
        self.samples, self.crop_px, self.scale_jitter = list(samples), crop_px, scale_jitter
        self.by_tile: Mapping[TileAddress, EvidenceSample] = {sample.tile: sample for sample in samples}
        self.size = samples[0].image.shape[0]

    def draw(self, count: int, rng: np.random.Generator) -> CropBatch:
        """`count` crops; which tile, place, turn, scale and light are all from `rng`."""
        crops = [self._crop(self.samples[int(rng.integers(len(self.samples)))], rng) for _ in range(count)]
        images, ids, known = (np.stack(parts) for parts in zip(*crops, strict=True))
        return CropBatch(images, ids, known, np.stack([outlines_of(one) for one in ids]))

    def _crop(self, sample: EvidenceSample, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image, ids, known = self._surroundings(sample.tile)
        centre = self.size + rng.uniform(0, self.size, 2)
        scale, turn = float(np.exp(rng.uniform(-self.scale_jitter, self.scale_jitter))), rng.uniform(0, 2 * np.pi)
        flip = -1.0 if rng.random() < 0.5 else 1.0
        cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
        # maps a pixel of the crop to a pixel of the surroundings
        linear = np.array([[cos * flip, -sin], [sin * flip, cos]])
        matrix = np.hstack([linear, (centre - linear @ np.full(2, self.crop_px / 2))[:, None]])
        size, flags = (self.crop_px, self.crop_px), cv2.WARP_INVERSE_MAP
        image = cv2.warpAffine(image, matrix, size, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        # OpenCV warps no int32: numbers below 2^24 are exact as float32
        labels = cv2.warpAffine(ids.astype(np.float32), matrix, size, flags=flags | cv2.INTER_NEAREST)
        seen = cv2.warpAffine(known.astype(np.uint8), matrix, size, flags=flags | cv2.INTER_NEAREST)
        return relight(image, rng), labels.astype(np.int32), seen > 0

    def _surroundings(self, tile: TileAddress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tile and its eight neighbours as one picture; what is not in the set is unknown."""
        side = 3 * self.size
        image, ids = np.full((side, side, 3), 114, np.uint8), np.zeros((side, side), np.int32)
        known = np.zeros((side, side), bool)
        for row in range(3):
            for column in range(3):
                x, y = tile.x + column - 1, tile.y + row - 1
                if min(x, y) < 0 or max(x, y) >= 2**tile.z:
                    continue
                near = self.by_tile.get(TileAddress(tile.z, x, y))
                if near is not None:
                    place = np.s_[
                        row * self.size : (row + 1) * self.size, column * self.size : (column + 1) * self.size
                    ]
                    image[place], ids[place], known[place] = near.image, near.ids, near.known
        return image, ids, known


def relight(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change light, colour cast, saturation and sharpness of (H, W, 3) uint8 at random."""
    work = image.astype(np.float32)
    grey = work.mean(axis=2, keepdims=True)
    work = grey + (work - grey) * rng.uniform(0.75, 1.25)
    work = (work - 114) * rng.uniform(0.85, 1.18) + 114 + rng.uniform(-15, 15)
    work *= rng.uniform(0.95, 1.05, 3).astype(np.float32)
    if rng.random() < 0.1:
        work = cv2.GaussianBlur(work, (0, 0), float(rng.uniform(0.4, 0.9)))
    return np.clip(work, 0, 255).astype(np.uint8)
