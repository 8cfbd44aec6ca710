"""Shifts of many tiles in arrays: read as a mapping, at a tenth of the memory that an object for each takes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

import numpy as np

from mlcore.correspondences.dense.shift import Origin, Shift
from mlcore.geometry.transform import PARAMETERS, Transform, TransformKind
from mlcore.geometry.webmercator import TileAddress

ORIGINS: tuple[Origin, ...] = get_args(Origin)
KINDS: tuple[TransformKind, ...] = get_args(TransformKind)
LOWER = {kind: np.tril_indices(PARAMETERS[kind]) for kind in KINDS}
BITS = 29
"""Of x and of y in a tile's key; the zoom stands above them."""


class ShiftTable(Mapping[TileAddress, Shift]):
    """Shifts by tile, which don't change. Covariances keep seven digits, all else is as it was.

    Attributes:
        keys_of_tiles: (N,) int64, `key_of` each tile, ascending.
        dx_px, dy_px, confidence: (N,) float64, in this order.
    """

    def __init__(self, shifts: Iterable[tuple[TileAddress, Shift]] = ()) -> None:
        """Take tiles with their shifts one by one; of several of a tile the surest is kept, of these the first."""
        keys, origins, kinds, places = array("q"), array("B"), array("B"), array("I")
        moves = [array("d"), array("d"), array("d")]
        parameters = {kind: array("d") for kind in KINDS}
        covariances = {kind: array("f") for kind in KINDS}
        for tile, shift in shifts:
            keys.append(key_of(tile))
            origins.append(ORIGINS.index(shift.origin))
            for column, value in zip(moves, (shift.dx_px, shift.dy_px, shift.confidence), strict=True):
                column.append(value)
            if (moved := shift.transform) is None:
                kinds.append(len(KINDS))
                places.append(0)
                continue
            kinds.append(KINDS.index(moved.kind))
            places.append(len(parameters[moved.kind]) // PARAMETERS[moved.kind])
            parameters[moved.kind].extend(moved.parameters)
            covariances[moved.kind].extend(moved.covariance[LOWER[moved.kind]])
        kept = _surest(np.asarray(keys), np.asarray(moves[2]))
        self.keys_of_tiles = np.asarray(keys)[kept]
        self.dx_px, self.dy_px, self.confidence = (np.asarray(column)[kept] for column in moves)
        self._origins, self._kinds = np.asarray(origins)[kept], np.asarray(kinds)[kept]
        self._places = np.asarray(places)[kept]
        # np.asarray looks at these where they lie: they are never held twice
        self._parameters = {kind: np.asarray(parameters[kind]).reshape(-1, PARAMETERS[kind]) for kind in KINDS}
        self._covariances = {kind: np.asarray(covariances[kind]).reshape(-1, len(LOWER[kind][0])) for kind in KINDS}

    def __getitem__(self, tile: TileAddress) -> Shift:
        key = key_of(tile)
        row = int(np.searchsorted(self.keys_of_tiles, key))
        if row == len(self) or self.keys_of_tiles[row] != key:
            raise KeyError(tile)
        return Shift(
            float(self.dx_px[row]), float(self.dy_px[row]), float(self.confidence[row]),
            ORIGINS[self._origins[row]], self._transform(row),
        )  # fmt: skip

    def __iter__(self) -> Iterator[TileAddress]:
        return (tile_of(int(key)) for key in self.keys_of_tiles)

    def __len__(self) -> int:
        return len(self.keys_of_tiles)

    def without(self, tiles: Iterable[TileAddress]) -> np.ndarray:
        """(N,) bool of the rows that are of none of these tiles."""
        return ~np.isin(self.keys_of_tiles, np.fromiter((key_of(tile) for tile in tiles), np.int64))

    def _transform(self, row: int) -> Transform | None:
        if self._kinds[row] == len(KINDS):
            return None
        kind, place = KINDS[self._kinds[row]], self._places[row]
        spread = np.zeros((PARAMETERS[kind], PARAMETERS[kind]))
        spread[LOWER[kind]] = self._covariances[kind][place]
        spread.T[LOWER[kind]] = self._covariances[kind][place]
        return Transform(kind, self._parameters[kind][place], spread)


def key_of(tile: TileAddress) -> int:
    """A number of 63 bits for each tile."""
    return (tile.z << 2 * BITS) | (tile.x << BITS) | tile.y


def tile_of(key: int) -> TileAddress:
    """The tile of such a number."""
    least = (1 << BITS) - 1
    return TileAddress(key >> 2 * BITS, (key >> BITS) & least, key & least)


def _surest(keys: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Rows in the order of their keys, of each key the surest, of these the first."""
    order = np.lexsort((np.arange(len(keys)), -confidence, keys))
    return order[np.diff(keys[order], prepend=-1) > 0]
