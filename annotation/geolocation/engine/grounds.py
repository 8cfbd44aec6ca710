"""What an image without a place is looked for on: imagery and drawn maps of regions, as pictures read in parts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.engine import image_reader, map_index
from mlcore.correspondences.hybrid.pictures import DRAWN_TILE_PX, Box, DrawnPicture, LargePicture, Placing
from mlcore.geometry.webmercator import WORLD_M, mercator_to_lonlat, tile_at, zoom_for_resolution
from mlcore.imagery.raster import ImageReader

MOST_ZOOM = 20


@dataclass(frozen=True)
class Ground:
    """One picture of the ground and where it lies.

    Attributes:
        picture: read in parts, None where it is not looked at again; to_mercator: (3, 3) its pixels -> EPSG:3857.
        resolution_m: metres on the ground per pixel.
        title: what it is, with its attribution.
        imagery, snapshot, base_id: the row it is made of, where there is one; set_id: of the registered set it is of.
    """

    picture: LargePicture | None
    to_mercator: np.ndarray
    resolution_m: float
    title: str
    imagery: Imagery | None = None
    snapshot: MapSnapshot | None = None
    base_id: int | None = None
    set_id: int | None = None

    @property
    def region_id(self) -> int | None:
        """The region that says who may see it, unless a registered set does."""
        of = self.imagery or self.snapshot
        return of.region_id if of is not None else None

    @property
    def transform(self) -> list[float]:
        """[a, b, c, d, e, f] of its affine, as rows keep it."""
        return [float(one) for one in self.to_mercator[:2].ravel()]


class CogPicture:
    """A clean COG as a picture read in parts."""

    def __init__(self, reader: ImageReader) -> None:
        self.reader, self.width, self.height = reader, reader.width, reader.height
        west, _, east, north = reader.bounds_mercator
        self.step, self.corner = (east - west) / reader.width, np.array([west, north])
        self.to_mercator: Placing | None = lambda xy: self.corner + np.asarray(xy) * [self.step, -self.step]

    def read(self, box: Box, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        (west, north), (east, south) = (self.corner + np.array(one) * [self.step, -self.step] for one in
                                        ((box[0], box[1]), (box[2], box[3])))  # fmt: skip
        tile = self.reader.read_window((west, south, east, north), width, height)
        return tile.rgb, tile.valid


def ground_of_imagery(imagery: Imagery) -> Ground:
    """A ready imagery.

    Raises:
        InvalidError: it is not ready, or its file is gone.
    """
    picture = CogPicture(image_reader(imagery))
    matrix = np.array([[picture.step, 0, picture.corner[0]], [0, -picture.step, picture.corner[1]], [0, 0, 1.0]])
    title = f"imagery {imagery.original_name} of {imagery.region.name}, {imagery.attribution}"
    return Ground(picture, matrix, picture.reader.resolution_m, title[:200], imagery=imagery)


def ground_of_map(snapshot: MapSnapshot, resolution_m: float | None) -> Ground | None:
    """A ready map, drawn about as fine as the image; None where it has nothing."""
    index = map_index(snapshot)
    bounds = np.array([feature.geometry.bounds for feature in index]).reshape(-1, 4)
    if not len(bounds):
        return None
    (west, south), (east, north) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    lat = (south + north) / 2
    zoom = min(MOST_ZOOM, max(14, zoom_for_resolution(resolution_m or 0.4, lat, DRAWN_TILE_PX)))
    while True:
        first, last = tile_at(west, north, zoom), tile_at(east, south, zoom)
        if max(last.x - first.x, last.y - first.y) < 96 or zoom <= 10:
            break
        zoom -= 1
    picture = DrawnPicture(index, first, last)
    step, (left, top) = WORLD_M / 2**zoom / DRAWN_TILE_PX, (first.bounds_mercator[0], first.bounds_mercator[3])
    matrix = np.array([[step, 0, left], [0, -step, top], [0, 0, 1.0]])
    title = f"map {snapshot.original_name} of {snapshot.region.name}, {snapshot.attribution}"
    return Ground(picture, matrix, step * math.cos(math.radians(lat)), title[:200], snapshot=snapshot)


def ground_metres(mercator_xy: np.ndarray) -> float:
    """Metres on the ground of a metre of EPSG:3857 there."""
    return float(np.cos(np.radians(mercator_to_lonlat(np.asarray(mercator_xy, np.float64))[1])))
