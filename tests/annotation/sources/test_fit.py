"""Whether image and map fit is told before anything is queued."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.gis.geos import MultiPolygon

from annotation.sources.overview import fit_of
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_cache")]


def pair(**of_image):
    region = factories.RegionFactory(open_to_all=True)
    return factories.ImageryFactory(region=region, **of_image), factories.SnapshotFactory(region=region)


def everywhere(snapshot, step: float = 0.12) -> None:
    """Buildings on all of the 2 x 2 tiles."""
    places = [step * n for n in range(1, int(2 / step))]
    for column in places:
        for row in places:
            factories.FootprintFactory(snapshot=snapshot, geometry=factories.square(column, row, 0.02), nodes=[[1]])


def test_a_map_of_the_images_ground_with_versions_and_dates_has_nothing_against_it():
    imagery, snapshot = pair(captured_on=dt.date(2023, 1, 1))
    everywhere(snapshot)
    fit = fit_of(imagery, snapshot)
    assert fit["mapped_share"] > 0.8 and fit["notes"] == [] and fit["stuck"] == 0
    assert fit["buildings"] == fit["on_image"] == 225
    assert fit["image"]["type"] in {"Polygon", "MultiPolygon"} and fit["ground"]["coordinates"]
    west, south, east, north = fit["map_bounds"]
    assert west < east and south < north


def test_a_map_of_another_place_is_told_and_drawn():
    imagery, snapshot = pair(captured_on=dt.date(2023, 1, 1))
    factories.FootprintFactory(snapshot=snapshot, geometry=factories.square(60.5, 40.5), nodes=[[1]])
    fit = fit_of(imagery, snapshot)
    assert (fit["mapped_share"], fit["on_image"], fit["ground"]) == (0.0, 0, None)
    assert fit["map_bounds"] is not None and "another place" in fit["notes"][0]


def test_a_map_of_half_the_image_says_how_much_of_it_is_mapped():
    imagery, snapshot = pair(captured_on=dt.date(2023, 1, 1))
    for number in range(1, 16):
        factories.FootprintFactory(snapshot=snapshot, geometry=factories.square(0.2, 0.12 * number, 0.02), nodes=[[1]])
    fit = fit_of(imagery, snapshot)
    assert 0.05 < fit["mapped_share"] < 0.25
    assert "buildings on" in fit["notes"][0] and "%" in fit["notes"][0]


def test_where_a_map_is_complete_counts_as_mapped_without_a_building():
    imagery, snapshot = pair(captured_on=dt.date(2023, 1, 1))
    factories.FootprintFactory(snapshot=snapshot, nodes=[[1]])
    snapshot.coverage = MultiPolygon(factories.tile_area()[0], srid=4326)
    snapshot.save()
    assert fit_of(imagery, snapshot)["mapped_share"] == pytest.approx(1.0)


def test_missing_dates_versions_and_an_older_map_are_told():
    imagery, snapshot = pair(captured_on=None)
    snapshot.taken_at = None
    snapshot.save()
    everywhere(snapshot)
    factories.FootprintFactory(snapshot=snapshot, version=None, nodes=[[1]])
    fit = fit_of(imagery, snapshot)
    assert fit["stuck"] == 1 and len(fit["notes"]) == 3
    assert "no date" in fit["notes"][0] and "no date" in fit["notes"][1] and "1 of 226" in fit["notes"][2]
    imagery.captured_on, snapshot.taken_at = dt.date(2025, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert "older than the image" in fit_of(imagery, snapshot)["notes"][0]


def test_what_was_counted_once_is_kept(django_assert_num_queries):
    imagery, snapshot = pair()
    factories.FootprintFactory(snapshot=snapshot, nodes=[[1]])
    first = fit_of(imagery, snapshot)
    with django_assert_num_queries(0):
        assert fit_of(imagery, snapshot) == first


def test_a_cache_that_is_away_costs_time_alone(settings):
    away = {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/redis.sock?db=0"}
    settings.CACHES = {"default": away}
    imagery, snapshot = pair()
    factories.FootprintFactory(snapshot=snapshot, nodes=[[1]])
    assert fit_of(imagery, snapshot)["buildings"] == 1


def test_the_cost_does_not_grow_with_the_buildings(django_assert_num_queries):
    imagery, snapshot = pair()
    everywhere(snapshot, 0.4)
    with django_assert_num_queries(5):
        fit_of(imagery, snapshot)


def test_the_pair_in_use_or_any_other_is_looked_at_over_http(client_of):
    imagery, snapshot = pair()
    factories.FootprintFactory(snapshot=snapshot, nodes=[[1]])
    other = factories.SnapshotFactory(region=imagery.region, taken_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    client, address = client_of(factories.UserFactory()), f"/api/regions/{imagery.region_id}/fit/"
    assert client.get(address).json()["snapshot"] == snapshot.pk
    assert client.get(address, {"snapshot": other.pk}).json()["buildings"] == 0
    foreign = factories.SnapshotFactory()
    assert client.get(address, {"snapshot": foreign.pk}).status_code == 404
    assert client.get(address, {"snapshot": "x"}).status_code == 400
    assert client.get(f"/api/regions/{factories.RegionFactory(open_to_all=True).pk}/fit/").status_code == 400
