"""A made place whose image is the drawn map itself, moved by a known shift, so that any matcher can match it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
import shapely
import shapely.affinity
from django.conf import settings
from rasterio.transform import from_origin

from annotation.correspondences.engine import scan_picture
from annotation.correspondences.models import Correspondences, MapScan
from annotation.sources.engine import features_of, to_geos
from annotation.sources.models import Footprint, Imagery, MapObject, MapSnapshot, Region
from annotation.tiles.models import Tile
from mlcore.correspondences.hybrid.pictures import prepared
from mlcore.geometry.webmercator import TILE_PX, TileAddress, xy_to_lonlat
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from tests.factories import (
    ORIGIN,
    FootprintFactory,
    ImageryFactory,
    PairFactory,
    RegionFactory,
    SnapshotFactory,
    TileFactory,
)
from tests.factories_correspondences import MapScanFactory, ScanProposalFactory
from tests.files import SIDE_M

SHIFT_PX = (5.0, -3.0)
"""Where the image shows what the map has, in pixels at 256 px: to the east, to the south."""
SCAN_SHIFT_PX = (2.0, -3.0)
DRAWN_PX = 512


def matched_place(*, columns: int = 3, rows: int = 1, noise: int = 0) -> tuple[Region, Imagery, MapSnapshot]:
    """Tiles with houses, and pairs on them; the image of the last `noise` columns shows something else."""
    region = RegionFactory(open_to_all=True)
    snapshot = SnapshotFactory(region=region)
    build_houses(snapshot, _houses(columns, rows))
    imagery = ImageryFactory(region=region)
    path = Path(f"regions/{region.pk}/imagery/{imagery.pk}.tif")
    _write(Path(settings.MEDIA_ROOT) / path, snapshot, (columns, rows), noise)
    imagery.cog_path = str(path)
    imagery.save()
    for number in range(rows * columns):
        tile = TileFactory(region=region, x=ORIGIN.x + number % columns, y=ORIGIN.y + number // columns)
        PairFactory(region=region, tile=tile, imagery=imagery, snapshot=snapshot)
    return region, imagery, snapshot


def build_houses(snapshot: MapSnapshot, shapes: list) -> None:
    """Footprints of these shapes, in two statements."""
    rows = [FootprintFactory.build(snapshot=snapshot, geometry=shape, object=None) for shape in shapes]
    objects = [MapObject(region=snapshot.region, osm_type=one.osm_type, osm_id=one.osm_id) for one in rows]
    for row, made in zip(rows, MapObject.objects.bulk_create(objects), strict=True):
        row.object = made
    Footprint.objects.bulk_create(rows)


def scan_of(imagery: Imagery) -> MapScan:
    """A map scan that is the picture of a matched place itself; its job put it off by SCAN_SHIFT_PX."""
    (east, south), factor = SCAN_SHIFT_PX, DRAWN_PX / TILE_PX
    scan = MapScanFactory(
        region=imagery.region, imagery=imagery, licence="ODbL-1.0", sha256="5c" * 32,
        made={"coarse": {"parameters": [1.0, 0.0, -east * factor, 0.0, 1.0, -south * factor, 0.0, 0.0]}},
    )  # fmt: skip
    scan.upload_path = f"regions/{imagery.region_id}/scans/{scan.pk}/upload.tif"
    scan.save()
    scan_picture(scan).parent.mkdir(parents=True)
    prepared(Path(settings.MEDIA_ROOT) / imagery.cog_path, scan_picture(scan))
    return scan


def scan_proposal(scan: MapScan, tile: Tile, **more: Any) -> Correspondences:
    """A proposal that brings the scan of a matched place to where its image shows it."""
    return ScanProposalFactory(scan=scan, scan_tile=tile, transform_parameters=list(SCAN_SHIFT_PX), **more)


def _houses(columns: int, rows: int) -> list:
    rng = np.random.default_rng(4)
    found = []
    for y in range(32, rows * TILE_PX, 64):
        for x in range(32, columns * TILE_PX, 64):
            width, height = rng.uniform(18, 40, 2)
            wing = shapely.box(x, y, x + width / 2, y + height)
            house = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2).union(wing)
            turned = shapely.affinity.rotate(house, rng.uniform(0, 90))
            found.append(to_geos(shapely.Polygon(xy_to_lonlat(np.asarray(turned.exterior.coords), ORIGIN))))
    return found


def _write(path: Path, snapshot: MapSnapshot, size: tuple[int, int], noise: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    index, renderer = MapIndex(features_of(snapshot)), MapRenderer()
    columns, rows = size
    places = [[TileAddress(ORIGIN.z, ORIGIN.x + x, ORIGIN.y + y) for x in range(columns)] for y in range(rows)]
    drawn = np.vstack([np.hstack([renderer.render(tile, index, DRAWN_PX) for tile in row]) for row in places])
    factor = DRAWN_PX / TILE_PX
    move = np.array([[1, 0, SHIFT_PX[0] * factor], [0, 1, SHIFT_PX[1] * factor]])
    image = cv2.warpAffine(drawn, move, (drawn.shape[1], drawn.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    if noise:
        rng = np.random.default_rng(1)
        image[:, -noise * DRAWN_PX :] = rng.integers(40, 200, (len(image), noise * DRAWN_PX, 1), dtype=np.uint8)
    west, _, _, north = ORIGIN.bounds_mercator
    grid = from_origin(west, north, SIDE_M / DRAWN_PX, SIDE_M / DRAWN_PX)
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": "EPSG:3857", "transform": grid}
    with rasterio.open(path, "w", height=image.shape[0], width=image.shape[1], **profile) as file:
        file.write(image.transpose(2, 0, 1))
