"""What is known of the tiles of an index besides their vectors, by region: what a search is narrowed by.

A region has a file of its own, and a search opens those of the regions that its person may see, no others. A file is
replaced as a whole, and mapped by whoever searches. It is 56 bytes a tile; narrowing a million tiles by an area, dates
and scores reads all of that once, about 20 ms on one core; without any of these the ids are kept from search to search.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.files import whole_file

TILE, CAPTURED, SCORE, WEST, SOUTH, EAST, NORTH = range(7)
ROWS = 7
"""Rows of a file: the tile's id; days since 1970 and the newest score, NaN where unknown; its bounds in degrees."""
METRES = 111_195.0
"""Of a degree of latitude."""
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Narrowed:
    """What a search is narrowed to; None: not by this.

    Attributes:
        bbox: west, south, east, north in degrees; tiles that meet it.
        score_min, score_max: of the newest scan's probability that image and map agree; tiles without one are left out.
        days: first and last day on which the image was taken, since 1970; tiles without a date are left out.
    """

    bbox: Bounds | None = None
    score_min: float | None = None
    score_max: float | None = None
    days: tuple[float, float] | None = None


ALL = Narrowed()


@dataclass(frozen=True)
class RegionState:
    """What of a region an index holds.

    Attributes:
        imagery: id of the one whose tiles it holds.
        mark: of all that the region's file was made of; None while tiles are still read.
    """

    imagery: int
    mark: list[int] | None = None


def write_region(folder: Path, region_id: int, rows: np.ndarray, state: RegionState) -> None:
    """Replace what is known of a region's tiles: (7, N) float64, by tile id."""
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / f"{region_id}.npy") as scratch, scratch.open("wb") as file:
        np.save(file, np.ascontiguousarray(rows[:, np.argsort(rows[TILE])], np.float64), allow_pickle=False)
    write_state(folder, region_id, state)


def write_state(folder: Path, region_id: int, state: RegionState) -> None:
    """Note whose tiles come next, before the first of them comes."""
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / f"{region_id}.json") as scratch:
        scratch.write_text(json.dumps({"imagery": state.imagery, "mark": state.mark}), encoding="utf-8")


def read_state(folder: Path, region_id: int) -> RegionState | None:
    """What was noted of a region; None where nothing was, or it can't be read."""
    try:
        kept: dict[str, Any] = json.loads((folder / f"{region_id}.json").read_text(encoding="utf-8"))
        return RegionState(int(kept["imagery"]), kept["mark"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_region(folder: Path, region_id: int) -> np.ndarray:
    """(7, N) float64 of a region, mapped; without tiles where it has no file."""
    try:
        rows: np.ndarray = np.load(folder / f"{region_id}.npy", mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return np.zeros((ROWS, 0))
    return rows


def tiles_found(folder: Path, region_id: int) -> int:
    """How many tiles of a region can be found."""
    return int(read_region(folder, region_id).shape[1])


def drop_region(folder: Path, region_id: int) -> None:
    """Forget a region."""
    for suffix in ("json", "npy"):
        (folder / f"{region_id}.{suffix}").unlink(missing_ok=True)


def regions_in(folder: Path) -> list[int]:
    """Ids of the regions that have a file."""
    return sorted(int(path.stem) for path in folder.glob("*.npy") if path.stem.isdigit())


def allowed_tiles(folder: Path, regions: Sequence[int], narrowed: Narrowed = ALL) -> np.ndarray:
    """(N,) int64 ids of these regions' tiles that a search may find, ascending."""
    found_at = versions(folder, regions)
    if narrowed == ALL:
        return _ids(folder, found_at)
    found = [rows[TILE][_mask(rows, narrowed)] for rows in map(_mapped, _paths(folder, found_at))]
    return np.sort(np.concatenate([np.zeros(0), *found])).astype(np.int64)


def nearest_tiles(
    folder: Path,
    regions: Sequence[int],
    narrowed: Narrowed,
    lonlat: tuple[float, float],
    count: int,
    within_m: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """The tiles nearest to a position, no farther than `within_m`: (K,) ids and metres, 0 for those that hold it."""
    reach = within_m / METRES
    ids, away = [np.zeros(0)], [np.zeros(0)]
    for rows in map(_mapped, _paths(folder, versions(folder, regions))):
        beside = (rows[SOUTH] <= lonlat[1] + reach) & (rows[NORTH] >= lonlat[1] - reach)
        kept = rows[:, np.flatnonzero(beside)]
        kept = kept[:, _mask(kept, narrowed)]
        distance = distances_m(kept, lonlat)
        some = np.argpartition(distance, count - 1)[:count] if len(distance) > count else np.arange(len(distance))
        some = some[distance[some] <= within_m]
        ids.append(kept[TILE][some])
        away.append(distance[some])
    tiles, metres = np.concatenate(ids).astype(np.int64), np.concatenate(away)
    order = np.lexsort((tiles, metres))[:count]
    return tiles[order], metres[order]


def distances_m(rows: np.ndarray, lonlat: tuple[float, float]) -> np.ndarray:
    """(N,) metres from a position to each tile, 0 inside; true where they are near, and in order where they are far."""
    lon, lat = lonlat
    aside = np.minimum(_turned(rows[WEST] - lon), _turned(lon - rows[EAST]))
    aside = np.where((rows[WEST] <= lon) & (lon <= rows[EAST]), 0.0, aside)
    along = np.maximum(np.maximum(rows[SOUTH] - lat, lat - rows[NORTH]), 0.0)
    return np.hypot(aside * np.cos(np.radians(lat)), along) * METRES


def _turned(degrees: np.ndarray) -> np.ndarray:
    """Degrees of longitude the shorter way round."""
    return np.abs((degrees + 180) % 360 - 180)


def _mask(rows: np.ndarray, narrowed: Narrowed) -> np.ndarray:
    mask = np.ones(rows.shape[1], bool)
    if narrowed.bbox is not None:
        west, south, east, north = narrowed.bbox
        mask &= (rows[WEST] < east) & (rows[EAST] > west) & (rows[SOUTH] < north) & (rows[NORTH] > south)
    if narrowed.score_min is not None:
        mask &= rows[SCORE] >= narrowed.score_min
    if narrowed.score_max is not None:
        mask &= rows[SCORE] <= narrowed.score_max
    if narrowed.days is not None:
        mask &= (rows[CAPTURED] >= narrowed.days[0]) & (rows[CAPTURED] <= narrowed.days[1])
    return mask


def versions(folder: Path, regions: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """(region, when its file was replaced) of those that have one."""
    kept = []
    for region in sorted(set(regions)):
        try:
            kept.append((region, (folder / f"{region}.npy").stat().st_mtime_ns))
        except FileNotFoundError:
            continue
    return tuple(kept)


def _paths(folder: Path, versions: Iterable[tuple[int, int]]) -> list[tuple[Path, int]]:
    return [(folder / f"{region}.npy", changed_ns) for region, changed_ns in versions]


def _mapped(named: tuple[Path, int]) -> np.ndarray:
    return _opened(*named)


@lru_cache(maxsize=256)
def _opened(path: Path, changed_ns: int) -> np.ndarray:
    return read_region(path.parent, int(path.stem))


@lru_cache(maxsize=8)
def _ids(folder: Path, versions: tuple[tuple[int, int], ...]) -> np.ndarray:
    found = [np.asarray(rows[TILE]) for rows in map(_mapped, _paths(folder, versions))]
    ids = np.sort(np.concatenate([np.zeros(0), *found])).astype(np.int64)
    ids.setflags(write=False)
    return ids
