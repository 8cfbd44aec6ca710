"""The offsets of a scan's tiles over the API: all of a small part, evenly drawn ones of a large one."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotation.consistency import selectors
from annotation.consistency.models import TileScore
from tests.factories import ORIGIN, PairFactory, TileFactory, UserFactory
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db
SIDE = 4


@pytest.fixture
def scan():
    """Four by four scored tiles, from a column and row that four divides; the last has no shift."""
    scan = ScanFactory(model=ModelVersionFactory())
    left, top = ORIGIN.x - ORIGIN.x % 4 + 4, ORIGIN.y - ORIGIN.y % 4 + 4
    common = {"disc": 0, "proto": 0, "final": 0, "difference": 0, "probability": 0.5, "shift_confidence": 0.8}
    for number in range(SIDE * SIDE):
        tile = TileFactory(region=scan.region, x=left + number % SIDE, y=top + number // SIDE)
        pair = PairFactory(region=scan.region, tile=tile, imagery=scan.imagery, snapshot=scan.snapshot)
        origin = "none" if number == SIDE * SIDE - 1 else "verified" if number == 0 else "measured"
        TileScore.objects.create(
            scan=scan, pair=pair, shift_east_m=number, shift_north_m=-1.0, shift_origin=origin, **common
        )
    scan.corner = left, top
    return scan


def asked(client, scan, **where):
    left, top = scan.corner
    window = {"left": left, "top": top, "right": left + SIDE - 1, "bottom": top + SIDE - 1, **where}
    return client.get(reverse("api-scan-offsets", args=[scan.pk]), window)


def test_every_tile_of_a_small_part_is_told_with_where_it_is_known_from(scan, client_of):
    told = asked(client_of(UserFactory(role="admin")), scan).json()

    assert (told["zoom"], told["step"], len(told["offsets"])) == (scan.region.zoom, 1, SIDE * SIDE - 1)
    first, left = told["offsets"][0], scan.corner[0]
    assert first == {
        "x": left, "y": scan.corner[1], "east_m": 0.0, "north_m": -1.0, "confidence": 0.8, "shift_origin": "verified",
    }  # fmt: skip


def test_no_more_than_what_was_asked_for_is_told(scan, client_of):
    told = asked(client_of(UserFactory(role="admin")), scan, right=scan.corner[0], bottom=scan.corner[1] + 1).json()

    assert [one["east_m"] for one in told["offsets"]] == [0.0, 4.0]


def test_of_a_large_part_the_same_few_tiles_are_told_wherever_it_begins(
    scan, client_of, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(selectors, "MOST_ARROWS", 4)
    client = client_of(UserFactory(role="admin"))

    with django_assert_max_num_queries(8):
        told = asked(client, scan, left=0, right=2**19 - 1).json()
    near = asked(client, scan).json()
    beside = asked(client, scan, left=scan.corner[0] + 1).json()

    assert len(told["offsets"]) <= 4
    assert near["step"] == 2
    assert [one["east_m"] for one in near["offsets"]] == [0.0, 2.0, 8.0, 10.0]
    assert [one["east_m"] for one in beside["offsets"]] == [2.0, 10.0]


@pytest.mark.parametrize("where", [{"left": -1}, {"right": 3}, {"top": "x"}, {"bottom": 2**40}])
def test_a_part_that_is_none_is_refused(scan, client_of, where):
    assert asked(client_of(UserFactory(role="admin")), scan, **where).status_code == 400
