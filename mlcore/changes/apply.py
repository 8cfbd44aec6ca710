"""Puts a change candidate's edit into a map, as for a counterfactual."""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely

from mlcore.changes.boxes import box_px, largest_box
from mlcore.changes.candidate import Candidate
from mlcore.changes.moves import MapMoves
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import padded
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


def largest_after(evidence: EvidenceReader, index: MapIndex, candidate: Candidate, moves: MapMoves) -> float:
    """The largest difference on the candidate's tile (`Measures.largest`) once its edit is in the map.

    Args:
        moves: what the map is moved by; what it moves in from beside the tile counts as well.
    """
    window = evidence.window(candidate.tile, margin_px=0)
    near = seen_footprints(index, padded(candidate.tile.bounds_lonlat, NEAR_M))
    shapes = [feature.geometry for feature in near if feature.key != candidate.key]
    shapes += [candidate.geometry] if candidate.kind != "remove" else []
    moved = []
    for shape in shapes:
        mapped = shapely.union_all(window.polygons_xy(shape))
        if not mapped.is_empty:
            moved.append((1, moves.moved(mapped, np.array([mapped.centroid.x, mapped.centroid.y]), window)))
    drawn = draw_ids(moved, *window.building.shape) > 0
    return largest_box(window.building, drawn, window.valid, box_px(window.resolution_m))
