"""Tiles of a region as the index needs them, read from the database as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.consistency.models import Scan, TileScore
from annotation.landmarks import selectors
from annotation.landmarks.engine.reading import RegionTiles
from annotation.landmarks.engine.stores import IndexFolder
from annotation.sources.models import Imagery
from annotation.tiles.models import Tile

CHUNK = 20_000


def region_tiles(imagery: Imagery, scan: Scan | None, mark: list[int]) -> RegionTiles:
    """The tiles that show an imagery, with their scores: a few seconds for a hundred thousand.

    Tables are read one by one and joined here: what that costs grows with their rows, whatever the database plans.
    """
    pairs = _read(selectors.pairs_to_find(imagery).values_list("pk", "tile_id"), np.int64, 2)
    tiles = _read(
        Tile.objects.filter(region=imagery.region_id).order_by().values_list("pk", "z", "x", "y"), np.int64, 4
    )
    tiles = tiles[np.isin(tiles[:, 0], pairs[:, 1])]
    tiles = tiles[np.argsort(tiles[:, 0])]
    scores = _scores(tiles[:, 0], pairs, scan)
    return RegionTiles(imagery.region_id, imagery, tiles[:, 0], tiles[:, 1:], scores, mark)


def _scores(tiles: np.ndarray, pairs: np.ndarray, scan: Scan | None) -> np.ndarray:
    """(N,) the scan's probability by tile, NaN where it has none; `pairs`: (M, 2) ids of pairs and their tiles."""
    scores = np.full(len(tiles), np.nan)
    if scan is None or not len(tiles):
        return scores
    kept = _read(TileScore.objects.filter(scan=scan).order_by().values_list("pair_id", "probability"), np.float64, 2)
    pairs = pairs[np.argsort(pairs[:, 0])]
    at = np.minimum(np.searchsorted(pairs[:, 0], kept[:, 0]), len(pairs) - 1)
    known = pairs[at, 0] == kept[:, 0]
    scores[np.searchsorted(tiles, pairs[at[known], 1])] = kept[known, 1]
    return scores


def _read(rows: Any, kind: Any, columns: int) -> np.ndarray:
    """(N, columns) of a query's values."""
    return np.array(list(rows.iterator(chunk_size=CHUNK)), kind).reshape(-1, columns)


def known_tiles(region_id: int) -> np.ndarray:
    """Ids of all tiles of a region, whatever they show."""
    ids = Tile.objects.filter(region=region_id).order_by().values_list("pk", flat=True)
    return np.fromiter(ids.iterator(chunk_size=CHUNK), np.int64)


def count_of(index: IndexFolder, name: str) -> int:
    """How many vectors a store of an index holds."""
    store = index.opened(name)
    return 0 if store is None else len(store)
