"""Fields of the API that hold places: areas in as GeoJSON, areas and bounds out."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.common.errors import InvalidError
from annotation.sources.engine import area_from_geojson

GEOJSON = {
    "type": "object",
    "properties": {"type": {"type": "string"}, "coordinates": {"type": "array", "items": {}}},
    "required": ["type", "coordinates"],
}
BOUNDS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4, "nullable": True}


@extend_schema_field(GEOJSON)
class AreaField(serializers.Field):
    """A GeoJSON Polygon or MultiPolygon in degrees <-> MultiPolygon."""

    def to_internal_value(self, data: Any) -> MultiPolygon:
        try:
            return area_from_geojson(data)
        except InvalidError as error:
            raise serializers.ValidationError(error.detail) from error

    def to_representation(self, value: GEOSGeometry) -> dict[str, Any]:
        return {"type": value.geom_type, "coordinates": json.loads(value.geojson)["coordinates"]}


@extend_schema_field(BOUNDS)
class BoundsField(serializers.ReadOnlyField):
    """A geometry -> [west, south, east, north] in degrees, or null."""

    def to_representation(self, value: GEOSGeometry) -> list[float]:
        return list(value.extent)
