"""Where the image shows the map of every tile: its evidence held against its footprints by dense correlation."""

from __future__ import annotations

import math
from collections.abc import Collection

from mlcore.correspondences.dense.estimate import MAX_SHIFT_M
from mlcore.correspondences.dense.neighbours import Known, shifts_in_use
from mlcore.correspondences.dense.shift import RIGHT_M, Shift
from mlcore.correspondences.dense.turned import estimate_tile
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import draw_ids, seen_footprints
from mlcore.progress import Progress, SilentProgress, stop_if_asked

SHIFT_MARGIN_M = MAX_SHIFT_M + 1.0  # around a tile whose shift is measured: a little further than a map is moved


def region_shifts(
    evidence: EvidenceReader,
    index: MapIndex,
    tiles: Collection[TileAddress],
    progress: Progress | None = None,
    *,
    known: Known | None = None,
) -> dict[TileAddress, Shift]:
    """The shift of every tile (`shifts_in_use`): what people verified, else the surest that is known of it.

    Args:
        known: what people stand by, whose tiles are not measured, and what a matcher proposed.
    """
    progress, known = progress or SilentProgress(), known or Known()
    measured: dict[TileAddress, Shift] = {}
    resolution_m = 1.0
    for number, tile in enumerate(tiles):
        stop_if_asked(progress)
        resolution_m = tile.resolution_m()
        measured[tile] = known.verified.get(tile) or tile_shift(evidence, index, tile)
        progress.report((number + 1) / len(tiles), "registration of image and map")
    return shifts_in_use(measured, known, agree_px=RIGHT_M / resolution_m)


def tile_shift(evidence: EvidenceReader, index: MapIndex, tile: TileAddress) -> Shift:
    """The shift of one tile as its own evidence tells it."""
    margin_px = shift_margin_px(tile)
    window = evidence.window(tile, margin_px=margin_px)
    shapes = window.shapes_xy([one.geometry for one in seen_footprints(index, window.bounds_lonlat())])
    drawn = draw_ids([(1, shape) for shape in shapes], *window.building.shape) > 0
    return estimate_tile(window.building, drawn, window.valid, window.resolution_m, margin_px)


def shift_margin_px(tile: TileAddress) -> int:
    """Of the window on which a tile's shift is measured."""
    return max(32, math.ceil(SHIFT_MARGIN_M / tile.resolution_m()))
