"""A snapshot's map is read row by row, and a process keeps one of them."""

import gc
import weakref

import pytest
from django.db import connection

from annotation.sources.engine import features_of
from annotation.tiles.engine import map_index
from tests.factories import FootprintFactory, SnapshotFactory, square

pytestmark = pytest.mark.django_db


def snapshot_of(count):
    snapshot = SnapshotFactory()
    for number in range(count):
        FootprintFactory(snapshot=snapshot, geometry=square(0.05 * number, 0.05))
    return snapshot


def test_rows_come_through_a_cursor_of_the_server_and_not_all_at_once():
    rows = features_of(snapshot_of(3))
    next(rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_cursors")
        names = [name for (name,) in cursor.fetchall()]
    assert any(name.startswith("_django_curs") for name in names)
    assert len(list(rows)) == 2


def test_a_process_keeps_one_snapshot():
    first, second = snapshot_of(2), snapshot_of(3)
    index = weakref.ref(map_index(first))
    assert map_index(first) is index()
    assert len(map_index(second)) == 3
    gc.collect()
    assert index() is None
