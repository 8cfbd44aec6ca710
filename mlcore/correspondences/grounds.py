"""Where training pairs come from: ground seen twice, as image and map, as two maps, or as two images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from mlcore.correspondences.modalities import relit
from mlcore.correspondences.styles import random_style
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource

WIDE_LEVELS, WIDE_PX = 2, 1024
"""Crops are cut from one picture of this side: a tile so many zoom levels up, at the resolution that is learnt."""
LEAST_VALID = 0.05


@dataclass(frozen=True)
class SeenTwice:
    """One piece of ground in two pictures that lie on each other.

    Attributes:
        image, map: (S, S, 3) uint8 RGB each.
        image_valid, map_valid: (S, S) bool.
        centres: (S, S) bool, where the middle of a crop may lie.
        exact: the two lie on each other to a pixel or two, so that patches may be learnt from them.
    """

    image: np.ndarray
    image_valid: np.ndarray
    map: np.ndarray
    map_valid: np.ndarray
    centres: np.ndarray
    exact: bool = True


class Ground(Protocol):
    """A place, or many, from which pairs are drawn."""

    def draw(self, rng: np.random.Generator) -> SeenTwice:
        """A piece of it, in a style and light from `rng`."""


class MappedGround:
    """Image and map of a place; the map in another style each time.

    Args:
        tiles: those on which the map is complete.
        exact: the map is drawn where the image shows it; maps of volunteers are a metre or three off.

    Raises:
        InvalidInputError: no tile.
    """

    def __init__(self, source: PairSource, tiles: Sequence[TileAddress], *, exact: bool = False) -> None:
        if not tiles:
            raise InvalidInputError("a place to learn from needs a tile with image and map: widen the area")
        self.source, self.exact = source, exact
        self.wholes: dict[TileAddress, list[TileAddress]] = {}
        for tile in tiles:
            self.wholes.setdefault(tile.parent(WIDE_LEVELS), []).append(tile)
        self._images: dict[TileAddress, tuple[np.ndarray, np.ndarray]] = {}

    def draw(self, rng: np.random.Generator) -> SeenTwice:
        wholes = list(self.wholes)
        weights = np.array([len(self.wholes[one]) for one in wholes], np.float64)
        whole = wholes[int(rng.choice(len(wholes), p=weights / weights.sum()))]
        if whole not in self._images:
            read = self.source.reader.read_tile(whole, WIDE_PX)
            self._images[whole] = (read.rgb, read.valid)
        image, valid = self._images[whole]
        drawn = random_style(rng).draw(whole, self.source.index, WIDE_PX, rng)
        centres = np.zeros(valid.shape, bool)
        side = WIDE_PX >> WIDE_LEVELS
        for tile in self.wholes[whole]:
            left, top = (tile.x - (whole.x << WIDE_LEVELS)) * side, (tile.y - (whole.y << WIDE_LEVELS)) * side
            centres[top : top + side, left : left + side] = True
        light = relit(image, rng) if rng.random() < 0.3 else image
        return SeenTwice(light, valid, drawn, np.ones_like(valid), centres & valid, self.exact)


class DrawnGround:
    """One map in two styles.

    Args:
        tiles: of the zoom that is learnt; those without a building are worth little.
    """

    def __init__(self, index: MapIndex, tiles: Sequence[TileAddress]) -> None:
        if not tiles:
            raise InvalidInputError("a map to learn from needs a tile: choose an extract with buildings")
        self.index, self.wholes = index, sorted({tile.parent(WIDE_LEVELS) for tile in tiles})

    def draw(self, rng: np.random.Generator) -> SeenTwice:
        whole = self.wholes[int(rng.integers(len(self.wholes)))]
        first, second = (random_style(rng).draw(whole, self.index, WIDE_PX, rng) for _ in range(2))
        everywhere = np.ones((WIDE_PX, WIDE_PX), bool)
        return SeenTwice(first, everywhere, second, everywhere, everywhere)


class PhotoGround:
    """Images without a map: the same image in another light.

    Args:
        images: (H, W, 3) uint8 each, of about the resolution that is learnt.
    """

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        if not images:
            raise InvalidInputError("there is no image to learn from")
        self.images = images

    def draw(self, rng: np.random.Generator) -> SeenTwice:
        image = self.images[int(rng.integers(len(self.images)))]
        everywhere = np.ones(image.shape[:2], bool)
        return SeenTwice(relit(image, rng), everywhere, relit(image, rng), everywhere, everywhere)


@dataclass(frozen=True)
class CropPair:
    """Two crops of one piece of ground, turned, scaled and moved apart.

    Attributes:
        image, map: (S, S, 3) uint8.
        image_valid, map_valid: (S, S) bool.
        map_to_image: (3, 3) similarity of corner-based pixels, of the map's crop as it lies when it is turned back.
        seen: (3, 3) from there to the map's crop as it is seen: turned and scaled about its middle.
    """

    image: np.ndarray
    image_valid: np.ndarray
    map: np.ndarray
    map_valid: np.ndarray
    map_to_image: np.ndarray
    seen: np.ndarray


def crop_pair(
    seen: SeenTwice,
    size_px: int,
    rng: np.random.Generator,
    *,
    turn_deg: float,
    scale_jitter: float,
    shift_share: float,
    seen_scale: float = 0.0,
) -> CropPair:
    """A pair of crops, up to `turn_deg` apart once the map's is turned back from how it is seen, at any angle."""
    places = np.flatnonzero(seen.centres)
    if not places.size:
        raise InvalidInputError("no pixel to cut around: the image has no data where the map is complete")
    row, column = divmod(int(places[int(rng.integers(places.size))]), seen.centres.shape[1])
    centre = np.array([column + 0.5, row + 0.5])
    turn, scale = rng.uniform(0, 2 * np.pi), float(np.exp(rng.uniform(-0.25, 0.25)))
    apart, grown = np.deg2rad(rng.uniform(-turn_deg, turn_deg)), float(np.exp(rng.uniform(-scale_jitter, scale_jitter)))
    shift = rng.uniform(-shift_share, shift_share, 2) * size_px
    flip = -1.0 if rng.random() < 0.5 else 1.0
    to_image = _crop_matrix(centre, turn, scale, flip, size_px, np.zeros(2))
    to_map = _crop_matrix(centre, turn + apart, scale * grown, flip, size_px, shift)
    image, image_valid = _cut(seen.image, seen.image_valid, to_image, size_px)
    spin, size = rng.uniform(0, 2 * np.pi), float(np.exp(rng.uniform(-seen_scale, seen_scale)))
    middle = np.full(2, size_px / 2)
    shown = _crop_matrix(middle, spin, size, 1.0, size_px, np.zeros(2))
    drawn, map_valid = _cut(seen.map, seen.map_valid, shown @ to_map, size_px)
    return CropPair(image, image_valid, drawn, map_valid, to_image @ np.linalg.inv(to_map), shown)


def _crop_matrix(
    centre: np.ndarray, turn: float, scale: float, flip: float, size_px: int, shift: np.ndarray
) -> np.ndarray:
    """(3, 3) from the wide picture to the crop, in corner-based pixels."""
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip, 1.0])
    moved = np.full(2, size_px / 2) + shift - linear @ centre
    return np.vstack([np.column_stack([linear, moved]), [0, 0, 1]])


def _cut(picture: np.ndarray, valid: np.ndarray, matrix: np.ndarray, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    affine = (np.linalg.inv(half) @ matrix @ half)[:2]
    size = (size_px, size_px)
    cut = cv2.warpAffine(picture, affine, size, flags=cv2.INTER_LINEAR)
    seen = cv2.warpAffine(valid.astype(np.uint8), affine, size, flags=cv2.INTER_NEAREST) > 0
    return np.where(seen[..., None], cut, 0).astype(np.uint8), seen
