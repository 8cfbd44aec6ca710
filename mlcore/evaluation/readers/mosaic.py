"""Lays crops out as tiles of a made-up place, so that whatever works on a region works on a data set of crops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import rasterio
import shapely
from rasterio.errors import RasterioError
from rasterio.windows import Window

from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.crops import CROP_PX, Crop
from mlcore.files import whole_file
from mlcore.geometry.webmercator import WORLD_M, TileAddress, tile_at, xy_to_lonlat
from mlcore.imagery.raster import open_image
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource

ZOOM = 19
CORNER_LONLAT = (-30.0, 40.0)  # in the ocean: a pixel of zoom 19 is 0.23 m there, between WHU's 0.2 m and Inria's 0.3 m
APART = 2  # a blank tile between any two crops: they are no neighbours
LEAST_PX = 24
OUTLINE_SLACK_PX = 1.0
FIRST_ID = 1


@dataclass(frozen=True)
class Mosaic:
    """Crops as a place.

    Attributes:
        source: image and map of the place.
        tiles: the tile of every crop, in the crops' order.
        changed_shares: share of each tile that really changed; None where nobody said.
        columns_to: first column of the grid (in tiles from the corner) that is still free.
    """

    source: PairSource
    tiles: list[TileAddress]
    changed_shares: dict[TileAddress, float | None]
    columns_to: int


def lay_out(crops: Iterable[Crop], count: int, folder: Path, *, columns_from: int = 0) -> Mosaic:
    """Write `count` crops into one picture, a crop per tile, and their buildings as polygons; holds one at a time.

    Raises:
        InvalidInputError: no crop at all, or the picture can't be written.
    """
    if count < 1:
        raise InvalidInputError("there is no crop to lay out: check the splits")
    side = math.ceil(math.sqrt(count))
    corner = _corner(columns_from)
    tiles = [TileAddress(ZOOM, corner.x + APART * (i % side), corner.y + APART * (i // side)) for i in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "crops.tif"
    features: list[MapFeature] = []
    shares: dict[TileAddress, float | None] = {}

    def told() -> Iterator[tuple[TileAddress, Crop]]:
        for tile, crop in zip(tiles, crops, strict=True):
            features.extend(buildings_of(crop.buildings, tile, FIRST_ID + len(features)))
            shares[tile] = crop.changed_share
            yield tile, crop

    _write(path, told(), corner, side, math.ceil(count / side))
    return Mosaic(PairSource(open_image(path), MapIndex(features)), tiles, shares, columns_from + APART * side + APART)


def buildings_of(mask: np.ndarray, tile: TileAddress, first_id: int) -> list[MapFeature]:
    """Polygons of a mask's buildings (touching ones count as one), with their courtyards; specks are left out."""
    contours, nesting = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found: list[MapFeature] = []
    for number, outer in enumerate(contours):
        if nesting[0][number][3] >= 0 or cv2.contourArea(outer) < LEAST_PX:
            continue
        holes, child = [], int(nesting[0][number][2])
        while child >= 0:
            if cv2.contourArea(contours[child]) >= LEAST_PX:
                holes.append(_ring(contours[child], tile))
            child = int(nesting[0][child][0])
        shape = shapely.make_valid(shapely.Polygon(_ring(outer, tile), holes))
        parts = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
        found += [
            MapFeature("building", part, {"building": "yes"}, "way", first_id + len(found) + i)
            for i, part in enumerate(parts)
        ]
    return found


def _ring(contour: np.ndarray, tile: TileAddress) -> np.ndarray:
    simple = cv2.approxPolyDP(contour, OUTLINE_SLACK_PX, True)[:, 0, :].astype(float)
    if len(simple) < 3:
        simple = contour[:, 0, :].astype(float)
    return xy_to_lonlat(simple + 0.5, tile, CROP_PX)


def _corner(columns_from: int) -> TileAddress:
    first = tile_at(*CORNER_LONLAT, ZOOM)
    return TileAddress(ZOOM, first.x + columns_from, first.y)


def _write(path: Path, crops: Iterable[tuple[TileAddress, Crop]], corner: TileAddress, side: int, rows: int) -> None:
    west, _, _, north = corner.bounds_mercator
    cell = WORLD_M / 2**ZOOM / CROP_PX
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 3, "crs": "EPSG:3857", "photometric": "RGB",
        "width": (APART * side - 1) * CROP_PX, "height": (APART * rows - 1) * CROP_PX,
        "transform": rasterio.Affine(cell, 0, west, 0, -cell, north), "tiled": True, "blockxsize": CROP_PX,
        "blockysize": CROP_PX, "compress": "deflate", "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    masks = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True)
    try:
        with masks, whole_file(path) as scratch, rasterio.open(scratch, "w", **profile) as target:
            for tile, crop in crops:
                place = Window((tile.x - corner.x) * CROP_PX, (tile.y - corner.y) * CROP_PX, CROP_PX, CROP_PX)
                target.write(np.where(crop.valid[..., None], crop.image, 0).transpose(2, 0, 1), window=place)
                target.write_mask(crop.valid.astype(np.uint8) * 255, window=place)
    except (OSError, RasterioError) as error:
        raise InvalidInputError(f"can't write the crops to {path}: {error}; free some space") from error
