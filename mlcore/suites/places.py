"""The real places of the shared data, and made towns, as places to learn from and to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from mlcore.consistency.pretraining import MIN_VALID_SHARE, ZOOM, Place, synthetic_place
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import zoom_for_resolution
from mlcore.imagery.raster import Bounds, ImageReader, ImageTile, open_image
from mlcore.ingestion.sandbox import run_ingest
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress

REAL_PLACES = ("banepa", "zanzibar", "nairobi")
FINEST_M = 0.25  # finer imagery is scanned at about this resolution


class JoinedReader(ImageReader):
    """Several images of one place as one; where two overlap, the first that has data counts."""

    def __init__(self, readers: Sequence[ImageReader]) -> None:
        self.readers = list(readers)
        self.path = readers[0].path
        boxes = np.array([reader.bounds_mercator for reader in readers])
        self.bounds_mercator = _hull(boxes)
        self.bounds_lonlat = _hull(np.array([reader.bounds_lonlat for reader in readers]))
        self.resolution_m = min(reader.resolution_m for reader in readers)

    def __getstate__(self) -> dict[str, object]:
        return {"readers": self.readers}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(state["readers"])  # type: ignore[misc]

    @property
    def footprint_lonlat(self) -> shapely.geometry.base.BaseGeometry:
        return shapely.union_all([reader.footprint_lonlat for reader in self.readers])

    def read_window(self, bounds_mercator: Bounds, width: int, height: int) -> ImageTile:
        found = self.readers[0].read_window(bounds_mercator, width, height)
        rgb, valid = found.rgb, found.valid
        for reader in self.readers[1:]:
            other = reader.read_window(bounds_mercator, width, height)
            fresh = other.valid & ~valid
            rgb[fresh], valid = other.rgb[fresh], valid | fresh
        return ImageTile(rgb, valid)


def _hull(boxes: np.ndarray) -> Bounds:
    west, south = boxes[:, :2].min(axis=0).tolist()
    east, north = boxes[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def read_place(
    folder: Path, zoom: int | None = ZOOM, *, work: Path | None = None, least_valid: float = MIN_VALID_SHARE
) -> Place:
    """A place from a folder with images (*.tif, clean COGs), buildings.geojson and, optionally, mapped_area.geojson.

    Args:
        zoom: of its tiles; None: the one at which a region of such imagery is scanned.
        work: folder for clean copies of images that are none; None: such images are refused.
        least_valid: tiles with less image than this are left out.

    Raises:
        InvalidInputError: a file is missing or can't be used, or no tile has image and map.
    """
    images = sorted(folder.glob("*.tif"))
    if not images or not (folder / "buildings.geojson").is_file():
        raise InvalidInputError(
            f"{folder} holds no *.tif with a buildings.geojson beside: say with --data where the real data lies"
        )
    readers = [_opened(path, work) for path in images]
    area = folder / "mapped_area.geojson"
    source = PairSource(
        readers[0] if len(readers) == 1 else JoinedReader(readers),
        MapIndex(read_map(folder / "buildings.geojson").features),
        read_area(area) if area.is_file() else None,
    )
    if zoom is None:
        _, south, _, north = source.reader.bounds_lonlat
        zoom = zoom_for_resolution(max(source.reader.resolution_m, FINEST_M), (south + north) / 2)
    found = {tile for reader in readers for tile in PairSource(reader, source.index).tiles(zoom) if source.mapped(tile)}
    tiles = [t for t in sorted(found) if source.reader.read_tile(t, 64).valid.mean() >= least_valid]
    if not tiles:
        raise InvalidInputError(f"no tile of {folder} is mapped and has image: check its files")
    return Place(folder.name, source, tiles)


def _opened(path: Path, work: Path | None) -> ImageReader:
    """An image, or its clean copy in `work`, which is made where it is not there yet."""
    if work is None:
        return open_image(path)
    try:
        return open_image(path)
    except InvalidInputError:
        clean = work / path.parent.name / path.name
        if not clean.is_file():
            clean.parent.mkdir(parents=True, exist_ok=True)
            run_ingest("raster", path, clean)
        return open_image(clean)


def real_places(data: Path, names: Sequence[str] = REAL_PLACES) -> list[Place]:
    """The real places by name."""
    return [read_place(data / name) for name in names]


def towns(
    numbers: Sequence[int], folder: Path, *, as_real: bool = False, progress: Progress | None = None
) -> list[Place]:
    """Made towns; `as_real` lets a part of each teach the classifiers, as real places do."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [synthetic_place(number, folder, progress) for number in numbers]
    return [replace(place, made=False) for place in made] if as_real else made
