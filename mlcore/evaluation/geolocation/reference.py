"""The reference set: bases of every place by name, the plane that each lies on, and pictures of no place among them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely
from affine import Affine

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.planes import quad
from mlcore.geolocation.bases import Base, BaseGrid, BaseSource, JoinedBases, RasterBases
from mlcore.geolocation.cutting import extent_mercator, open_sheet
from mlcore.geometry.webmercator import mercator_to_lonlat

SIDE_PX, RESOLUTION_M = 2048, 0.3
ROOM = 1.02
"""One base holds a raster that is smaller than a base, wherever on the lattice it begins."""
NOWHERE_XY_M, APART_M, ROW_OF = (-15_000_000.0, 0.0), 8_000.0, 100
"""Pictures of no known place lie in rows, this far from one another, in the Pacific on the equator."""


class Reference:
    """Bases by place.

    Args:
        places: the bases of each place, by its name; a base's own name is unique in all of them.
        picture_resolution_m: metres per pixel that pictures of no known place are taken to have; of some places only,
            their own.

    Raises:
        InvalidInputError: no base at all, or two of one name.
    """

    def __init__(
        self, places: Mapping[str, BaseSource], picture_resolution_m: float | Mapping[str, float] = RESOLUTION_M
    ) -> None:
        self.source = JoinedBases(list(places.values()))
        self.bases = list(self.source)
        self.place_of = {base.name: place for place, source in places.items() for base in source}
        if not self.bases or len(self.place_of) < len(self.bases):
            raise InvalidInputError("the reference set is empty, or two bases have one name: check its folders")
        self.plane_of: dict[str, np.ndarray] = {}
        for number, base in enumerate(self.bases):
            step = picture_resolution_m
            if isinstance(step, Mapping):
                step = step.get(self.place_of[base.name], RESOLUTION_M)
            self.plane_of[base.name] = plane_of(base, number, step)

    def __iter__(self) -> Iterator[Base]:
        return iter(self.bases)

    def __len__(self) -> int:
        return len(self.bases)

    def read(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """rgb uint8 (H, W, 3) and valid bool (H, W) of a base."""
        return self.source.read(self.base_of[name])

    @cached_property
    def base_of(self) -> dict[str, Base]:
        return {base.name: base for base in self.bases}

    @cached_property
    def outlines(self) -> list[shapely.Polygon]:
        """Of the bases, in their order, in metres of their plane."""
        return [quad(self.plane_of[base.name], base.width, base.height) for base in self.bases]


def plane_of(base: Base, number: int, resolution_m: float) -> np.ndarray:
    """(3, 3) from a base's pixels to EPSG:3857 metres; a picture of no known place gets one by its number."""
    west, north = NOWHERE_XY_M
    transform = base.transform or Affine(
        resolution_m, 0, west + number % ROW_OF * APART_M, 0, -resolution_m, north - number // ROW_OF * APART_M
    )
    return np.array(transform, np.float64).reshape(3, 3)


def cut_place(
    paths: Sequence[Path], place: str, *, side_px: int = SIDE_PX, resolution_m: float = RESOLUTION_M
) -> JoinedBases:
    """The bases of a place's rasters, at `resolution_m` or at the raster's own where that is coarser; of a raster
    smaller than a base, one base no larger than it."""
    sources = []
    for path in paths:
        step_m, side_m = resolution_and_side_m(path)
        cell = max(resolution_m, step_m)
        side = int(np.clip(math.ceil(ROOM * side_m / cell), 64, side_px))
        sources.append(RasterBases(path, BaseGrid(side, 0.0, cell), f"{place}/{path.stem}"))
    return JoinedBases(sources)


def resolution_and_side_m(path: Path) -> tuple[float, float]:
    """Metres on the ground per pixel of a raster, and its longer side."""
    sheet = open_sheet(path)
    west, south, east, north = extent_mercator(sheet)
    metre = 1 / math.cos(math.radians(float(mercator_to_lonlat(np.array([west, (south + north) / 2]))[1])))
    sides = (east - west) / metre, (north - south) / metre
    middle = np.array([[sheet.width / 2, sheet.height / 2]])
    across = np.linalg.norm(sheet.to_mercator(middle + np.array([1, 0])) - sheet.to_mercator(middle)) / metre
    return round(float(across), 3), float(max(sides))
