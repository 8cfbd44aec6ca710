"""A claim that names items: they go before the queue's own order, and before nothing else."""

from __future__ import annotations

import pytest

from annotation.review.models import QueueItem
from tests.annotation.review.claims import claim
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


def test_wanted_items_come_first_in_their_order_and_taken_ones_are_passed_over(region, scan, ana, client_of):
    changes = [ChangeFactory(scan=scan, item__priority=priority) for priority in (0.9, 0.5, 0.4, 0.3)]
    sure, second, third, last = [change.item_id for change in changes]
    ben = client_of(UserFactory())
    assert claim(ben, region, first=[third])["item"]["id"] == third
    elsewhere = ChangeFactory(scan=ScanFactory(model=ModelVersionFactory(region=RegionFactory()))).item_id
    wanted = [elsewhere, third, last, second]
    assert claim(ana, region, first=wanted)["item"]["id"] == last
    assert claim(ana, region, first=wanted)["item"]["id"] == last  # what one holds goes before all
    assert claim(ana, region, first=wanted, skip=[last])["item"]["id"] == second
    assert claim(ana, region, first=wanted, skip=[last, second])["item"]["id"] == sure  # the queue's own order
    body = {"region": region.pk, "first": list(range(1, 102))}
    assert ana.post("/api/review/changes/claim/", body, format="json").status_code == 400


def test_a_flagged_or_outdated_item_is_not_had_by_wanting_it(region, scan, ana):
    plain, flagged, outdated = [ChangeFactory(scan=scan).item_id for _ in range(3)]
    QueueItem.objects.filter(pk=flagged).update(assigned_to=UserFactory())
    QueueItem.objects.filter(pk=outdated).update(outdated=True)
    assert claim(ana, region, first=[flagged, outdated])["item"]["id"] == plain
