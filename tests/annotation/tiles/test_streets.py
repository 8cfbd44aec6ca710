"""Tiles are named by the roads on them, so that people know where they look."""

import pytest
from django.contrib.gis.geos import LineString

from annotation.tiles.nearby import streets_on
from tests.factories import ORIGIN, MapFeatureFactory, SnapshotFactory, square

pytestmark = pytest.mark.django_db


def road(snapshot, name, *, row=0.5, column=0.5, kind="road"):
    west, south, east, north = square(column, row, 0.4).extent
    tags = {"highway": "residential", **({"name": name} if name is not None else {})}
    return MapFeatureFactory(
        snapshot=snapshot, kind=kind, tags=tags, geometry=LineString((west, south), (east, north), srid=4326)
    )


def test_roads_on_the_tile_are_named_the_one_of_most_lines_first_and_three_at_most():
    snapshot = SnapshotFactory()
    for name in ("Mill Lane", "High Street", "High Street", "Æbleallé", "<b>Way</b>", None, ""):
        road(snapshot, name)
    road(snapshot, "Elsewhere", row=3.5)
    road(snapshot, "River", kind="water")
    road(SnapshotFactory(), "Of another map")
    found = streets_on(snapshot, ORIGIN)
    assert found[0] == "High Street" and len(found) == 3
    assert set(found[1:]) <= {"Mill Lane", "Æbleallé", "<b>Way</b>"}


def test_a_tile_without_roads_has_none_and_it_is_one_query(django_assert_num_queries):
    snapshot = SnapshotFactory()
    with django_assert_num_queries(1):
        assert streets_on(snapshot, ORIGIN) == []
