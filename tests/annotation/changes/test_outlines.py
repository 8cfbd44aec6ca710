"""Lists give the shape of each change, small enough for a picture of 72 pixels."""

from __future__ import annotations

import math

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon

from tests.factories import UserFactory, square
from tests.factories_changes import ChangeFactory

pytestmark = pytest.mark.django_db


def listed(client_of, change):
    region = change.scan.region
    region.open_to_all = True
    region.save()
    (row,) = client_of(UserFactory()).get(f"/api/regions/{region.pk}/changes/").json()["results"]
    return row


def test_the_shape_as_it_stands_with_its_courtyard_is_in_the_list(client_of):
    outer, inner = square(side=0.4).coords[0], square(side=0.1).coords[0]
    change = ChangeFactory(geometry=square(), adjusted=Polygon(outer, inner, srid=4326))
    outline = listed(client_of, change)["outline"]
    assert outline["type"] == "Polygon" and [len(ring) for ring in outline["coordinates"]] == [5, 5]
    assert outline["coordinates"][0][0] == pytest.approx(outer[0], abs=1e-6)


def test_a_shape_of_many_corners_comes_with_few(client_of):
    lon, lat = square().centroid
    ring = [(lon + 1e-4 * math.cos(n / 500 * math.pi), lat + 1e-4 * math.sin(n / 500 * math.pi)) for n in range(1000)]
    change = ChangeFactory(geometry=Polygon([*ring, ring[0]], srid=4326))
    assert 8 < len(listed(client_of, change)["outline"]["coordinates"][0]) < 60


def test_parts_and_tiny_shapes_stay_shapes(client_of):
    tiny = square(0.2, 0.2, 0.004)
    change = ChangeFactory(geometry=MultiPolygon(tiny, square(0.7, 0.7), srid=4326))
    outline = listed(client_of, change)["outline"]
    assert outline["type"] == "MultiPolygon" and all(len(part[0]) >= 4 for part in outline["coordinates"])
