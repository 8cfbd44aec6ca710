"""Bases: large pictures of known ground that a query is sought in, cut from rasters, and pictures of no known place.

A base's pixels run north-up on EPSG:3857. Its name is that of its raster and its column and row there, so that the same
file gives the same bases; the digest says whether it is still the same file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from affine import Affine
from shapely.geometry.base import BaseGeometry

from mlcore.digests import sha256_of
from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geolocation.cutting import Sheet, extent_mercator, open_sheet, read_onto, valid_shares
from mlcore.geolocation.footprint import outline_xy, through, within_180
from mlcore.geometry.webmercator import mercator_to_lonlat
from mlcore.imagery.gdal import hardened_raster
from mlcore.imagery.picture import read_picture

RASTERS, PICTURES = (".tif", ".tiff"), (".tif", ".tiff", ".png", ".jpg", ".jpeg")
MOST_BASES = 1_000_000
MOST_PIXELS = 64_000_000


@dataclass(frozen=True)
class Base:
    """One base.

    Attributes:
        name: unique in its source and the same each time the same file is cut.
        transform: its pixels -> EPSG:3857 metres, which go on past the 180th meridian; None: a picture of no known
            place.
        height, width: pixels.
        digest: SHA-256 of the file that it is cut from.
    """

    name: str
    transform: Affine | None
    height: int
    width: int
    digest: str = ""

    @property
    def outline_lonlat(self) -> BaseGeometry:
        """The whole base in degrees; see `footprint`."""
        return self.footprint(np.eye(3), (self.width, self.height))

    @property
    def resolution_m(self) -> float:
        """Metres on the ground per pixel in its middle."""
        transform = self._placed()
        _, lat = mercator_to_lonlat(np.array(transform @ (self.width / 2, self.height / 2)))
        return math.sqrt(abs(transform.determinant)) * math.cos(math.radians(float(lat)))

    def footprint(self, homography: np.ndarray, query_size: tuple[int, int]) -> BaseGeometry:
        """Where a query lies.

        Args:
            homography: (3, 3), pixels of the query -> pixels of the base.
            query_size: width and height of the query.

        Returns:
            Its outline in degrees of longitude and latitude: a polygon, or, where it crosses the 180th meridian, one
            part on each side of it, so that no longitude leaves -180..180.

        Raises:
            InvalidInputError: the base has no place, or the query reaches beyond the homography's horizon.
        """
        lonlat = mercator_to_lonlat(self.to_mercator(through(homography, outline_xy(*query_size))))
        return within_180(lonlat)

    def to_mercator(self, xy: np.ndarray) -> np.ndarray:
        """(N, 2) pixels -> (N, 2) EPSG:3857, continuous across the 180th meridian.

        Raises:
            InvalidInputError: the base has no place.
        """
        matrix = np.array(self._placed().to_gdal()).reshape(2, 3)
        return np.asarray(xy, np.float64) @ matrix[:, 1:].T + matrix[:, 0]

    def _placed(self) -> Affine:
        if self.transform is None:
            raise InvalidInputError(f"{self.name} is a picture of no known place: choose a base that has one")
        return self.transform


class BaseSource(Protocol):
    """Gives bases, in the same order each time, and their pixels."""

    def __iter__(self) -> Iterator[Base]: ...

    def __len__(self) -> int: ...

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        """(H, W, 3) uint8 RGB, black where not valid, and (H, W) bool valid; InvalidInputError where it is gone."""


@dataclass(frozen=True)
class BaseGrid:
    """How rasters are cut.

    Attributes:
        side_px: height and width of a base.
        overlap: share of a side that neighbours have in common at least, 0..0.9.
        resolution_m: metres on the ground per pixel, in the middle latitude of the raster to a whole degree.
        least_share: a base with less valid ground is left out; where all have less, the fullest stays.
    """

    side_px: int = 2048
    overlap: float = 0.25
    resolution_m: float = 0.5
    least_share: float = 0.1

    def __post_init__(self) -> None:
        if not 64 <= self.side_px <= 16_384 or not 0 <= self.overlap <= 0.9 or not 0 <= self.least_share < 1:
            raise ConfigError("side_px must lie in 64..16384, overlap in 0..0.9 and least_share in 0..1")
        if not (math.isfinite(self.resolution_m) and self.resolution_m > 0):
            raise ConfigError("resolution_m must be a positive number of metres")


class RasterBases:
    """The bases of one raster.

    Args:
        path: a GeoTIFF, PNG or JPEG that says where it lies, in any reference system, with masks or nodata.
        label: what its bases' names begin with; the file's name without ending where nothing else is said.

    Raises:
        InvalidInputError: the raster can't be read or placed, or gives too many bases.
    """

    def __init__(self, path: Path, grid: BaseGrid, label: str | None = None) -> None:
        self.path, self.grid, self.label = Path(path), grid, label or Path(path).stem
        self._sheet = open_sheet(self.path)
        self._bases = self._cut()

    def __iter__(self) -> Iterator[Base]:
        return iter(self._bases)

    def __len__(self) -> int:
        return len(self._bases)

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        if base.transform is None:
            raise InvalidInputError(f"{base.name} is no base of {self.path.name}: ask the source that it came from")
        return read_onto(self._sheet, base.transform, base.height, base.width)

    def _cut(self) -> list[Base]:
        grid, digest = self.grid, sha256_of(self.path)
        windows = list(_windows(self._sheet, grid))
        shares = valid_shares(self._sheet, [transform for *_, transform in windows], grid.side_px)
        least = grid.least_share if max(shares) >= grid.least_share else max(shares)
        return [
            Base(f"{self.label}/{column}-{row}", transform, grid.side_px, grid.side_px, digest)
            for (column, row, transform), share in zip(windows, shares, strict=True)
            if share >= least
        ]


class PictureBases:
    """Pictures of no known place: distractors, or grounds whose place nobody told.

    Args:
        paths: GeoTIFF, PNG or JPEG files, whatever georeference they carry left aside.
        root: folder that the names of bases leave out; the file's own where nothing is said.

    Raises:
        InvalidInputError: a file can't be read.
    """

    def __init__(self, paths: Sequence[Path], root: Path | None = None) -> None:
        self.path_of: dict[str, Path] = {}
        self._bases: list[Base] = []
        for path in paths:
            name = path.relative_to(root).as_posix() if root is not None else path.name
            if name in self.path_of:
                raise InvalidInputError(f"two pictures are called {name}: name the folder that holds both")
            with hardened_raster(path) as data:
                self._bases.append(Base(name, None, data.height, data.width, sha256_of(path)))
            self.path_of[name] = path

    def __iter__(self) -> Iterator[Base]:
        return iter(self._bases)

    def __len__(self) -> int:
        return len(self._bases)

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        if base.name not in self.path_of:
            raise InvalidInputError(f"there is no picture {base.name} any more: remove it from the database")
        rgb = read_picture(self.path_of[base.name], MOST_PIXELS).rgb
        return rgb, np.ones(rgb.shape[:2], bool)


class JoinedBases:
    """Several sources as one; the first that has a name is the one that it stands for."""

    def __init__(self, sources: Sequence[BaseSource]) -> None:
        self.sources = list(sources)

    def __iter__(self) -> Iterator[Base]:
        return (base for source in self.sources for base in source)

    def __len__(self) -> int:
        return sum(len(source) for source in self.sources)

    @cached_property
    def _source_of(self) -> dict[str, BaseSource]:
        found: dict[str, BaseSource] = {}
        for source in self.sources:
            for base in source:
                if base.name in found:
                    raise InvalidInputError(f"two bases are called {base.name}: rename one of the files")
                found[base.name] = source
        return found

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        if base.name not in self._source_of:
            raise InvalidInputError(f"nothing here holds the base {base.name}: name the raster that it was cut from")
        return self._source_of[base.name].read(base)


def cut_raster(path: Path, side_px: int = 2048, overlap: float = 0.25, resolution_m: float = 0.5) -> RasterBases:
    """The bases of a raster; see BaseGrid and RasterBases."""
    return RasterBases(path, BaseGrid(side_px, overlap, resolution_m))


def bases_of(paths: Sequence[Path], grid: BaseGrid, pictures: Sequence[Path] = ()) -> JoinedBases:
    """The bases of rasters and of folders of them, then of pictures of no known place and folders of these.

    In a folder, files of all folders below count, in the order of their names, which begin with the folder's.

    Raises:
        InvalidInputError: there is no such file, none in a folder, one of them can't be used, or two share a name.
    """
    sources: list[BaseSource] = []
    for path in paths:
        for file in files_of(path, RASTERS):
            label = file.relative_to(path.parent).with_suffix("").as_posix() if path.is_dir() else file.stem
            sources.append(RasterBases(file, grid, label))
    sources += [PictureBases(files_of(path, PICTURES), path.parent) for path in pictures]
    joined = JoinedBases(sources)
    _ = joined._source_of
    return joined


def files_of(path: Path, endings: Sequence[str]) -> list[Path]:
    """A file, or those below a folder that have one of some endings, in the order of their names."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in endings and file.is_file())
    if not found:
        raise InvalidInputError(f"the folder {path} holds no {', '.join(endings)} file: check the path")
    return found


def _windows(sheet: Sheet, grid: BaseGrid) -> Iterator[tuple[int, int, Affine]]:
    """Column, row and transform of every base, on a lattice of pixels that rasters of one latitude share."""
    west, south, east, north = extent_mercator(sheet)
    _, lat = mercator_to_lonlat(np.array([west, (south + north) / 2]))
    cell = grid.resolution_m / math.cos(math.radians(round(float(lat))))
    columns = _starts(west / cell, east / cell, grid)
    rows = _starts(-north / cell, -south / cell, grid)
    if len(columns) * len(rows) > MOST_BASES:
        raise InvalidInputError(
            f"{sheet.path.name} gives {len(columns) * len(rows):,} bases: take larger ones, or a coarser resolution"
        )
    for row, top in enumerate(rows):
        for column, left in enumerate(columns):
            yield column, row, Affine(cell, 0, left * cell, 0, -cell, -top * cell)


def _starts(low: float, high: float, grid: BaseGrid) -> list[int]:
    """First pixels, on the lattice, of the bases that cover low..high evenly; one in the middle where one is enough."""
    first, last = math.floor(low + 1e-6), math.ceil(high - 1e-6)
    spare = last - first - grid.side_px
    if spare <= 0:
        return [first + spare // 2]
    count = math.ceil(spare / (grid.side_px * (1 - grid.overlap))) + 1
    return [first + round(spare * number / (count - 1)) for number in range(count)]
