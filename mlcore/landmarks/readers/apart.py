"""Landmarks of a map file that nobody vouches for, read in a child process with limits of its own."""

from __future__ import annotations

from pathlib import Path

from mlcore.ingestion.apart import ApartLimits, run_apart
from mlcore.landmarks.readers.osm import MapLandmarks
from mlcore.limits import MapLimits
from mlcore.progress import Progress

Named = tuple[str, tuple[float, float], dict[str, str]]
MOST = 50_000
LONGEST = 200


def map_landmarks_apart(
    source: Path, *, name: str = "", progress: Progress | None = None, limits: MapLimits | None = None
) -> list[Named]:
    """The first MOST landmarks of `readers.osm.MapLandmarks`: key, (longitude, latitude) and tags of each.

    Args:
        name: what to call the file in messages.

    Raises:
        InvalidInputError: it is no map, names nothing, or cost more memory or time than allowed.
        StoppedError: asked to stop.
    """
    limits = limits or MapLimits()
    called = name or source.name
    found = run_apart(
        named, [str(source.resolve())], ApartLimits(limits.memory_bytes, limits.cpu_s, limits.wall_s),
        lambda ended: f"{called} took more memory or time than a map may: cut a smaller extract", progress=progress,
    )  # fmt: skip
    return [(key, (lon, lat), tags) for key, (lon, lat), tags in found]


def named(source: str, progress: Progress) -> list[list[object]]:
    """The work of the child."""
    rows = MapLandmarks(Path(source)).landmarks[:MOST]
    return [[key, list(lonlat), {str(k): str(v)[:LONGEST] for k, v in tags.items()}] for key, lonlat, tags in rows]
