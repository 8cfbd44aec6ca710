"""Files from outside, read by the library in a process with limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from annotation.common.engine import Progress
from mlcore.imagery.raster import RasterInfo
from mlcore.ingestion.ingest import MapInfo
from mlcore.ingestion.sandbox import run_ingest
from mlcore.limits import RasterLimits
from mlcore.maps.features import MapFeature, feature_from_json


def ingest_image(source: Path, target: Path, progress: Progress, coarsest_m: float | None = None) -> RasterInfo:
    """Turn an image from outside into a clean COG, in a process with limits.

    Args:
        coarsest_m: metres per pixel up to which it is taken; None: as fine as buildings need.
    """
    limits = RasterLimits() if coarsest_m is None else RasterLimits(coarsest_m=coarsest_m)
    return run_ingest("raster", source, target, limits=limits, progress=progress)


def ingest_map(source: Path, target: Path, progress: Progress) -> MapInfo:
    """Turn a map from outside into one JSON line per feature, in a process with limits."""
    return run_ingest("map", source, target, progress=progress)


def read_features(path: Path) -> Iterator[MapFeature]:
    """Features of a file that `ingest_map` wrote."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield feature_from_json(line)
