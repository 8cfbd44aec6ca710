"""Training crops for the evidence network: cut across tile borders, turned, scaled and re-lit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.evidence.light import relight
from mlcore.evidence.verified import Verified
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.labels import draw_ids, outlines_of
from mlcore.pairs.source import PairSource

BACKGROUND_ZOOM = 24  # finer than any region
APART = 3


@dataclass(frozen=True)
class EvidenceSample:
    """One tile as the evidence network learns it.

    Attributes:
        tile: where it is.
        image: (S, S, 3) uint8 RGB.
        ids: (S, S) int32; the number of the footprint a pixel belongs to, 0 = none.
        known: (S, S) bool; False where the image has no data or the label must not be used.
        sure: (S, S) bool; True where a person verified the label. None = nowhere.
    """

    tile: TileAddress
    image: np.ndarray
    ids: np.ndarray
    known: np.ndarray
    sure: np.ndarray | None = None


@dataclass(frozen=True)
class CropBatch:
    """Crops as arrays: images (B, H, W, 3) uint8, ids (B, H, W) int32, known, outline and sure (B, H, W) bool.

    `resolutions_m` (B,) float32 are metres per pixel, where they are told.
    """

    images: np.ndarray
    ids: np.ndarray
    known: np.ndarray
    outline: np.ndarray
    sure: np.ndarray
    resolutions_m: np.ndarray | None = None


def evidence_samples(
    source: PairSource,
    tiles: Sequence[TileAddress],
    *,
    avoid: Collection[TileAddress] = (),
    verified: Verified | None = None,
) -> list[EvidenceSample]:
    """Samples of `tiles`; a footprint that reaches into a tile of `avoid` is unknown, so nothing of it is learnt.

    Args:
        verified: what people said of the ground.
    """
    hidden = {feature.key for tile in avoid for feature, _ in source.footprints(tile)}
    numbers: dict[str, int] = {}
    samples = []
    for tile in tiles:
        image = source.reader.read_tile(tile, source.size_px)
        shapes, unknown = [], []
        for feature, polygons in source.footprints(tile):
            number = numbers.setdefault(feature.key, len(numbers) + 1)
            shapes += [(number, polygon) for polygon in polygons]
            if feature.key in hidden:
                unknown.append(number)
        ids = draw_ids(shapes, source.size_px, source.size_px)
        known, sure = image.valid & ~np.isin(ids, unknown), None
        if verified is not None:
            sure, doubtful = verified.planes(tile, source.size_px, source.transforms.get(tile))
            known, sure = known & ~doubtful, sure & known
        samples.append(EvidenceSample(tile, image.rgb, ids, known, sure))
    return samples


def background_samples(images: Sequence[np.ndarray], size_px: int) -> list[EvidenceSample]:
    """Samples of images without any building and without georeference; each stands alone at a made-up address.

    Args:
        images: (H, W, 3) uint8 of about the resolution that is learnt; cut or repeated at the border to `size_px`.
    """
    samples = []
    for number, image in enumerate(images):
        pad = [(0, max(0, size_px - side)) for side in image.shape[:2]]
        whole = np.pad(image, [*pad, (0, 0)], mode="reflect")[:size_px, :size_px]
        empty, known = np.zeros((size_px, size_px), np.int32), np.ones((size_px, size_px), bool)
        address = TileAddress(BACKGROUND_ZOOM, APART * number, 0)  # no two of these are neighbours
        samples.append(EvidenceSample(address, np.ascontiguousarray(whole), empty, known))
    return samples


class CropSampler:
    """Draws random crops around the samples; neighbours fill what lies beyond a tile's border."""

    def __init__(
        self, samples: Sequence[EvidenceSample], crop_px: int, scale_jitter: float, light: float = 0.0
    ) -> None:
        self.samples, self.crop_px, self.scale_jitter, self.light = list(samples), crop_px, scale_jitter, light
        self.by_tile: Mapping[TileAddress, EvidenceSample] = {sample.tile: sample for sample in samples}
        self.size = samples[0].image.shape[0]

    def draw(self, count: int, rng: np.random.Generator) -> CropBatch:
        """`count` crops; which tile, place, turn, scale and light are all from `rng`."""
        crops = [self._crop(self.samples[int(rng.integers(len(self.samples)))], rng) for _ in range(count)]
        images, ids, known, sure = (np.stack(parts) for parts in zip(*crops, strict=True))
        return CropBatch(images, ids, known, np.stack([outlines_of(one) for one in ids]), sure)

    def _crop(self, sample: EvidenceSample, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        scale = float(np.exp(rng.uniform(-self.scale_jitter, self.scale_jitter)))
        image, labels, known, sure = self.cut(sample, scale, rng)
        return relight(image, rng, self.light), labels, known, sure

    def cut(self, sample: EvidenceSample, scale: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Image, ids, known and sure of one crop around a random point of the sample, turned at random.

        Args:
            scale: pixels of the crop per pixel of the sample.
        """
        image, ids, trust = self._surroundings(sample.tile)
        centre, turn = self.size + rng.uniform(0, self.size, 2), rng.uniform(0, 2 * np.pi)
        flip = -1.0 if rng.random() < 0.5 else 1.0
        cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
        # maps a pixel of the crop to a pixel of the surroundings
        linear = np.array([[cos * flip, -sin], [sin * flip, cos]])
        matrix = np.hstack([linear, (centre - linear @ np.full(2, self.crop_px / 2))[:, None]])
        size, flags = (self.crop_px, self.crop_px), cv2.WARP_INVERSE_MAP
        image = cv2.warpAffine(image, matrix, size, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        # OpenCV warps no int32: numbers below 2^24 are exact as float32
        labels = cv2.warpAffine(ids.astype(np.float32), matrix, size, flags=flags | cv2.INTER_NEAREST)
        seen = cv2.warpAffine(trust, matrix, size, flags=flags | cv2.INTER_NEAREST)
        return image, labels.astype(np.int32), seen > 0, seen > 1

    def _surroundings(self, tile: TileAddress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tile and its neighbours as image, ids and trust: 0 = unknown (or not in the set), 1 = known, 2 = sure."""
        side = 3 * self.size
        image, ids = np.full((side, side, 3), 114, np.uint8), np.zeros((side, side), np.int32)
        trust = np.zeros((side, side), np.uint8)
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
                    image[place], ids[place], trust[place] = near.image, near.ids, near.known
                    if near.sure is not None:
                        trust[place] += near.sure & near.known
        return image, ids, trust
