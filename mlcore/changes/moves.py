"""How the map is moved before it is compared with the image: every footprint as the tile that holds its middle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.correspondences.dense.neighbours import median_shift
from mlcore.correspondences.dense.shift import NO_SHIFT, Shift
from mlcore.evidence.picture import EvidenceWindow
from mlcore.geometry.webmercator import TILE_PX, TileAddress


class MapMoves:
    """The shifts of a region's tiles, asked by place: the same answer for every block that sees the place.

    Args:
        shifts: of the tiles that are compared; one next to them is moved as the tiles around it are on the whole.
    """

    def __init__(self, shifts: Mapping[TileAddress, Shift]) -> None:
        self._known = {(tile.x, tile.y): shift for tile, shift in shifts.items()}
        self._beside: dict[tuple[int, int], Shift] = {}

    def of(self, tile: TileAddress) -> Shift:
        return self._of(tile.x, tile.y)

    def at(self, xy: np.ndarray, window: EvidenceWindow) -> Shift:
        """The shift of the tile that holds a place (x, y) of a window's pixels."""
        column, row = _steps(xy, window)
        return self._of(window.tile.x + column, window.tile.y + row)

    def moved(self, shape: BaseGeometry, xy: np.ndarray, window: EvidenceWindow) -> BaseGeometry:
        """A shape of the map, in a window's pixels, where the image shows it; `xy` says on which tile it stands."""
        return self._through(shape, xy, window, back=False)

    def all_moved(self, shapes: np.ndarray, places: np.ndarray, window: EvidenceWindow) -> np.ndarray:
        """(N,) shapes of the map where the image shows them, each standing at its place (N, 2)."""
        moved, steps = np.array(shapes, object), _steps(places, window)
        for column, row in {(int(x), int(y)) for x, y in steps}:
            there = np.flatnonzero((steps == (column, row)).all(axis=1))
            moved[there] = self._through(moved[there], places[there[0]], window, back=False)
        return moved

    def back(self, shape: BaseGeometry, xy: np.ndarray, window: EvidenceWindow) -> BaseGeometry:
        """A shape of the image where the map would have it, so that neighbours keep fitting."""
        return self._through(shape, xy, window, back=True)

    def reach_px(self, tiles: list[TileAddress]) -> float:
        """How far anything on or next to these tiles is moved at most, in pixels."""
        shifts = [self.of(near) for tile in tiles for near in tile.around(1)]
        return max((_reach(shift) for shift in shifts), default=0.0)

    def _through(self, shape: Any, xy: np.ndarray, window: EvidenceWindow, *, back: bool) -> Any:
        """A shape, or an array of shapes that stand on one tile."""
        shift = self.at(xy, window)
        if shift.transform is None:
            off = (-1 if back else 1) * np.array([shift.dx_px, shift.dy_px])
            return shapely.transform(shape, lambda points: points + off) if off.any() else shape
        transform = shift.transform.inverse() if back else shift.transform
        corner = window.margin_px + TILE_PX * _steps(xy, window)
        return shapely.transform(shape, lambda points: transform.apply(points - corner) + corner)

    def _of(self, x: int, y: int) -> Shift:
        place = (int(x), int(y))
        if place in self._known:
            return self._known[place]
        if place not in self._beside:
            steps = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
            around = [self._known.get((place[0] + dx, place[1] + dy), NO_SHIFT) for dx, dy in steps]
            self._beside[place] = median_shift([one for one in around if one.confidence > 0])
        return self._beside[place]


def _steps(xy: np.ndarray, window: EvidenceWindow) -> np.ndarray:
    """(2,) columns and rows from the window's own tile to the one that holds a place."""
    return np.floor((np.asarray(xy) - window.margin_px) / TILE_PX).astype(int)


def _reach(shift: Shift) -> float:
    if shift.transform is None:
        return float(np.hypot(shift.dx_px, shift.dy_px))
    corners = np.array([[0, 0], [TILE_PX, 0], [TILE_PX, TILE_PX], [0, TILE_PX]], np.float64)
    return float(np.linalg.norm(shift.transform.apply(corners) - corners, axis=1).max())
