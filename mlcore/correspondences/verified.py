"""Ground on which people verified where the image shows the map: what a matcher learns from, and what is kept from it.

Ground is learnt or held out by blocks of one size, whatever zoom is worked at, and which block is decided by its place
alone: what one matcher was measured on is never learnt by the next one, however much is verified meanwhile. Of a tile
that is larger than a block, one block in four is held out and the others are learnt.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mlcore.correspondences.grounds import WIDE_PX, SeenTwice
from mlcore.correspondences.modalities import relit
from mlcore.correspondences.scanned import ScannedSource
from mlcore.correspondences.styles import Dress, dressed, random_style
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.imagery.raster import ImageReader
from mlcore.pairs.source import PairSource

BLOCK_ZOOM, BLOCK_PX = 18, 512
"""A block is a tile of this zoom, about 150 m; it is seen at so many pixels a side."""
COARSEST_ZOOM = 12
MOST_KEPT = 64
"""Pictures of a place that are kept, of WIDE_PX a side; others are read again."""
RELIT_SHARE = 0.3


def blocks_on(tile: TileAddress) -> list[TileAddress]:
    """The blocks that a tile has ground on: one, or all those of a tile that is larger.

    Raises:
        InvalidInputError: a tile of a country's size.
    """
    if tile.z >= BLOCK_ZOOM:
        return [tile.parent(tile.z - BLOCK_ZOOM)]
    if tile.z < COARSEST_ZOOM:
        raise InvalidInputError(
            f"nothing is verified on a tile of zoom {tile.z}: take zoom {COARSEST_ZOOM} or a finer one"
        )
    levels = BLOCK_ZOOM - tile.z
    x, y, side = tile.x << levels, tile.y << levels, 1 << levels
    return [TileAddress(BLOCK_ZOOM, x + dx, y + dy) for dy in range(side) for dx in range(side)]


def block_of(tile: TileAddress) -> TileAddress:
    """The block that a tile lies in.

    Raises:
        InvalidInputError: it is larger than a block.
    """
    if tile.z < BLOCK_ZOOM:
        raise InvalidInputError(f"a tile of zoom {tile.z} has several blocks: take them from `blocks_on`")
    return tile.parent(tile.z - BLOCK_ZOOM)


def is_held_out(block: TileAddress) -> bool:
    """Whether a block is kept from every matcher: one in four, of any two by two exactly one."""
    return (block.x + 2 * block.y) % 4 == 0


def learnt_parts(tile: TileAddress) -> list[TileAddress]:
    """What may be learnt of a tile: all of it, nothing, or those of its blocks that are not held out."""
    free = [block for block in blocks_on(tile) if not is_held_out(block)]
    return free if tile.z < BLOCK_ZOOM else [tile] * len(free)


def within(tile: TileAddress, whole: TileAddress, whole_px: int) -> tuple[int, int, int]:
    """Left, top and side of a tile in the picture of a tile that holds it, in pixels."""
    levels = tile.z - whole.z
    side = whole_px >> levels
    return (tile.x - (whole.x << levels)) * side, (tile.y - (whole.y << levels)) * side, side


def block_by_block(tile: TileAddress, transform: Transform) -> dict[TileAddress, Transform]:
    """The held-out blocks of a larger tile, each with the transform in pixels of its own at TILE_PX."""
    found = {}
    for block in filter(is_held_out, blocks_on(tile)):
        left, top, side = within(block, tile, TILE_PX)
        larger = TILE_PX / side
        frame = np.array([[larger, 0, -larger * left], [0, larger, -larger * top], [0, 0, 1.0]])
        found[block] = transform.reframed(frame)
    return found


def in_block(transform: Transform, tile: TileAddress) -> np.ndarray:
    """(3, 3) a tile's transform, in pixels of the tile at TILE_PX, as a matrix of the picture of its block."""
    left, top, side = within(tile, block_of(tile), BLOCK_PX)
    place = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    return np.asarray(place @ transform.scaled(side / TILE_PX).matrix @ np.linalg.inv(place))


class _PlacedGround(ABC):
    """Image of verified tiles with the map where people saw it; of other tiles nothing.

    Args:
        reader: of the image.
        transforms: of every tile to learn from, in pixels of the tile at 256 px; none of a block that is held out. Of a
            tile that is larger than a block, what is held out is not shown.

    Raises:
        InvalidInputError: no tile, or one of a block that is held out.
    """

    def __init__(self, reader: ImageReader, transforms: Mapping[TileAddress, Transform]) -> None:
        if not transforms:
            raise InvalidInputError("a place to learn from needs a verified tile: verify some first")
        if any(not learnt_parts(tile) for tile in transforms):
            raise InvalidInputError("a tile of a block that is held out can't be learnt from: leave it out")
        self.reader, self.transforms = reader, dict(transforms)
        self.wholes: dict[TileAddress, list[TileAddress]] = {}
        for tile in sorted(transforms):
            self.wholes.setdefault(tile.parent(max(0, tile.z - BLOCK_ZOOM) + 1), []).append(tile)
        self._images: OrderedDict[TileAddress, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def draw(self, rng: np.random.Generator) -> SeenTwice:
        wholes = list(self.wholes)
        weights = np.array([len(self.wholes[one]) for one in wholes], np.float64)
        whole = wholes[int(rng.choice(len(wholes), p=weights / weights.sum()))]
        shown = np.zeros((WIDE_PX, WIDE_PX), bool)
        for part in (part for tile in self.wholes[whole] for part in learnt_parts(tile)):
            left, top, side = within(part, whole, WIDE_PX)
            shown[top : top + side, left : left + side] = True
        image, seen = self._image(whole)
        image = relit(image, rng) if rng.random() < RELIT_SHARE else image
        drawn, there = self._map(whole, rng)
        shown = shown & there
        drawn = np.where(shown[..., None], drawn, 0).astype(np.uint8)
        return SeenTwice(image * shown[..., None], seen & shown, drawn, shown, seen & shown)

    def _image(self, whole: TileAddress) -> tuple[np.ndarray, np.ndarray]:
        if whole not in self._images:
            read = self.reader.read_tile(whole, WIDE_PX)
            self._images[whole] = (read.rgb, read.valid)
            if len(self._images) > MOST_KEPT:
                self._images.popitem(last=False)
        return self._images[whole]

    @abstractmethod
    def _map(self, whole: TileAddress, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(WIDE_PX, WIDE_PX, 3) uint8, the map of the whole's verified tiles on their image, and where there is one."""


class VerifiedGround(_PlacedGround):
    """Verified tiles of a map of vectors, drawn in another style each time; the rest is as of `_PlacedGround`."""

    def __init__(self, source: PairSource, transforms: Mapping[TileAddress, Transform]) -> None:
        super().__init__(source.reader, transforms)
        self.source = source

    def _map(self, whole: TileAddress, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Each tile's map moved onto its image, then dressed as one sheet."""
        style = random_style(rng)
        filled = replace(style, dress=Dress(hatch=style.dress.hatch, stipple=style.dress.stipple))
        sheet = np.empty((WIDE_PX, WIDE_PX, 3), np.uint8)
        sheet[:] = style.style.background
        for tile in self.wholes[whole]:
            left, top, side = within(tile, whole, WIDE_PX)
            part = filled.draw(tile, self.source.index, side, rng, self.transforms[tile])
            sheet[top : top + side, left : left + side] = part
        return dressed(sheet, style.dress, rng, style.style.building_outline), np.ones(sheet.shape[:2], bool)


class ScannedGround(_PlacedGround):
    """Verified tiles of a map that is a picture, at times in other tints; the rest is as of `_PlacedGround`."""

    def __init__(self, source: ScannedSource, transforms: Mapping[TileAddress, Transform]) -> None:
        super().__init__(source.reader, transforms)
        self.source = source
        self._sheets: OrderedDict[TileAddress, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def _map(self, whole: TileAddress, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if whole not in self._sheets:
            sheet, there = np.zeros((WIDE_PX, WIDE_PX, 3), np.uint8), np.zeros((WIDE_PX, WIDE_PX), bool)
            for tile in self.wholes[whole]:
                left, top, side = within(tile, whole, WIDE_PX)
                place = np.s_[top : top + side, left : left + side]
                sheet[place], there[place] = self.source.map_on(tile, side, self.transforms[tile])
            self._sheets[whole] = (sheet, there)
            if len(self._sheets) > MOST_KEPT:
                self._sheets.popitem(last=False)
        sheet, there = self._sheets[whole]
        return (relit(sheet, rng) if rng.random() < RELIT_SHARE else sheet), there
