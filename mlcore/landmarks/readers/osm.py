"""Reads landmarks from a map: what is named, or tagged as a sight or as historic, with its position and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import osmium
import shapely

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import WORLD_M, lonlat_to_mercator, tile_at
from mlcore.imagery.raster import ImageReader
from mlcore.landmarks.samples import Sample
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import RepairLog
from mlcore.maps.osm_files import read_map, sniff_format
from mlcore.maps.xml_flavours import plain_osm

SIGHTS = ("name", "wikidata", "tourism", "historic")
"""Tags that make an object a landmark."""
WHAT = ("tourism", "historic", "amenity", "leisure", "natural", "landuse", "man_made", "shop", "building", "highway",
        "waterway", "railway")  # fmt: skip
"""Tags that say what it is, the most telling first."""
SAYS_NOTHING = {"yes", "no", "true", "unclassified", "residential", "service", "track", "path", "footway"}
PLACE_ZOOM, AERIAL_PX = 16, 512
LONGEST = 200


class MapLandmarks:
    """Landmarks of an OSM file: points, and the middles of lines and areas that the map draws.

    Of GeoJSON the lines and areas alone are read.

    Args:
        image: aerial images are cut from it, about each landmark; None: there are none.
        zoom: of the tile whose size such a cut has.

    Raises:
        InvalidInputError: the file is no map, or names nothing.
    """

    def __init__(self, path: Path, image: ImageReader | None = None, zoom: int = 18) -> None:
        self.image, self.zoom = image, zoom
        self.landmarks = [*_points(Path(path)), *_shapes(Path(path))]
        if not self.landmarks:
            raise InvalidInputError(f"{path} names nothing: a landmark needs one of {', '.join(SIGHTS)}")

    def __len__(self) -> int:
        return len(self.landmarks)

    def get(self, number: int) -> Sample:
        """The landmark; its aerial image is none where less than half of the cut has data."""
        name, lonlat, tags = self.landmarks[number]
        tile = tile_at(*lonlat, PLACE_ZOOM)
        return Sample(
            name=name,
            place=f"{tile.z}/{tile.x}/{tile.y}",
            aerial=self._cut(self.image, lonlat) if self.image else None,
            texts=sentences_of(tags),
            gps=lonlat,
        )

    def _cut(self, image: ImageReader, lonlat: tuple[float, float]) -> np.ndarray | None:
        x, y = lonlat_to_mercator(np.array(lonlat))
        half = WORLD_M / 2**self.zoom / 2
        window = image.read_window((x - half, y - half, x + half, y + half), AERIAL_PX, AERIAL_PX)
        return window.rgb if window.valid.mean() >= 0.5 else None


def sentences_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """What the tags of a landmark say, as sentences: what it is, and how it is called; () where that is nothing."""
    names = list(dict.fromkeys(tags[key].strip()[:LONGEST] for key in ("name", "name:en", "alt_name") if tags.get(key)))
    what = [
        tags[key].replace("_", " ").strip()[:LONGEST]
        for key in WHAT
        if tags.get(key) and tags[key].lower() not in SAYS_NOTHING and ";" not in tags[key]
    ]
    kind = " and ".join(list(dict.fromkeys(what))[:2])
    said = [f"{kind} called {name}" if kind else name for name in names]
    return tuple(said + ([kind] if kind else []))


def _shapes(path: Path) -> Iterator[tuple[str, tuple[float, float], Mapping[str, str]]]:
    for feature in read_map(path).features:
        if any(feature.tags.get(key) for key in SIGHTS):
            point = shapely.point_on_surface(feature.geometry)
            yield feature.key, (float(point.x), float(point.y)), feature.tags


def _points(path: Path) -> Iterator[tuple[str, tuple[float, float], Mapping[str, str]]]:
    fmt = sniff_format(path, MapLimits())
    if fmt == "geojson":
        return
    with plain_osm(path, fmt, RepairLog()) as plain:
        file = osmium.io.File(str(plain.path.resolve()), plain.fmt)
        chosen = osmium.FileProcessor(file, osmium.osm.NODE).with_filter(osmium.filter.KeyFilter(*SIGHTS))
        try:
            for node in chosen:
                if node.location.valid():
                    yield f"node/{node.id}", (node.location.lon, node.location.lat), dict(node.tags)
        except RuntimeError as error:
            raise InvalidInputError(f"{path.name} is not a sound OSM file ({error}): download it again") from error
