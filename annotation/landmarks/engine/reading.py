"""Tiles of a region -> vectors in the index: only those that it lacks, kept batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from annotation.common.engine import Progress, stop_if_asked
from annotation.landmarks.engine import columns
from annotation.landmarks.engine.columns import RegionState
from annotation.landmarks.engine.stores import TILES, IndexFolder
from annotation.sources.models import Imagery
from annotation.tiles.engine import image_reader
from mlcore.geometry.webmercator import TileAddress, bounds_lonlat_of

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel
    from mlcore.vectors import VectorStore

MOST_WAITING, KEPT_EACH_S = 64, 10.0
"""Batches, and seconds, after which what is embedded goes to the store: what a killed worker has to do again."""
SHOWN_AFTER = 20_000
"""So many new tiles until those that are there can be found: the region's file is written anew each time."""
TILE_PX = 256


@dataclass(frozen=True)
class RegionTiles:
    """Tiles of a region that are to be found, as the database has them.

    Attributes:
        region: its id; imagery: what they are read from.
        ids: (N,) int64, ascending; addresses: (N, 3) z, x, y.
        scores: (N,) of the newest scan, NaN where there is none.
        mark: says whether anything is other than the last time.
    """

    region: int
    imagery: Imagery
    ids: np.ndarray
    addresses: np.ndarray
    scores: np.ndarray
    mark: list[int]


def read_tiles(
    index: IndexFolder, model: LandmarkModel, tiles: RegionTiles, known: np.ndarray, progress: Progress
) -> int:
    """Bring a region's tiles up to the database; how many were embedded.

    What is in the store was embedded of the imagery that the region's note names, so a run that was stopped or killed
    is gone on from. Where another imagery is in use now, all of the region's tiles are embedded anew.

    Args:
        known: ids of all tiles that the region has or had in the index, whatever imagery they were read from.

    Raises:
        InvalidError: the imagery's file is gone.
        StoppedError: asked to stop; what is embedded stays.
        NoSpaceError, VectorStoreError: as of the store.
    """
    store = index.begin(TILES, model.dimension)
    noted = columns.read_state(index.regions, tiles.region)
    kept = np.asarray(columns.read_region(index.regions, tiles.region)[columns.TILE]).astype(np.int64)
    if noted is None or noted.imagery != tiles.imagery.pk:
        store.remove(np.union1d(known, kept))
        empty = np.zeros((columns.ROWS, 0))
        columns.write_region(index.regions, tiles.region, empty, RegionState(tiles.imagery.pk))
    else:
        store.remove(np.setdiff1d(kept, tiles.ids, assume_unique=True))
    missing = np.flatnonzero(~np.isin(tiles.ids, store.ids))
    if len(missing):
        _embed(index, model, tiles, missing, store, progress)
        store.update_index()
    write_columns(index, tiles, store, whole=True)
    return len(missing)


def _embed(
    index: IndexFolder,
    model: LandmarkModel,
    tiles: RegionTiles,
    missing: np.ndarray,
    store: VectorStore,
    progress: Progress,
) -> None:
    """Embed tiles of these numbers; they are read and made ready while the tower works on others."""
    from mlcore.landmarks.embedding import embed_pictures

    reader, addresses = image_reader(tiles.imagery), tiles.addresses.tolist()
    waiting: list[tuple[list[int], np.ndarray]] = []
    done, shown, kept_at = 0, 0, time.monotonic()

    def keep() -> None:
        if waiting:
            numbers = [number for some, _ in waiting for number in some]
            store.add(tiles.ids[numbers], np.concatenate([vectors for _, vectors in waiting]))
            waiting.clear()

    def read(number: int) -> np.ndarray:
        rgb: np.ndarray = reader.read_tile(TileAddress(*addresses[number]), TILE_PX).rgb
        return rgb

    try:
        for some, vectors in embed_pictures(model, missing.tolist(), read):
            waiting.append((some, vectors))
            done += len(some)
            if len(waiting) >= MOST_WAITING or time.monotonic() - kept_at > KEPT_EACH_S:
                keep()
                kept_at = time.monotonic()
            if done - shown >= SHOWN_AFTER:
                write_columns(index, tiles, store, whole=False)
                shown = done
            progress.report(done / len(missing), f"{done} of {len(missing)} tiles")
            stop_if_asked(progress)
    finally:
        keep()


def write_columns(index: IndexFolder, tiles: RegionTiles, store: VectorStore, *, whole: bool) -> None:
    """Have those of a region's tiles found that the store holds."""
    there = np.isin(tiles.ids, store.ids)
    rows = np.full((columns.ROWS, int(there.sum())), np.nan)
    rows[columns.TILE] = tiles.ids[there]
    if tiles.imagery.captured_on is not None:
        rows[columns.CAPTURED] = days_of(tiles.imagery)
    rows[columns.SCORE] = tiles.scores[there]
    rows[columns.WEST :] = bounds_lonlat_of(tiles.addresses[there]).T
    state = RegionState(tiles.imagery.pk, tiles.mark if whole else None)
    columns.write_region(index.regions, tiles.region, rows, state)


def days_of(imagery: Imagery) -> float:
    """When it was taken, days since 1970; NaN where nobody says."""
    on = imagery.captured_on
    return float("nan") if on is None else float(np.datetime64(on, "D").astype(int))


def drop_strangers(index: IndexFolder, regions: Sequence[int], visit: Callable[[], None]) -> int:
    """Forget regions that are gone, and vectors that no region's file names any more; how many these were.

    Args:
        regions: ids of all that are there.
        visit: called between the steps, and may raise StoppedError.
    """
    gone = set(columns.regions_in(index.regions)) - set(regions)
    for region in gone:
        columns.drop_region(index.regions, region)
    visit()
    store = index.opened(TILES)
    if store is None:
        return 0
    named = columns.allowed_tiles(index.regions, columns.regions_in(index.regions))
    strangers = np.setdiff1d(store.ids, named, assume_unique=True)
    store.remove(strangers)
    return len(strangers)
