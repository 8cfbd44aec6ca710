"""Tiles of a region as the index needs them, read from the database as columns."""

from __future__ import annotations

import numpy as np

from annotation.consistency.models import Scan, TileScore
from annotation.landmarks import selectors
from annotation.landmarks.engine.reading import RegionTiles
from annotation.landmarks.engine.stores import IndexFolder
from annotation.sources.models import Imagery
from annotation.tiles.models import Tile

CHUNK = 20_000


def region_tiles(imagery: Imagery, scan: Scan | None, mark: list[int]) -> RegionTiles:
    """The tiles that show an imagery, with their scores; about 10 s for a million."""
    rows = selectors.pairs_to_find(imagery).values_list("tile_id", "tile__z", "tile__x", "tile__y")
    read = np.array(list(rows.iterator(chunk_size=CHUNK)), np.int64).reshape(-1, 4)
    _, first = np.unique(read[:, 0], return_index=True)
    read = read[first]
    return RegionTiles(imagery.region_id, imagery, read[:, 0], read[:, 1:], _scores(read[:, 0], scan), mark)


def _scores(tiles: np.ndarray, scan: Scan | None) -> np.ndarray:
    """(N,) the scan's probability by tile, NaN where it has none."""
    scores = np.full(len(tiles), np.nan)
    if scan is None or not len(tiles):
        return scores
    rows = TileScore.objects.filter(scan=scan).order_by().values_list("pair__tile_id", "probability")
    kept = np.array(list(rows.iterator(chunk_size=CHUNK)), np.float64).reshape(-1, 2)
    places = np.searchsorted(tiles, kept[:, 0])
    inside = places < len(tiles)
    inside[inside] = tiles[places[inside]] == kept[inside, 0]
    scores[places[inside]] = kept[inside, 1]
    return scores


def known_tiles(region_id: int) -> np.ndarray:
    """Ids of all tiles of a region, whatever they show."""
    ids = Tile.objects.filter(region=region_id).order_by().values_list("pk", flat=True)
    return np.fromiter(ids.iterator(chunk_size=CHUNK), np.int64)


def count_of(index: IndexFolder, name: str) -> int:
    """How many vectors a store of an index holds."""
    store = index.opened(name)
    return 0 if store is None else len(store)
