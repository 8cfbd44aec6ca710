"""Tiny real files for tests: a GeoTIFF on the grid and an OSM extract below it."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from annotation.common.models import JobState
from annotation.common.services.jobs import run_now
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.services.add_sources import add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from mlcore.geometry.webmercator import WORLD_M, xy_to_lonlat
from tests.factories import ORIGIN, ZOOM
from tests.ingested import ingested_once

SIDE_M = WORLD_M / 2**ZOOM


def write_geotiff(path: Path, columns: int = 2, rows: int = 2, *, seed: int = 0, hole: bool = False) -> Path:
    """An RGBA GeoTIFF of `columns` x `rows` tiles of zoom 19 from ORIGIN; with `hole`, the last tile has no data."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(30, 220, (4, rows * 256, columns * 256), dtype=np.uint8)
    pixels[3] = 255
    if hole:
        pixels[:, -256:, -256:] = 0
    west, _, _, north = ORIGIN.bounds_mercator
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": 4,
        "dtype": "uint8",
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "crs": "EPSG:3857",
        "transform": from_origin(west, north, SIDE_M / 256, SIDE_M / 256),
        "photometric": "RGB",
        "alpha": "YES",
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    return path


def write_osm(path: Path, *, tags: dict[str, str] | None = None) -> Path:
    """An extract with one building (way 10, version 4, 100 px wide) and one road (way 20) on the tile ORIGIN."""
    corners = [(60, 60), (160, 60), (160, 140), (60, 140), (10, 200), (250, 200)]
    nodes = [
        f'<node id="{i}" version="2" timestamp="2019-01-02T03:04:05Z" lon="{lon:.9f}" lat="{lat:.9f}"/>'
        for i, (lon, lat) in enumerate(xy_to_lonlat(np.array(corners), ORIGIN), start=1)
    ]
    words = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in {"building": "yes", **(tags or {})}.items())
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><osm version="0.6" generator="test">'
        + "".join(nodes)
        + '<way id="10" version="4" timestamp="2020-05-06T07:08:09Z">'
        + "".join(f'<nd ref="{ref}"/>' for ref in (1, 2, 3, 4, 1))
        + words
        + '</way><way id="20" version="1" timestamp="2018-01-01T00:00:00Z"><nd ref="5"/><nd ref="6"/>'
        + '<tag k="highway" v="residential"/></way></osm>',
        encoding="utf-8",
    )
    return path


def ready_imagery(region: Region, folder: Path, **options: Any) -> Imagery:
    """Imagery of `write_geotiff`, imported."""
    file = Upload.from_path(write_geotiff(folder / "image.tif", **options))
    added = add_imagery(user=None, region=region, file=file, licence="CC0-1.0", attribution="A test", wake=False)
    return _imported(added.source)


def ready_snapshot(region: Region, folder: Path, **options: Any) -> MapSnapshot:
    """A snapshot of `write_osm`, imported."""
    file = Upload.from_path(write_osm(folder / "map.osm", **options))
    added = add_snapshot(user=None, region=region, file=file, licence="ODbL-1.0", attribution="A test", wake=False)
    return _imported(added.source)


def _imported(source: Any) -> Any:
    with ingested_once():
        job = run_now(source.job)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    source.refresh_from_db()
    return source


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process and its children end at `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
