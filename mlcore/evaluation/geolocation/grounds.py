"""What queries are cut from: a raster with a place of its own, or a plain picture laid onto a base's box."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from affine import Affine

from mlcore.evaluation.geolocation.planes import warp, warp_valid
from mlcore.evaluation.geolocation.reference import resolution_and_side_m
from mlcore.geolocation.bases import MOST_PIXELS, Base
from mlcore.geolocation.cutting import extent_mercator, open_sheet, read_onto
from mlcore.imagery.picture import read_picture

FEW = 2


class Ground(Protocol):
    """An image on the plane of EPSG:3857.

    Attributes:
        bounds: west, south, east, north, in metres of the plane.
        resolution_m: metres on the ground per pixel.
        side_m: its shorter side on the ground.
    """

    bounds: tuple[float, float, float, float]
    resolution_m: float
    side_m: float

    def read(self, transform: Affine, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """rgb uint8 (height, width, 3), black where it has nothing, and valid bool (height, width).

        Args:
            transform: from the pixels asked for to metres of the plane.
        """


class RasterGround:
    """A raster of any reference system."""

    def __init__(self, path: Path) -> None:
        self.sheet = open_sheet(path)
        self.bounds = extent_mercator(self.sheet)
        west, south, east, north = self.bounds
        self.resolution_m, longer = resolution_and_side_m(path)
        self.side_m = longer * min(east - west, north - south) / max(east - west, north - south)

    def read(self, transform: Affine, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        return read_onto(self.sheet, transform, height, width)


class PictureGround:
    """A picture that shows what a base shows, or would show if it were one: it fills the base's box.

    Args:
        plane: (3, 3) from the base's pixels to metres of the plane; north is up.
    """

    def __init__(self, path: Path, base: Base, plane: np.ndarray) -> None:
        self.path, self.base, self.plane = path, base, plane
        (west, east), (south, north) = (
            plane[0, 2] + np.array([0, base.width]) * plane[0, 0],
            sorted(plane[1, 2] + np.array([0, base.height]) * plane[1, 1]),
        )
        self.bounds = float(west), float(south), float(east), float(north)
        self.resolution_m = float(plane[0, 0])
        self.side_m = float(min(east - west, north - south))

    def read(self, transform: Affine, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        picture = _pixels(self.path)
        rows, columns = picture.shape[:2]
        shown = self.plane @ np.diag([self.base.width / columns, self.base.height / rows, 1.0])
        matrix = np.linalg.inv(np.array(transform, np.float64).reshape(3, 3)) @ shown
        rgb = warp(picture, matrix, (width, height))
        valid = warp_valid(np.ones((rows, columns), bool), matrix, (width, height))
        rgb[~valid] = 0
        return rgb, valid


@lru_cache(maxsize=FEW)
def _pixels(path: Path) -> np.ndarray:
    """(H, W, 3) uint8; a set of large pictures doesn't fit into memory, and a query asks for its own several times."""
    return read_picture(path, MOST_PIXELS).rgb
