"""Between scans and the library's candidates; alone imports mlcore here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from annotation.changes.models import Change, ChangeKind
from annotation.changes.objects import SAME_SHARE
from annotation.consistency.engine import found_candidates
from annotation.consistency.models import Scan
from annotation.sources.engine import to_shapely
from mlcore.changes.candidate import Candidate
from mlcore.changes.decisions import SEPARATE
from mlcore.progress import Progress, SpanProgress, stop_if_asked

__all__ = [
    "SEPARATE",
    "Candidate",
    "Drawn",
    "Progress",
    "SpanProgress",
    "boxes_of",
    "candidates",
    "fingerprints",
    "stop_if_asked",
]

AREAS = (3, 6)
"""Polygon and multipolygon among shapely's types."""


def candidates(scan: Scan, progress: Progress) -> Iterator[Candidate]:
    """What the scan found, the surest first."""
    for candidate in found_candidates(scan):
        stop_if_asked(progress)
        yield candidate


def fingerprints(imagery_sha256: str, found: Sequence[Candidate]) -> list[str]:
    """The same object, imagery and family of kinds; of a new building or part, its place to a metre and its size.

    A modify and a shift of one building are one suggestion: who rejected the one need not see the other.
    """
    new = np.array([newly_drawn(one) for one in found], object)
    places, areas = shapely.get_coordinates(shapely.centroid(new[new != None])), shapely.area(new)  # noqa: E711
    drawn = iter(places)
    marks = []
    for one, shape, area in zip(found, new, areas, strict=True):
        if shape is not None:
            x, y = next(drawn)
            what = f"add:{x:.5f}:{y:.5f}:{area:.1e}"
        else:
            what = f"{'remove' if one.kind == ChangeKind.REMOVE else 'reshape'}:{object_key(one)}"
        marks.append(hashlib.sha256(f"{imagery_sha256}:{what}".encode()).hexdigest())
    return marks


def object_key(candidate: Candidate) -> str:
    """The footprint that a candidate is about: its OSM element, or its shape where it has none."""
    named = candidate.osm_type is not None and candidate.osm_id is not None
    return f"{candidate.osm_type}/{candidate.osm_id}" if named else candidate.key or ""


def newly_drawn(candidate: Candidate) -> BaseGeometry | None:
    """What a candidate draws on ground that the map leaves bare: a building, or a part that is added to one."""
    return candidate.geometry if candidate.kind == ChangeKind.ADD else candidate.part


def as_new(candidate: Candidate) -> Candidate:
    """The part that a candidate adds to a building, as a building of its own."""
    if candidate.part is None:
        return candidate
    figures = {name: value for name, value in candidate.evidence.items() if name != "more_m2"}
    figures |= {"area_m2": candidate.changed_m2, "iou_with_map": 0.0}
    return Candidate("add", candidate.part, None, None, candidate.tile, candidate.confidence, figures)


def wkbs_of(found: Sequence[Candidate]) -> list[str]:
    """The proposed shapes as PostGIS takes them in a COPY."""
    shapes = np.array([one.geometry for one in found], object)
    odd = ~shapely.is_valid(shapes) | ~np.isin(shapely.get_type_id(shapes), AREAS)
    shapes[odd] = [_polygonal(shape) for shape in shapes[odd]]
    return list(shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True))


def boxes_of(found: Sequence[Candidate]) -> list[str]:
    """What each candidate's shape lies in, as the database takes shapes."""
    if not found:
        return []
    boxes = shapely.box(*shapely.bounds(np.array([one.geometry for one in found], object)).T)
    return list(shapely.to_wkb(shapely.set_srid(boxes, 4326), hex=True, include_srid=True))


def evidence_of(candidate: Candidate) -> dict[str, float | str]:
    """The candidate's figures as JSON can keep them."""
    return {name: kept for name, value in candidate.evidence.items() if (kept := _json(value)) is not None}


def confidence_of(candidate: Candidate) -> float:
    return min(max(float(candidate.confidence), 0.0), 1.0)


class Drawn:
    """Outlines of new buildings, and of parts of mapped ones, that were decided before, searchable by overlap."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._shapes = [_new_part(change) for change in changes]
        self._tree = shapely.STRtree(self._shapes)

    def has(self, shape: BaseGeometry | None) -> bool:
        """Whether one of them is the same suggestion; what draws nothing new is none."""
        if shape is None or not self._shapes:
            return False
        for index in self._tree.query(shape, predicate="intersects"):
            other = self._shapes[int(index)]
            shared = shapely.intersection(shape, other).area
            if shared >= SAME_SHARE * min(shape.area, other.area):
                return True
        return False


def repeated_drawings(changes: Sequence[Change]) -> list[bool]:
    """Which of these changes add a building that one before it in the list adds already."""
    new = [number for number, change in enumerate(changes) if change.kind == ChangeKind.ADD]
    shapes = np.array([to_shapely(changes[number].adjusted or changes[number].geometry) for number in new], object)
    later, earlier = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    later, earlier = later[earlier < later], earlier[earlier < later]
    shared = shapely.area(shapely.intersection(shapes[later], shapes[earlier]))
    smaller = np.minimum(shapely.area(shapes[later]), shapely.area(shapes[earlier]))
    repeated = [False] * len(changes)
    for index in later[shared > SAME_SHARE * smaller]:
        repeated[new[index]] = True
    return repeated


def _new_part(change: Change) -> BaseGeometry:
    shape = to_shapely(change.geometry)
    return shape if change.footprint is None else shape.difference(to_shapely(change.footprint.geometry))


def _polygonal(geometry: BaseGeometry) -> BaseGeometry:
    valid = geometry if geometry.is_valid else shapely.make_valid(geometry)
    if valid.geom_type in {"Polygon", "MultiPolygon"}:
        return valid
    parts = [part for part in shapely.get_parts(valid) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)


def _json(value: Any) -> float | str | None:
    """A figure as JSON can keep it; infinities and NaN are left out."""
    if isinstance(value, str):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
