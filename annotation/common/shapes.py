"""Shapes compared in the database: the area two of them share, as a part of the smaller one."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.db.models import GeometryField
from django.db.models import F, FloatField, Func, QuerySet
from django.db.models.functions import Least


class Area(Func):
    """Square degrees, for shares of areas alone."""

    function, output_field = "ST_Area", FloatField()


class Intersection(Func):
    function, output_field = "ST_Intersection", GeometryField(srid=4326)


class Difference(Func):
    """What two shapes do not have in common."""

    function, output_field = "ST_SymDifference", GeometryField(srid=4326)


class FromHex(Func):
    """A shape out of the hexadecimal text that `GEOSGeometry.hex` writes."""

    template, output_field = "ST_GeomFromWKB(decode(%(expressions)s, 'hex'), 4326)", GeometryField(srid=4326)


SIDES = ("XMin", "YMin", "XMax", "YMax")
"""West, south, east and north, as PostGIS calls them."""


class Side(Func):
    """One side of a shape's box; `function` is ST_ and one of SIDES."""

    output_field = FloatField()


def sharing(rows: QuerySet, field: str, shape: Any, least: float) -> QuerySet:
    """Of these rows, those whose shape has more than this share of the smaller one in common with `shape`.

    The shared area is there as `shared`. What has only a wall or a corner in common shares nothing.
    """
    rows = rows.filter(**{f"{field}__intersects": shape})
    rows = rows.annotate(shared=Area(Intersection(field, shape)), smaller=Least(Area(field), Area(shape)))
    return rows.filter(shared__gt=least * F("smaller"))
