"""Cleans what comes from outside: a raster into a COG on the XYZ grid, a map into one line of JSON per feature."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import rasterio
import shapely

from mlcore.digests import sha256_of
from mlcore.errors import InvalidInputError
from mlcore.files import check_space, remove_scratch, scratch_of
from mlcore.imagery.gdal import GDAL_ERRORS, hardened_raster
from mlcore.imagery.raster import Bounds, RasterInfo, inspect_raster
from mlcore.imagery.raster_plan import check_cost, plan_raster
from mlcore.imagery.scaling import plan_bands
from mlcore.imagery.side_files import unread_beside
from mlcore.imagery.warping import write_clean_cog
from mlcore.limits import MapLimits, RasterLimits
from mlcore.maps.features import feature_to_json
from mlcore.maps.osm_files import read_map
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked

STEP = 5_000
FULL_SHARE = 0.995
"""An image with data on less of its area than this says so."""
BYTES_PER_PIXEL = 4
"""What a raster takes on the way to its COG, all steps together, measured on a noisy image."""


@dataclass(frozen=True)
class MapInfo:
    """What is known of an ingested map.

    Attributes:
        counts: features by kind.
        repairs: what was repaired or left out, one sentence each.
        newest_timestamp: latest time of an element, ISO 8601.
        replication_sequence: the file's place in OSM's stream of changes.
        sha256: digest of the stored lines; `source_sha256` is that of the file as it came.
        unversioned: features without a version, which can't be edited in OSM.
    """

    counts: Mapping[str, int]
    repairs: tuple[str, ...]
    newest_timestamp: str | None
    replication_sequence: int | None
    sha256: str
    bounds_lonlat: Bounds
    unversioned: int
    source_sha256: str = ""


def ingest_raster(
    source: str | Path,
    target_cog: str | Path,
    *,
    limits: RasterLimits | None = None,
    progress: Progress | None = None,
) -> RasterInfo:
    """Write a clean COG in EPSG:3857 on the XYZ grid; the target appears whole or not at all.

    Raises:
        InvalidInputError: the source can't be used; the message says why and what to do.
        StoppedError: `progress` asked to stop.
    """
    source, target = Path(source), Path(target_cog)
    limits, progress = limits or RasterLimits(), progress or SilentProgress()
    unfinished = Path(f"{scratch_of(target, os.getpid())}.tif")
    try:
        with hardened_raster(source) as data:
            check_cost(data, source, limits)
            plan = plan_raster(data, source, limits)
            check_space(target, BYTES_PER_PIXEL * plan.width * plan.height)
            bands = plan_bands(data)
            notes = [*_not_taken(data, source), *bands.notes]
            notes.append("pixels kept as they are" if plan.exact else f"warped to zoom {plan.zoom} of the XYZ grid")
            if plan.source_m < limits.finest_m * 0.9:
                notes.append(f"down-sampled from {plan.source_m:.3f} m per pixel, finer than buildings need")
            depth = max(_bits(dtype) for dtype in data.dtypes)
            crs = f"EPSG:{code}" if (code := plan.crs.to_epsg()) else plan.crs.to_wkt()[:200]
            filled = write_clean_cog(data, plan, bands, unfinished, SpanProgress(progress, 0.0, 0.95))
            if filled < FULL_SHARE * plan.outline_px:
                notes.append(f"{filled / plan.outline_px:.1%} of the image's area holds data".replace("%", " %"))
        # GDAL may pass over a full disk in silence: with room left beside all that was written, it was never full.
        check_space(target, 0)
        info = inspect_raster(unfinished)
        if info.footprint_lonlat.is_empty:
            raise InvalidInputError(f"{source.name} holds nothing but nodata: check its mask and nodata value")
        _settle(unfinished, target)
    except (*GDAL_ERRORS, MemoryError, OSError, ValueError) as error:
        check_space(target, 0)
        raise InvalidInputError(f"{source.name} can't be ingested ({str(error)[:200]}): export it again") from error
    finally:
        remove_scratch(target, os.getpid())
    progress.report(1.0, "image ready")
    return replace(info, bit_depth=depth, crs=crs, source_sha256=sha256_of(source), notes=tuple(notes))


def ingest_map(
    source: str | Path,
    target_jsonl: str | Path,
    *,
    limits: MapLimits | None = None,
    progress: Progress | None = None,
) -> MapInfo:
    """Write a map's features, one line of JSON each; the target appears whole or not at all.

    Raises:
        InvalidInputError: the source can't be used; the message says why and what to do.
        StoppedError: `progress` asked to stop.
    """
    source, target = Path(source), Path(target_jsonl)
    limits, progress = limits or MapLimits(), progress or SilentProgress()
    reading = read_map(source, limits=limits, progress=SpanProgress(progress, 0.0, 0.8))
    unfinished = scratch_of(target, os.getpid())
    check_space(target, source.stat().st_size)
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            for count, feature in enumerate(reading.features):
                if count % STEP == 0:
                    stop_if_asked(progress)
                file.write(feature_to_json(feature) + "\n")
        _settle(unfinished, target)
    except OSError as error:
        check_space(target, 0)
        raise InvalidInputError(f"{target.name} can't be written ({error}): check its folder") from error
    finally:
        remove_scratch(target, os.getpid())
    west, south, east, north = shapely.total_bounds([feature.geometry for feature in reading.features])
    progress.report(1.0, "map ready")
    return MapInfo(
        counts=dict(Counter(feature.kind for feature in reading.features)),
        repairs=tuple(reading.repairs),
        newest_timestamp=reading.newest.isoformat() if reading.newest else None,
        replication_sequence=reading.replication.sequence if reading.replication else None,
        sha256=sha256_of(target),
        bounds_lonlat=(float(west), float(south), float(east), float(north)),
        unversioned=sum(feature.version is None for feature in reading.features),
        source_sha256=sha256_of(source),
    )


def _not_taken(data: rasterio.DatasetReader, source: Path) -> list[str]:
    """What there is of an image beside the pixels that are read, one sentence each."""
    notes = [
        f"{name} is not read: put what it says into the file with gdal_translate -of GTiff"
        for name in unread_beside(source)
    ]
    if len(data.subdatasets) > 1:
        notes.append(f"the file holds {len(data.subdatasets)} images: the first was taken")
    return notes


def _settle(unfinished: Path, target: Path) -> None:
    """Give a written file its name once its bytes are on the disk, so that a power cut can't leave an empty one."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(target)


def _bits(dtype: str) -> int:
    return int("".join(filter(str.isdigit, dtype)) or 8)
