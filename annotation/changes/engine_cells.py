"""Numbers by tile as numbers by cell of a map: cells are whole tiles of a coarser zoom, so that no number is split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlcore.geometry.webmercator import TILE_PX, TileAddress, bounds_lonlat_of, tile_at, xy_to_lonlat

CELLS_PER_TILE = 2
"""Zooms by which a cell is finer than the tile of the view: its side is a quarter of 256 pixels."""


@dataclass(frozen=True)
class Cell:
    """What lies in one cell.

    Attributes:
        lon, lat: the middle of what it holds, degrees.
        bbox: the cell as west, south, east, north.
    """

    lon: float
    lat: float
    bbox: tuple[float, float, float, float]
    number: int


def in_view(counts: np.ndarray, zoom: int, view: tuple[float, float, float, float] | None) -> np.ndarray:
    """Of (N, 3) x, y and number of tiles those that a view of west, south, east, north meets; all without a view."""
    if view is None:
        return counts
    west, south, east, north = view
    first, last = tile_at(west, north, zoom), tile_at(east, south, zoom)
    x, y = counts[:, 0], counts[:, 1]
    return counts[(x >= first.x) & (x <= last.x) & (y >= first.y) & (y <= last.y)]


def cells_of(counts: np.ndarray, zoom: int, view_zoom: int) -> list[Cell]:
    """Cells of a view, the fullest first.

    Args:
        counts: (N, 3) integers: x, y and number of tiles.
        zoom: of the tiles.
        view_zoom: of the map that shows them.
    """
    if not len(counts):
        return []
    up = max(0, zoom - view_zoom - CELLS_PER_TILE)
    x, y, number = counts.astype(np.int64).T
    keys, cell = np.unique(np.stack([x >> up, y >> up], axis=1), axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    total = np.bincount(cell, number)
    middle = [np.bincount(cell, number * (side + 0.5)) / total for side in (x, y)]
    lonlat = xy_to_lonlat(np.stack(middle, axis=1) * TILE_PX, TileAddress(zoom, 0, 0))
    bounds = bounds_lonlat_of(np.column_stack([np.full(len(keys), max(0, zoom - up)), keys]))
    rows = [
        Cell(round(lon, 7), round(lat, 7), tuple(side), int(one))
        for (lon, lat), side, one in zip(lonlat.tolist(), bounds.tolist(), total, strict=True)
    ]
    return sorted(rows, key=lambda one: -one.number)
