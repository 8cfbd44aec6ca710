"""How an image and a map of a region fit, told before anything is made of them: where both lie, versions, dates."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import shapely
from django.contrib.gis.db.models import Extent
from django.contrib.gis.geos import MultiPolygon
from django.core.cache import cache
from django.db.models import Count, FloatField, QuerySet, Value
from django.db.models.functions import Cast, Floor
from redis.exceptions import RedisError

from annotation.common.shapes import Side
from annotation.sources.engine import to_shapely
from annotation.sources.models import Footprint, Imagery, MapSnapshot
from annotation.sources.services.fit import stuck_in

CELLS = 32
"""The image's bounds are looked at in so many cells along each side."""
KEPT_S = 7 * 24 * 3600
LITTLE = 0.5
"""A smaller share of the image with buildings of the map is told."""
Bounds = tuple[float, float, float, float]


@dataclass
class Fit:
    """What is known of an image and a map together; areas as GeoJSON in degrees.

    Attributes:
        image: where the image has data.
        map_bounds: west, south, east, north of all buildings of the map; None where it has none.
        ground: the cells of the image in which the map has a building, or that lie beside one.
        mapped_share: the part of the image that is this ground, 0..1.
        buildings: those of the map; on_image: of them, those in the image's bounds; stuck: those that can't leave as
            osmChange, since ids, versions or nodes are missing.
        notes: what should be settled before anything is queued, one sentence each.
    """

    imagery: int
    snapshot: int
    image: dict[str, Any]
    map_bounds: Bounds | None
    ground: dict[str, Any] | None
    mapped_share: float
    buildings: int
    on_image: int
    stuck: int
    notes: list[str] = field(default_factory=list)


def fit_of(imagery: Imagery, snapshot: MapSnapshot) -> dict[str, Any]:
    """How two ready sources fit. Neither ever changes, so what was counted is kept; a cache that is away costs time."""
    key = f"fit:{imagery.pk}:{imagery.sha256[:16]}:{snapshot.pk}:{snapshot.sha256[:16]}"
    found: dict[str, Any] | None = None
    try:
        found = cache.get(key)
        if found is None:
            found = asdict(_measured(imagery, snapshot))
            cache.set(key, found, KEPT_S)
    except RedisError:
        found = found or asdict(_measured(imagery, snapshot))
    return {**found, "notes": _notes(Fit(**found), imagery, snapshot)}


def _measured(imagery: Imagery, snapshot: MapSnapshot) -> Fit:
    footprint = cast(MultiPolygon, imagery.footprint)  # a ready image has one: the database sees to it
    image = to_shapely(footprint)
    rows = Footprint.objects.filter(snapshot=snapshot)
    bounds = rows.aggregate(bounds=Extent("geometry"))["bounds"]
    on_image = rows.filter(geometry__bboverlaps=footprint.envelope)
    ground = _ground(on_image, image.bounds)
    if snapshot.coverage is not None:
        ground = to_shapely(snapshot.coverage)
    here = image.intersection(ground)
    return Fit(
        imagery=imagery.pk,
        snapshot=snapshot.pk,
        image=_drawn(image),
        map_bounds=bounds,
        ground=None if here.is_empty else _drawn(here),
        mapped_share=min(1.0, here.area / image.area) if image.area else 0.0,
        buildings=rows.count(),
        on_image=on_image.count(),
        stuck=stuck_in(rows).count(),
    )


def _ground(rows: QuerySet[Footprint], bounds: Bounds) -> shapely.Geometry:
    """The cells of these bounds with a building in them, and those around: no more rows than cells, however many."""
    west, south, east, north = bounds
    wide, high = (east - west) / CELLS, (north - south) / CELLS

    def cell(side: str, start: float, size: float) -> Floor:
        place = Side("geometry", function=side)
        return Floor((place - Value(start)) / Value(size))

    found = (
        rows.annotate(
            column=Cast(cell("ST_XMin", west, wide), FloatField()), row=Cast(cell("ST_YMin", south, high), FloatField())
        )
        .values_list("column", "row")
        .annotate(number=Count("pk"))
        .order_by()
    )
    boxes = [
        shapely.box(
            west + (column - 1) * wide, south + (row - 1) * high, west + (column + 2) * wide, south + (row + 2) * high
        )
        for column, row, _ in found
    ]
    return shapely.unary_union(boxes)


def _drawn(area: shapely.Geometry) -> dict[str, Any]:
    """As GeoJSON, with no more corners than a small picture shows."""
    west, south, east, north = area.bounds
    plain = shapely.simplify(area, math.hypot(east - west, north - south) / 500)
    return dict(shapely.geometry.mapping(plain))


def _notes(fit: Fit, imagery: Imagery, snapshot: MapSnapshot) -> list[str]:
    notes = []
    if not fit.buildings:
        notes.append("The map has no building: everything in the image would be suggested as new.")
    elif not fit.mapped_share:
        notes.append("The map has no building where the image lies: one of the two is of another place.")
    elif fit.mapped_share < LITTLE:
        notes.append(
            f"The map has buildings on {fit.mapped_share:.0%} of the image: if it is not complete on the rest, import "
            "it with the area where it is."
        )
    if imagery.captured_on is None:
        notes.append("The image has no date: nobody is warned where the map is newer than it.")
    elif snapshot.taken_at is not None and snapshot.taken_at.date() < imagery.captured_on:
        notes.append(
            "The map is older than the image: take a newer extract, so that nothing mapped since is suggested."
        )
    if snapshot.taken_at is None:
        notes.append("The map has no date: what was edited after it can't be told.")
    if fit.stuck:
        notes.append(
            f"{fit.stuck} of {fit.buildings} buildings lack OSM ids, versions or nodes: edits of them leave as GeoJSON "
            "alone."
        )
    return notes
