"""Places of a map file that nobody vouches for, read in a child process with limits of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from mlcore.errors import InvalidInputError
from mlcore.ingestion.apart import ApartLimits, run_apart
from mlcore.landmarks.readers.osm import MapLandmarks
from mlcore.limits import MapLimits
from mlcore.progress import Progress

Named = tuple[str, tuple[float, float], dict[str, str]]
MOST = 50_000
LONGEST = 200
LONGEST_KEY = 64
TOLD = ("name", "name:en", "description", "description:en", "wikidata", "tourism", "historic", "amenity", "leisure",
        "natural", "building", "religion")  # fmt: skip
"""Tags that come along: all of 50,000 elements would be more than a child may say."""


@dataclass(frozen=True)
class NamedPlaces:
    """Places that a map names.

    Attributes:
        places: key, (longitude, latitude) and the tags TOLD of each, no more than MOST.
        left_out: how many more there are; where there are any, nothing can be said of one that is not among `places`.
    """

    places: list[Named]
    left_out: int = 0


def map_landmarks_apart(
    source: Path,
    *,
    area: bytes | None = None,
    name: str = "",
    progress: Progress | None = None,
    limits: MapLimits | None = None,
) -> NamedPlaces:
    """The places among what `readers.osm.MapLandmarks` finds: see `is_place`.

    Args:
        area: WKB in longitude and latitude; places that it meets. It goes by a file: a command line ends at 128 KiB.
        name: what to call the file in messages.

    Raises:
        InvalidInputError: it is no map, names nothing anywhere, or cost more memory or time than allowed.
        StoppedError: asked to stop.
    """
    limits = limits or MapLimits()
    called = name or source.name
    with tempfile.TemporaryDirectory(prefix="mapwright-area-") as folder:
        within = Path(folder) / "area.wkb"
        if area is not None:
            within.write_bytes(area)
        told = run_apart(
            named, [str(source.resolve()), "" if area is None else str(within), MOST],
            ApartLimits(limits.memory_bytes, limits.cpu_s, limits.wall_s),
            lambda ended: f"{called} took more memory or time than a map may: cut a smaller extract",
            progress=progress,
        )  # fmt: skip
    return NamedPlaces([(key, (lon, lat), tags) for key, (lon, lat), tags in told["places"]], told["left_out"])


def named(source: str, area: str, most: int, progress: Progress) -> dict[str, Any]:
    """The work of the child: what does not belong here is left out before anything is cut off.

    Args:
        area: the file of the area; "": everywhere.
    """
    rows = [row for row in MapLandmarks(Path(source)).landmarks if is_place(row[0], row[2])]
    if area and rows:
        met = _meets(Path(area), np.array([lonlat for _, lonlat, _ in rows]))
        rows = [row for row, inside in zip(rows, met, strict=True) if inside]
    kept = [
        [key, list(lonlat), {tag: str(tags[tag])[:LONGEST] for tag in TOLD if tags.get(tag)}]
        for key, lonlat, tags in rows[:most]
    ]
    return {"places": kept, "left_out": len(rows) - len(kept)}


def is_place(key: str, tags: Mapping[str, str]) -> bool:
    """Whether an element is one place with a name or a kind of sight, that can be known again by its key.

    Roads and rails are none, unless they are sights.
    """
    if key.startswith("shape/") or len(key) > LONGEST_KEY:
        return False
    sight = tags.get("tourism") or tags.get("historic")
    if not sight and (tags.get("highway") or tags.get("railway")):
        return False
    return bool(tags.get("name")) or any(tags.get(kind, "yes") not in ("", "yes") for kind in ("historic", "tourism"))


def _meets(area: Path, lonlat: np.ndarray) -> np.ndarray:
    """(N,) bool: which of (N, 2) positions an area meets."""
    try:
        shape = shapely.from_wkb(area.read_bytes())
    except shapely.errors.ShapelyError as error:
        raise InvalidInputError(f"the area can't be read ({error}): give a polygon as WKB") from error
    shapely.prepare(shape)
    met: np.ndarray = shapely.intersects_xy(shape, lonlat[:, 0], lonlat[:, 1])
    return met
