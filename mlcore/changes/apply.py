"""Puts a change candidate's edit into a map, as for a counterfactual."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.boxes import box_px, largest_box
from mlcore.changes.candidate import Candidate
from mlcore.changes.moves import MapMoves
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import draw_ids, seen_footprints

NEAR_M = 20.0
"""Further than a footprint is ever looked for, or a map moved."""


def apply_edit(index: MapIndex, candidate: Candidate) -> MapIndex:
    """The map with a candidate's edit in it."""
    if candidate.kind == "add":
        return index.edited(add=[MapFeature("building", candidate.geometry, {"building": "yes"})])
    if candidate.key is None:
        raise InvalidInputError("this candidate names no footprint; list the candidates again")
    if candidate.kind == "remove":
        return index.edited(remove=[candidate.key])
    near = index.query(padded(candidate.geometry.bounds, NEAR_M))
    replaced = next(feature for feature in near if feature.key == candidate.key)
    return index.edited(remove=[candidate.key], add=[dataclasses.replace(replaced, geometry=candidate.geometry)])


class TileEdits:
    """The largest difference on one tile (`Measures.largest`) once an edit is in the map; the tile is read once."""

    def __init__(self, evidence: EvidenceReader, index: MapIndex, tile: TileAddress, moves: MapMoves) -> None:
        """Args: moves: what the map is moved by; what it moves in from beside the tile counts as well."""
        self.window, self.moves = evidence.window(tile, margin_px=0), moves
        features = seen_footprints(index, padded(tile.bounds_lonlat, NEAR_M))
        self.keys = [feature.key for feature in features]
        self.masks = self._drawn([feature.geometry for feature in features])
        self.count = sum(self.masks, np.zeros(self.window.building.shape, np.int32))

    def largest_after(self, candidate: Candidate) -> float:
        gone = [mask for key, mask in zip(self.keys, self.masks, strict=True) if key == candidate.key]
        drawn = self.count - sum(gone, np.zeros_like(self.count)) > 0
        if candidate.kind != "remove":
            drawn |= self._drawn([candidate.geometry])[0]
        return largest_box(self.window.building, drawn, self.window.valid, box_px(self.window.resolution_m))

    def _drawn(self, shapes: Sequence[BaseGeometry]) -> list[np.ndarray]:
        mapped = self.window.shapes_xy(shapes)
        seen = np.flatnonzero(~shapely.is_empty(mapped))
        masks = [np.zeros(self.window.building.shape, bool) for _ in shapes]
        places = shapely.get_coordinates(shapely.centroid(mapped[seen]))
        for number, shape in zip(seen, self.moves.all_moved(mapped[seen], places, self.window), strict=True):
            masks[number] = draw_ids([(1, shape)], *self.window.building.shape) > 0
        return masks
