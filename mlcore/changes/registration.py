"""Where the image shows the map of every tile: its evidence held against its footprints by dense correlation."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from mlcore.cores import Cores
from mlcore.correspondences.dense.estimate import MAX_SHIFT_M
from mlcore.correspondences.dense.neighbours import Known, shifts_in_use
from mlcore.correspondences.dense.shift import RIGHT_M, Shift
from mlcore.correspondences.dense.turned import estimate_tile
from mlcore.evidence.picture import EvidenceReader, bounds_about
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS, draw_ids, seen_footprints
from mlcore.maps.projection import Bounds
from mlcore.progress import Progress

SHIFT_MARGIN_M = MAX_SHIFT_M + 1.0  # around a tile whose shift is measured: a little further than a map is moved
AT_ONCE = 4  # tiles whose shifts are measured as one piece of work


def region_shifts(
    evidence: EvidenceReader,
    index: MapIndex,
    tiles: Collection[TileAddress],
    progress: Progress | None = None,
    *,
    known: Known | None = None,
    cores: Cores | None = None,
) -> dict[TileAddress, Shift]:
    """The shift of every tile (`shifts_in_use`): what people verified, else the surest that is known of it.

    Args:
        known: what people stand by, whose tiles are not measured, and what a matcher proposed.
        cores: what it may work on; None: on one.
    """
    known = known or Known()
    rest = [tile for tile in tiles if tile not in known.verified]
    rows = [rest[start : start + AT_ONCE] for start in range(0, len(rest), AT_ONCE)]

    def sent(work: tuple[MapIndex, Sequence[TileAddress]]) -> tuple[MapIndex, Sequence[TileAddress]]:
        boxes = [margin_bounds(tile) for tile in work[1]]
        return MapIndex(work[0].query_any(boxes, BUILDINGS)), work[1]

    found = (cores or Cores()).each(
        _measured, evidence, [(index, row) for row in rows], sent=sent, progress=progress,
        message="registration of image and map",
    )  # fmt: skip
    by_tile = dict(zip(rest, (shift for row in found for shift in row), strict=True))
    measured = {tile: known.verified.get(tile) or by_tile[tile] for tile in tiles}
    resolution_m = list(tiles)[-1].resolution_m() if tiles else 1.0
    return shifts_in_use(measured, known, agree_px=RIGHT_M / resolution_m)


def _measured(evidence: EvidenceReader, work: tuple[MapIndex, Sequence[TileAddress]]) -> list[Shift]:
    index, tiles = work
    return [tile_shift(evidence, index, tile) for tile in tiles]


def tile_shift(evidence: EvidenceReader, index: MapIndex, tile: TileAddress) -> Shift:
    """The shift of one tile as its own evidence tells it."""
    margin_px = shift_margin_px(tile)
    window = evidence.window(tile, margin_px=margin_px)
    shapes = window.shapes_xy([one.geometry for one in seen_footprints(index, window.bounds_lonlat())])
    drawn = draw_ids([(1, shape) for shape in shapes], *window.building.shape) > 0
    return estimate_tile(window.building, drawn, window.valid, window.resolution_m, margin_px)


def margin_bounds(tile: TileAddress) -> Bounds:
    """In degrees: the window on which a tile's shift is measured."""
    return bounds_about(tile, (TILE_PX, TILE_PX), shift_margin_px(tile))


def shift_margin_px(tile: TileAddress) -> int:
    """Of the window on which a tile's shift is measured."""
    return max(32, math.ceil(SHIFT_MARGIN_M / tile.resolution_m()))
