"""Which backups stay: the newest, and the last of each week."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from annotation.operation.services import retention
from annotation.operation.services.backup import NAME


def stamp(days: int) -> str:
    return (dt.datetime(2026, 11, 30, 3, tzinfo=dt.UTC) - dt.timedelta(days=days)).strftime(NAME)


def test_the_newest_stay_and_the_last_of_each_week():
    names = [stamp(days) for days in range(40)]
    gone = retention.to_remove(names, newest=3, weeks=3)
    assert sorted(set(names) - set(gone)) == sorted(map(stamp, [0, 1, 2, 8]))


@given(
    days=st.lists(st.integers(0, 400), max_size=30, unique=True), newest=st.integers(-1, 9), weeks=st.integers(-1, 9)
)
def test_retention_never_takes_the_newest_nor_what_it_does_not_know(days, newest, weeks):
    names = [stamp(one) for one in days]
    gone = retention.to_remove([*names, "notes", "2026-13-45T00-00-00Z"], newest, weeks)
    assert set(gone) <= set(names)
    assert not set(sorted(names, reverse=True)[: max(newest, 1)]) & set(gone)
    assert len(names) - len(gone) <= max(newest, 1) + max(weeks, 0)
