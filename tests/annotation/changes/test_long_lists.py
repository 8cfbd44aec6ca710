"""Lists of a filter that only changes themselves can answer: alike however far along the order what fits lies."""

from __future__ import annotations

import pytest

from annotation.changes.facets import Wanted
from annotation.changes.selectors import page_of_changes
from annotation.common.keyset import Cursor
from annotation.review.lists import ORDERS
from tests.factories import UserFactory, square
from tests.factories_changes import ChangeFactory, ScanFactory, save_decision

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
