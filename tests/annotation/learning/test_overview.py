"""What the next matcher would learn from, counted in the database as the library and the data sets have it."""

from __future__ import annotations

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.correspondences.models import Correspondences
from annotation.learning import engine
from annotation.learning.models import MATCHER, DataSet, ModelVersion, TrainingRun
from annotation.learning.overview import matchers_ahead
from annotation.learning.services.verified import freeze_held_out, freeze_learnt
from mlcore.correspondences.verified import block_of
from mlcore.geometry.transform import shift_of
from mlcore.geometry.webmercator import TileAddress
from tests.annotation.learning.matched import COLUMNS, HELD_OUT, ROWS, verified_place
from tests.factories import RegionFactory, TileFactory, UserFactory
from tests.factories_correspondences import CorrespondencesFactory, adjust, answer, make_batch, take

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def in_use(data_set: DataSet) -> ModelVersion:
    """A matcher in use that learnt this data set."""
    run = TrainingRun.objects.create(kind=MATCHER, region=None, data_set=data_set)
    return ModelVersion.objects.create(
        kind=MATCHER, region=None, run=run, state="active", path="m.safetensors", sha256="0" * 64
    )


def test_the_database_finds_blocks_and_what_is_held_out_as_the_library_does():
    rng, region = random.Random(11), RegionFactory()
    places = {(z, rng.randrange(2**z), rng.randrange(2**z)) for z in (15, 17, 18, 19, 21) for _ in range(20)}
    places |= {(18, 2 * x, 2 * y) for z, x, y in places if z == 17} | {(19, x + 1, y) for z, x, y in places if z == 19}
    for z, x, y in places:
        CorrespondencesFactory(pair__tile=TileFactory(region=region, z=z, x=x, y=y))
    rows = Correspondences.objects.annotate(**engine.learnt_and_held_out("pair__tile__"))
    for z, x, y, *said in rows.values_list("pair__tile__z", "pair__tile__x", "pair__tile__y", "learnt", "held_out"):
        tile = TileAddress(z, x, y)
        assert said == [engine.is_learnt(tile), bool(engine.held_out(tile))]
    held = {block for place in places for block in engine.held_out(TileAddress(*place))}
    assert engine.held_blocks_on(rows, "pair__tile__") == len(held) > 20


def test_verified_tiles_of_all_regions_are_counted_once_each_as_they_are_frozen():
    people = [UserFactory(), UserFactory()]
    region = verified_place(people=people, corrected=5)
    verified_place(people=people[:1], columns=3, rows=2, corrected=0)
    again = Correspondences.objects.filter(region=region).order_by("pk")[7]
    CorrespondencesFactory(pair=again.pair, matcher="orb")
    adjust(people[0], take(people[0], make_batch(region)), shift_of(7, 1))
    CorrespondencesFactory(pair__region=region, matcher="orb", passed_gate=True, state="verified")
    learnt, kept = freeze_learnt(), freeze_held_out()
    told = matchers_ahead()
    assert (told.learnt, told.held_out) == (len(learnt.pairs), len(kept.pairs))
    assert told.learnt + told.held_out == COLUMNS * ROWS + 6 and told.held_out >= HELD_OUT
    assert told.blocks == len({block_of(TileAddress(*pair["tile"])) for pair in kept.payload["pairs"]})
    adjusted = (one.decision_counts["correspondences"]["adjusted"] for one in (learnt, kept))
    assert told.corrected == sum(adjusted) == 6
    assert (told.people, told.regions, told.gate_alone) == (2, 2, 1)
    assert (told.model, told.new) == (None, told.learnt)


def test_only_what_the_matcher_in_use_has_not_learnt_is_new():
    region = verified_place(columns=6, rows=3)
    model = in_use(freeze_learnt())
    told = matchers_ahead()
    assert (told.model, told.new, told.in_use) == (model.pk, 0, f"model {model.pk}")
    verified_place(columns=3, rows=2)
    assert matchers_ahead().new == matchers_ahead().learnt - told.learnt > 0
    person = UserFactory()
    again = Correspondences.objects.filter(region=region).order_by("pk")[0]
    CorrespondencesFactory(pair=again.pair, matcher="orb")
    answer(person, take(person, make_batch(region)))
    assert matchers_ahead().new == matchers_ahead().learnt - told.learnt


def test_no_row_of_what_was_verified_is_read_nor_what_the_matcher_in_use_learnt(client_of):
    verified_place()
    in_use(freeze_learnt())
    client = client_of(UserFactory())
    for name in ("api-all-regions-training-data", "api-all-regions-training-runs"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(reverse(name)).status_code == 200
        statements = [one["sql"] for one in asked]
        verified = [sql for sql in statements if '"correspondences_correspondences"' in sql]
        assert all(sql.startswith("SELECT COUNT(") and '"passed_gate"' in sql for sql in verified), verified
        assert not [sql for sql in statements if "tiles_tile" in sql]
        assert not [sql for sql in statements if '"payload"' in sql or '"learning_dataset"."pairs",' in sql]


def test_a_run_says_how_many_tiles_it_learnt(client_of):
    verified_place()
    model = in_use(freeze_learnt())
    client = client_of(UserFactory())
    (listed,) = client.get(reverse("api-all-regions-training-runs")).json()["results"]
    assert listed["data_set"]["pairs"] == COLUMNS * ROWS - HELD_OUT
    assert client.get(reverse("api-training-run", args=[model.run_id])).json()["data_set"] == listed["data_set"]
