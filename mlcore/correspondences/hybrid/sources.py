"""What a set is built from: an image, a map that is a picture or vectors, points of people, and all their licences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.warp import transform as transform_points

from mlcore.correspondences.exchange.qgis import read_qgis_points
from mlcore.correspondences.hybrid.config import SIZE_PX
from mlcore.correspondences.hybrid.pictures import (
    DRAWN_TILE_PX,
    MOST_SIDE,
    DrawnPicture,
    LargePicture,
    prepared,
)
from mlcore.digests import sha256_of
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform, TransformKind, fit
from mlcore.geometry.webmercator import WORLD_M, mercator_to_lonlat, tile_at
from mlcore.imagery.gdal import hardened_raster
from mlcore.imagery.georeference import LONLAT, read_georeference
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.progress import Progress

VECTORS = (".osm", ".osm.gz", ".osm.bz2", ".pbf", ".geojson", ".json")
MOST_ZOOM = 22
DRAWN_ZOOM = 18
"""Of a vector map whose image has no georeference: 0.3 m per pixel at the equator."""
BEST_M = 0.3
"""Metres on the ground per pixel of a window, in the middle of what the shipped matcher learnt."""
EARTH_M = 6_371_008.8
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Sources:
    """Files and what their owners ask for.

    Attributes:
        image: a GeoTIFF, PNG or JPEG, with or without a georeference.
        map: the same of a map, or vectors (OSM file, GeoJSON).
        points: QGIS's `.points` with places of the image and pixels of the map picture (y minus the row), or, for a map
            with a georeference, coordinates.
        map_name: what the map is called, where that is not the name of its file.
    """

    image: Path
    map: Path
    points: Path | None = None
    map_name: str = ""
    image_licence: str = NOT_STATED
    image_attribution: str = NOT_STATED
    map_licence: str = NOT_STATED
    map_attribution: str = NOT_STATED

    @property
    def called(self) -> str:
        """The map's name."""
        return self.map_name or self.map.name

    def told(self, which: str) -> dict[str, Any]:
        """Name, digest, licence and attribution of the image or the map."""
        path, name = (self.image, self.image.name) if which == "image" else (self.map, self.called)
        licence, attribution = getattr(self, f"{which}_licence"), getattr(self, f"{which}_attribution")
        return {"name": name, "sha256": sha256_of(path), "licence": licence, "attribution": attribution}

    def licence_text(self) -> str:
        """The note that lies beside the pairs."""
        return (
            "The pictures keep the licences of what they were made from.\n\n"
            f"R, the image ({self.image.name}): {self.image_licence}\n    {self.image_attribution}\n"
            f"L, the map ({self.called}): {self.map_licence}\n    {self.map_attribution}\n"
        )


def drawn_map(sources: Sources, image: LargePicture, copy: Path, progress: Progress) -> LargePicture:
    """The map as a picture: a raster as it is, vectors drawn where the image lies.

    Raises:
        InvalidInputError: it can't be read, has nothing, or would be too large.
    """
    if not sources.map.name.lower().endswith(VECTORS):
        return prepared(sources.map, copy, progress)
    index = MapIndex(read_map(sources.map).features)
    if image.to_mercator is None:
        return _around_features(index)
    corners = np.array([[0, 0], [image.width, 0], [image.width, image.height], [0, image.height]], np.float64)
    ground = image.to_mercator(corners)
    step = float(np.linalg.norm(ground[1] - ground[0])) / image.width
    zoom = int(np.clip(round(math.log2(WORLD_M / (DRAWN_TILE_PX * step))), 0, MOST_ZOOM))
    return _drawn(index, ground, zoom)


def given_transform(sources: Sources, image: LargePicture, drawn: LargePicture) -> Transform | None:
    """The homography, or with three points the affine, of a person's points; None without any.

    Raises:
        InvalidInputError: they are too few, or lie on the ground while the map does not.
    """
    if sources.points is None:
        return None
    points = read_qgis_points(sources.points, (image.width, image.height))
    used = points.only(points.fitted_mask)
    map_xy = used.map_xy * [1, -1]
    if points.crs is not None:
        if drawn.to_mercator is None:
            raise InvalidInputError(f"{sources.points.name} lies on the ground, and the map does not: set points on it")
        corners = np.array([[0, 0], [drawn.width, 0], [0, drawn.height], [drawn.width, drawn.height]], np.float64)
        ground = mercator_to_lonlat(drawn.to_mercator(corners))
        map_xy = fit("homography", ground, corners, 1.0).apply(used.lonlat())
    kind: TransformKind = "homography" if len(used) >= 4 else "affine"
    return fit(kind, map_xy, used.image_xy, 1.0).as_kind("homography")


def _around_features(index: MapIndex) -> DrawnPicture:
    bounds = np.array([feature.geometry.bounds for feature in index])
    if not len(bounds):
        raise InvalidInputError("the map has no feature: choose another file")
    west, south = bounds[:, :2].min(axis=0)
    east, north = bounds[:, 2:].max(axis=0)
    first, last = tile_at(west, north, DRAWN_ZOOM), tile_at(east, south, DRAWN_ZOOM)
    if max(last.x - first.x, last.y - first.y) >= MOST_SIDE // DRAWN_TILE_PX:
        raise InvalidInputError("the map is much larger than an image: cut it to the image's surroundings with osmium")
    return DrawnPicture(index, first, last)


def _drawn(index: MapIndex, ground: np.ndarray, zoom: int) -> DrawnPicture:
    (west, south), (east, north) = mercator_to_lonlat(np.array([ground.min(axis=0), ground.max(axis=0)]))
    return DrawnPicture(index, tile_at(west, north, zoom), tile_at(east, south, zoom))


def side_of(image: Path) -> int:
    """A window's side in pixels of the image at which the shipped matcher works best; 512 where nobody says how fine
    the image is.

    Raises:
        InvalidInputError: no raster that can be read.
    """
    with hardened_raster(image) as data:
        try:
            crs, affine = read_georeference(data, image)
        except InvalidInputError:
            return SIZE_PX
        middle = np.array([data.width / 2, data.height / 2])
    places = [affine @ tuple(one) for one in (middle, middle + np.array([1, 0]))]
    x, y = transform_points(crs, LONLAT, *np.array(places).T)
    lat = math.radians(y[0])
    step_m = EARTH_M * math.hypot(math.radians(x[1] - x[0]) * math.cos(lat), math.radians(y[1] - y[0]))
    return int(np.clip(round(SIZE_PX * BEST_M / step_m / 32) * 32, 128, 4096))
