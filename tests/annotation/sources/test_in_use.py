"""Which imagery and map a region works with: the newest by date, or the one an admin pinned."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.review.models import AuditEntry
from annotation.sources.models import Imagery, MapSnapshot, SourceState
from annotation.sources.selectors import (
    current_sources,
    imagery_in_use,
    newest_first,
    newest_snapshot,
    snapshot_in_use,
)
from annotation.tiles.selectors import pair_in_use
from tests import factories


def day(year: int) -> dt.date:
    return dt.date(year, 6, 1)


def moment(year: int) -> dt.datetime:
    return dt.datetime(year, 6, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("imported", "newest"),
    [
        ([2024, 2020], 0),
        ([2020, 2024], 1),
        ([2024, 2024], 1),
        ([2024, None], 1),
        ([None, 2020], 1),
        ([None, None], 1),
        ([2024, None, 2024], 2),
        ([2024, None, 2020], 1),
        ([2020, None, 2024, 2021], 2),
    ],
)
def test_the_newest_goes_by_date_then_by_import_and_an_undated_one_until_something_as_new_comes(imported, newest):
    assert newest_first([(pk, year and day(year)) for pk, year in enumerate(imported)])[0] == newest


@given(st.lists(st.none() | st.integers(2000, 2030), min_size=1, max_size=12))
def test_a_dated_source_that_comes_last_and_is_newer_than_all_is_always_first(years):
    imported = [(pk, year and day(year)) for pk, year in enumerate([*years, 2031])]
    order = newest_first(imported)
    assert order[0] == len(years)
    assert sorted(order) == list(range(len(imported)))
    dated = [pk for pk in order if imported[pk][1] is not None]
    assert dated == sorted(dated, key=lambda pk: (imported[pk][1], pk), reverse=True)


@pytest.mark.django_db
def test_an_older_image_that_is_imported_later_is_not_used():
    region = factories.RegionFactory()
    newer = factories.ImageryFactory(region=region, captured_on=day(2024))
    factories.ImageryFactory(region=region, captured_on=day(2019))
    factories.ImageryFactory(region=region, captured_on=day(2026), state=SourceState.PENDING)
    factories.ImageryFactory(captured_on=day(2026))
    assert imagery_in_use(region) == newer


@pytest.mark.django_db
def test_an_undated_map_gives_way_to_the_next_dated_one():
    region = factories.RegionFactory()
    factories.SnapshotFactory(region=region, taken_at=moment(2023))
    undated = factories.SnapshotFactory(region=region, taken_at=None)
    assert snapshot_in_use(region) == newest_snapshot(region) == undated
    dated = factories.SnapshotFactory(region=region, taken_at=moment(2024))
    assert snapshot_in_use(region) == newest_snapshot(region) == dated


@pytest.mark.django_db
def test_an_admin_pins_and_lets_go_and_it_is_written_down(client_of):
    admin, region = factories.UserFactory(role="admin"), factories.RegionFactory()
    old, new = (factories.ImageryFactory(region=region, captured_on=day(year)) for year in (2020, 2024))
    early, late = (factories.SnapshotFactory(region=region, taken_at=moment(year)) for year in (2020, 2024))
    client, address = client_of(admin), f"/api/regions/{region.pk}/"
    body = {"pinned_imagery": old.pk, "pinned_snapshot": early.pk, "name": "Pinned"}
    answer = client.patch(address, body, format="json")
    assert answer.status_code == 200
    assert answer.json()["pinned_imagery"] == old.pk and answer.json()["name"] == "Pinned"
    assert current_sources(region) == (old, early)
    assert newest_snapshot(region) == late
    summary = client.get(f"{address}summary/").json()
    assert (summary["imagery"], summary["pinned_imagery"]) == (old.pk, old.pk)
    assert (summary["snapshot"], summary["pinned_snapshot"]) == (early.pk, early.pk)
    assert client.patch(address, {"pinned_imagery": None}, format="json").json()["pinned_imagery"] is None
    assert current_sources(region) == (new, early)
    entries = AuditEntry.objects.filter(action="region.pin").order_by("pk")
    assert [entry.data for entry in entries] == [
        {"pinned_imagery": old.pk, "pinned_snapshot": early.pk},
        {"pinned_imagery": None},
    ]
    assert all(entry.actor == admin for entry in entries)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["imagery", "snapshot"])
def test_only_a_ready_source_of_the_region_can_be_pinned(client_of, kind):
    make = factories.ImageryFactory if kind == "imagery" else factories.SnapshotFactory
    region = factories.RegionFactory()
    client = client_of(factories.UserFactory(role="admin"))
    for source, status, code in (
        (make(), 404, "not_found"),
        (make(region=region, state=SourceState.FAILED), 409, "not_ready"),
        (make(region=region, state=SourceState.PENDING), 409, "not_ready"),
    ):
        body = {f"pinned_{kind}": source.pk, "name": "Another"}
        answer = client.patch(f"/api/regions/{region.pk}/", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    region.refresh_from_db()
    assert (region.pinned_imagery, region.pinned_snapshot) == (None, None)
    assert region.name != "Another"
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_an_editor_can_not_pin(client_of):
    editor = factories.UserFactory(role="editor")
    imagery = factories.ImageryFactory(region=factories.RegionFactory(members=[editor]))
    answer = client_of(editor).patch(
        f"/api/regions/{imagery.region_id}/", {"pinned_imagery": imagery.pk}, format="json"
    )
    assert answer.status_code == 403


@pytest.mark.django_db
def test_a_pinned_source_that_is_removed_gives_way_to_the_newest(client_of):
    region = factories.RegionFactory()
    old, new = (factories.ImageryFactory(region=region, captured_on=day(year)) for year in (2020, 2024))
    client = client_of(factories.UserFactory(role="admin"))
    client.patch(f"/api/regions/{region.pk}/", {"pinned_imagery": old.pk}, format="json")
    assert client.delete(f"/api/imagery/{old.pk}/").status_code == 204
    assert imagery_in_use(region) == new
    assert client.delete(f"/api/regions/{region.pk}/").status_code == 204
    assert not Imagery.objects.exists() and not MapSnapshot.objects.exists()


@pytest.mark.django_db
def test_a_tile_shows_the_pair_of_the_sources_in_use():
    tile = factories.TileFactory()
    region = tile.region
    snapshot = factories.SnapshotFactory(region=region)
    newer = factories.ImageryFactory(region=region, captured_on=day(2024))
    older = factories.ImageryFactory(region=region, captured_on=day(2019))
    first, second = (factories.PairFactory(tile=tile, imagery=imagery, snapshot=snapshot) for imagery in (newer, older))
    assert pair_in_use(region, tile.z, tile.x, tile.y) == first
    region.pinned_imagery = older
    region.save()
    assert pair_in_use(region, tile.z, tile.x, tile.y) == second
