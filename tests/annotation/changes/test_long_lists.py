"""Lists of a filter that only changes themselves can answer: alike however far along the order what fits lies."""

from __future__ import annotations

import pytest

from annotation.changes.facets import Lot, Wanted
from annotation.changes.lots import left
from annotation.changes.selectors import page_of_changes
from annotation.common.keyset import Cursor
from annotation.review.lists import ORDERS
from tests.factories import UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory()


@pytest.mark.parametrize("known", [0, 2000])
@pytest.mark.parametrize("name", sorted(ORDERS))
def test_pages_of_what_lies_beyond_the_windows_hold_all_that_fits_in_order(monkeypatch, scan, name, known):
    monkeypatch.setattr("annotation.review.lists.WINDOWS", (1, 2))
    monkeypatch.setattr("annotation.changes.facets.FEW", known)
    made = [ChangeFactory(scan=scan, geometry=square(n / 10, 0.5, 0.02), confidence=n / 10) for n in range(9)]
    admin = UserFactory(role="admin")
    for change in made[4:7]:
        save_decision(admin, change)
    wanted = Wanted(ordering=name, area=square(0.45, 0.5, 0.6))

    def pages(cursor: Cursor | None, there: str) -> list[int]:
        page = page_of_changes(scan.region, wanted, cursor, 2)
        rows, beside = [row["id"] for row in page.rows], getattr(page, there)
        more = pages(beside, there) if beside else []
        return rows + more if there == "next" else more + rows

    rising = [made[n].pk for n in range(2, 8)]
    expected = {
        "newest": rising[::-1], "oldest": rising, "confidence": rising[::-1], "unsure": rising,
        "decided": rising[2:5][::-1],
    }[name]  # fmt: skip
    assert pages(None, "next") == expected
    last = page_of_changes(scan.region, wanted, None, len(expected) - 1).next
    assert last is not None and pages(last, "previous") == expected


def test_what_is_common_is_listed_without_looking_for_all_that_fits(monkeypatch, scan):
    monkeypatch.setattr("annotation.changes.facets.few", lambda *asked: pytest.fail("looked for all"))
    ChangeFactory.create_batch(5, scan=scan)
    wanted = Wanted(area=square(0.0, 0.0, 3.0), scan=scan.pk)
    assert len(page_of_changes(scan.region, wanted, None, 3).rows) == 3


@pytest.mark.parametrize("known", [0, 2000])
@pytest.mark.parametrize("name", sorted(ORDERS))
def test_what_one_model_found_is_listed_and_counted_alike_however_much_the_others_did(monkeypatch, scan, name, known):
    monkeypatch.setattr("annotation.changes.facets.FEW", known)
    monkeypatch.setattr("annotation.changes.lots.COUNTED", 2)
    others = ScanFactory(model=ModelVersionFactory(region=scan.region, state="retired"))
    admin, made = UserFactory(role="admin"), []
    for number in range(5):
        made.append(ChangeFactory(scan=scan, confidence=0.5 + number / 10))
        save_decision(admin, ChangeFactory(scan=others, confidence=0.99))
    for change in made[:2]:
        save_decision(admin, change)
    wanted, rising = Wanted(ordering=name, model=scan.model_id), [one.pk for one in made]
    expected = {
        "newest": rising[::-1], "oldest": rising, "confidence": rising[::-1], "unsure": rising,
        "decided": rising[1::-1],
    }[name]  # fmt: skip
    assert [row["id"] for row in page_of_changes(scan.region, wanted, None, 10).rows] == expected
    lots = left(admin, scan.region_id, Wanted(model=scan.model_id))
    assert (lots[Lot.NEAR_CERTAIN].open, lots[Lot.NEAR_CERTAIN].more) == (1, False)
    assert (lots[Lot.JUDGEMENT].open, lots[Lot.JUDGEMENT].more) == (2, False)


def test_what_little_a_scan_brought_is_not_looked_for_among_all_others(monkeypatch, scan):
    monkeypatch.setattr("annotation.review.lists._merged", lambda *asked: pytest.fail("walked through the queue"))
    change = ChangeFactory(scan=scan)
    assert [row["id"] for row in page_of_changes(scan.region, Wanted(scan=scan.pk), None, 3).rows] == [change.pk]
