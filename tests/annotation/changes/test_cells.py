"""The list's map however much lies there: single marks, or numbers that leave nothing out."""

from __future__ import annotations

import pytest
from redis.exceptions import RedisError

from annotation.review.models import QueueItem
from tests.factories import PairFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def changes(scan):
    """Two on each of three tiles in a row."""
    pairs = [PairFactory(region=scan.region, imagery=scan.imagery, snapshot=scan.snapshot) for _ in range(3)]
    return [
        ChangeFactory(scan=scan, pair=pair, geometry=_within(pair.tile, share), kind=kind)
        for pair in pairs
        for share, kind in ((0.2, "add"), (0.6, "remove"))
    ]


def _within(tile, share):
    west, south, east, north = tile.geometry.extent
    shape = square(0, 0, 0.1)
    x0, y0, *_ = shape.extent
    dx, dy = west + (east - west) * share - x0, south + (north - south) * share - y0
    return type(shape)([(x + dx, y + dy) for x, y in shape.coords[0]], srid=4326)


@pytest.fixture
def ask(client_of, scan):
    client = client_of(UserFactory())

    def asked(**query):
        reply = client.get(f"/api/regions/{scan.region_id}/changes/map/", query)
        assert reply.status_code == 200, reply.content
        return reply.json()

    return asked


class _Away:
    """A cache whose server is gone."""

    def get(self, *given):
        raise RedisError("away")

    set = get


def test_what_is_few_is_shown_one_by_one_and_what_is_many_is_counted_to_the_last(monkeypatch, ask, scan, changes):
    shown = ask(zoom=scan.region.zoom)
    assert (len(shown["features"]), shown["cells"], shown["total"], shown["cut"]) == (6, [], 6, False)
    monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", 3)
    close = ask(zoom=scan.region.zoom)
    assert close["features"] == [] and close["total"] == 6
    assert [cell["number"] for cell in close["cells"]] == [2, 2, 2]
    for cell, change in zip(sorted(close["cells"], key=lambda one: one["lon"]), changes[::2], strict=True):
        assert cell["bbox"] == pytest.approx(change.pair.tile.geometry.extent)
        west, south, east, north = cell["bbox"]
        assert west < cell["lon"] < east and south < cell["lat"] < north
    far = ask(zoom=0)
    assert sum(cell["number"] for cell in far["cells"]) == 6 and len(far["cells"]) == 1


def test_numbers_are_of_the_view_and_of_what_the_filter_leaves(monkeypatch, ask, scan, changes):
    monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", 1)
    west, south, east, north = changes[0].pair.tile.geometry.extent
    inner = (west + (east - west) / 4, south + (north - south) / 4, east - (east - west) / 4, north)
    view = ",".join(str(one) for one in inner)
    assert [cell["number"] for cell in ask(zoom=22, view=view)["cells"]] == [2]
    assert [cell["number"] for cell in ask(zoom=2, kind="add")["cells"]] == [3]
    QueueItem.objects.filter(pk=changes[0].item_id).update(state="withdrawn")
    assert ask(zoom=2, kind="add")["total"] == 2
    around = changes[2].pair.tile.geometry.buffer(-1e-5).extent
    one = ask(zoom=22, kind="add", view=",".join(str(side) for side in around))
    assert [mark["id"] for mark in one["features"]] == [changes[2].pk] and one["cells"] == []


def test_numbers_of_many_are_kept_for_a_while_and_had_without_redis_as_well(monkeypatch, ask, changes):
    monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", 3)
    monkeypatch.setattr("annotation.changes.cells.MANY", 5)
    assert ask(zoom=2)["total"] == 6
    QueueItem.objects.filter(pk=changes[0].item_id).update(state="withdrawn")
    assert ask(zoom=5)["total"] == 6, "another zoom of the same filter counts nothing anew"
    assert ask(zoom=5, kind="add")["total"] == 2, "another filter has its own"

    monkeypatch.setattr("annotation.changes.cells.cache", _Away())
    assert ask(zoom=5)["total"] == 5


def test_a_map_that_tells_no_zoom_gets_the_first_marks(monkeypatch, ask, changes):
    monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", 3)
    shown = ask()
    assert (len(shown["features"]), shown["cells"], shown["cut"]) == (3, [], True)
