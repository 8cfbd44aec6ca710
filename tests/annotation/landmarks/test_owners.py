"""Which texts and photos a search of landmarks may compare, without asking the database for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.landmarks import engine, selectors
from annotation.landmarks.engine.stores import IndexFolder
from annotation.landmarks.models import Landmark
from tests.factories import RegionFactory
from tests.factories_landmarks import LandmarkFactory, LandmarkPhotoFactory, within


@pytest.fixture
def index(tmp_path: Path) -> IndexFolder:
    return IndexFolder(tmp_path / "index", "model")


def test_texts_of_some_regions_and_an_area_are_told_by_id_with_their_landmarks(index):
    rows = [(7, 70, 1, 0.5, 0.5), (3, 30, 2, 0.5, 0.5), (5, 50, 1, 5.0, 0.5)]
    engine.write_owners(index, engine.PHOTOS, rows)
    found = engine.owned(index, engine.PHOTOS, [1])
    assert (found.ids.tolist(), found.landmarks.tolist()) == ([5, 7], [50, 70])
    assert [found.landmark_of(number) for number in (5, 6, 7, 8, 3)] == [50, None, 70, None, None]
    assert engine.owned(index, engine.PHOTOS, [2, 1]).ids.tolist() == [3, 5, 7]
    assert engine.owned(index, engine.PHOTOS, [1, 2], (0.0, 0.0, 1.0, 1.0)).ids.tolist() == [3, 7]
    engine.write_owners(index, engine.PHOTOS, rows[:1])
    assert engine.owned(index, engine.PHOTOS, [1]).ids.tolist() == [7]


def test_an_index_without_such_a_file_and_one_without_landmarks_have_none(index):
    assert not len(engine.owned(index, engine.TEXTS, [1]).ids)
    engine.write_owners(index, engine.TEXTS, [])
    assert not len(engine.owned(index, engine.TEXTS, [1]).ids)


@pytest.mark.django_db
def test_the_database_says_whose_they_are_and_where(index):
    temple = LandmarkFactory(point=within(0.25, 0.75))
    photo = LandmarkPhotoFactory(region=temple.region, landmark=temple)
    LandmarkPhotoFactory(region=temple.region)  # of no landmark
    place = (temple.point.x, temple.point.y)
    assert list(selectors.owners_of_texts()) == [(temple.pk, temple.pk, temple.region_id, *place)]
    assert list(selectors.owners_of_photos()) == [(photo.pk, temple.pk, temple.region_id, *place)]


def named(text: str) -> list[str]:
    return [row.name for row in selectors.named_like(Landmark.objects.all(), text)]


@pytest.mark.django_db
def test_the_very_name_comes_first_then_what_holds_it():
    region = RegionFactory()
    for name in ("Old Temple Gate", "temple", "TEMPLE", "The old temple", "Mill", "100% mill", "寺"):
        LandmarkFactory(region=region, name=name)
    assert named("Temple") == ["temple", "TEMPLE", "Old Temple Gate", "The old temple"]
    assert named("mi") == ["Mill"], "too short to be looked for within names"
    assert named("0% m") == ["100% mill"] and named("寺") == ["寺"] and named("%") == []


@pytest.mark.django_db
def test_names_are_looked_up_by_their_indexes():
    with CaptureQueriesContext(connection) as asked, connection.cursor() as cursor:
        named("chandeshwari")
        named("ch")
        cursor.execute("SET enable_seqscan = off; SET enable_indexscan = off")
        statements = [query["sql"] for query in asked.captured_queries[:4]]
        for statement in statements:
            cursor.execute(f"EXPLAIN {statement}")
            plan = str(cursor.fetchall())
            assert ("landmark_name_trigrams" if "%CHAND" in statement.upper() else "landmark_name_begins") in plan
        cursor.execute("SET enable_seqscan = on; SET enable_indexscan = on")
    assert len(statements) == 4
