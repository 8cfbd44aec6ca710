"""Rows of sources and tiles as the library's images, maps and pairs."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db.models.expressions import RawSQL

from annotation.common.errors import InvalidError, NotFoundError
from annotation.sources.engine import features_of, style_digest, tile_version, to_shapely
from annotation.sources.models import Imagery, MapSnapshot, SourceState
from annotation.tiles.models import Tile
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress, mercator_to_lonlat
from mlcore.imagery.raster import ImageReader
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.pairs.source import PairSource

__all__ = [
    "MapIndex", "PairSource", "TileAddress", "image_reader", "map_index", "pair_source", "style_digest",
    "tile_address", "tile_version", "tiles_at",
]  # fmt: skip

AT = """SELECT tile.id FROM unnest(%s::int[], %s::int[], %s::int[]) AS place (z, x, y)
JOIN tiles_tile AS tile ON tile.region_id = %s AND tile.z = place.z AND tile.x = place.x AND tile.y = place.y"""


def tile_address(tile: Tile) -> TileAddress:
    return TileAddress(tile.z, tile.x, tile.y)


def place_of(address: TileAddress) -> str:
    """The middle of a tile as people take it, latitude first; `placeOf` in the browser's modules says the same."""
    west, south, east, north = address.bounds_mercator
    lon, lat = mercator_to_lonlat(np.array([(west + east) / 2, (south + north) / 2]))
    return f"{lat:.5f}, {lon:.5f}"


def tiles_at(region_id: int, places: Collection[TileAddress]) -> RawSQL:
    """Ids of a region's tiles at these addresses, for `__in`: one probe of an index for each."""
    return RawSQL(AT, [*([getattr(one, side) for one in places] for side in "zxy"), region_id])  # noqa: S611


def pair_source(imagery: Imagery, snapshot: MapSnapshot) -> PairSource:
    """Image, map and coverage of two ready sources.

    Raises:
        InvalidError: one of them is not ready.
    """
    coverage = to_shapely(snapshot.coverage) if snapshot.coverage else None
    return PairSource(image_reader(imagery), map_index(snapshot), coverage)


def image_reader(imagery: Imagery) -> ImageReader:
    """The image of a ready row; opened once per process and thread."""
    if imagery.state != SourceState.READY:
        raise InvalidError(f"imagery {imagery.pk} is not ready: wait for its import, or import it again")
    return _reader(Path(settings.MEDIA_ROOT) / imagery.cog_path)


def map_index(snapshot: MapSnapshot) -> MapIndex:
    """The map of a ready snapshot; kept, since a snapshot never changes."""
    if snapshot.state != SourceState.READY:
        raise InvalidError(f"map {snapshot.pk} is not ready: wait for its import, or import it again")
    return _index(snapshot.pk, snapshot.sha256)


@lru_cache(maxsize=16)
def _reader(path: Path) -> ImageReader:
    if not path.is_file():
        raise InvalidError(f"the image file {path.name} is missing: import the imagery again")
    return ImageReader(path)


@lru_cache(maxsize=1)
def _index(snapshot_id: int, sha256: str) -> MapIndex:
    return MapIndex(features_of(MapSnapshot(pk=snapshot_id)))


def address_of(z: int, x: int, y: int) -> TileAddress:
    """The tile of a request.

    Raises:
        NotFoundError: the grid has no such tile.
    """
    try:
        return TileAddress(z, x, y)
    except InvalidInputError as error:
        raise NotFoundError(str(error)) from error


def render_map(address: TileAddress, index: MapIndex, size_px: int) -> np.ndarray:
    """The electronic map of a tile, uint8 (size_px, size_px, 3)."""
    return _renderer().render(address, index, size_px)


@lru_cache(maxsize=1)
def _renderer() -> MapRenderer:
    return MapRenderer()
