"""Puts a change candidate's edit into a map, as for a counterfactual."""

from __future__ import annotations

import dataclasses

from shapely.geometry.base import BaseGeometry

from mlcore.changes.diff import Candidate
from mlcore.errors import InvalidInputError
from mlcore.tiles.features import MapFeature
from mlcore.tiles.index import MapIndex


def apply_edit(index: MapIndex, candidate: Candidate) -> MapIndex:
    """The map with a candidate's edit in it."""
    if candidate.kind == "add":
        return index.edited(add=[MapFeature("building", candidate.geometry, {"building": "yes"})])
    if candidate.key is None:
        raise InvalidInputError("this candidate names no footprint; list the candidates again")
    if candidate.kind == "remove":
        return index.edited(remove=[candidate.key])
    replaced = next(feature for feature in index.query(_bounds_around(candidate)) if feature.key == candidate.key)
    return index.edited(remove=[candidate.key], add=[dataclasses.replace(replaced, geometry=candidate.geometry)])


def _bounds_around(candidate: Candidate) -> tuple[float, float, float, float]:
    geometry: BaseGeometry = candidate.geometry
    west, south, east, north = geometry.bounds
    pad = 2e-4  # degrees: further than a footprint is ever looked for
    return west - pad, south - pad, east + pad, north + pad
