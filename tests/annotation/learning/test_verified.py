"""Data sets of matchers: what people verified, in all regions, and what is kept from every matcher."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.correspondences.engine import built_in_file
from annotation.correspondences.errors import NoWeightsError
from annotation.correspondences.models import Correspondences
from annotation.learning import engine
from annotation.learning.engine.matcher_data import thawed
from annotation.learning.errors import DataSetChangedError, NoGroundError, TooFewVerifiedError
from annotation.learning.models import DataSet
from annotation.learning.services.verified import freeze_file, freeze_held_out, freeze_learnt
from annotation.sources.models import MapSnapshot
from annotation.tiles.engine import TileAddress, tile_address
from annotation.tiles.models import TilePair
from mlcore.correspondences.verified import block_of, is_held_out
from mlcore.digests import sha256_of
from mlcore.geometry.transform import shift_of
from tests.annotation.correspondences.place import SHIFT_PX
from tests.annotation.learning.matched import COLUMNS, HELD_OUT, ROWS, verified_place
from tests.factories import UserFactory
from tests.factories_correspondences import CorrespondencesFactory, adjust, answer, make_batch, take

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def test_what_people_verified_is_learnt_or_held_out_by_its_place_alone():
    people = [UserFactory(), UserFactory()]
    verified_place(people=people, corrected=5)
    learnt, kept = freeze_learnt(), freeze_held_out()
    _, tiles = thawed(learnt)
    _, others = thawed(kept)
    assert (len(tiles), len(others)) == (COLUMNS * ROWS - HELD_OUT, HELD_OUT)
    assert not any(is_held_out(block_of(one.tile)) for one in tiles)
    assert all(is_held_out(block_of(one.tile)) for one in others)
    assert {tuple(one.transform.parameters.tolist()) for one in tiles} == {SHIFT_PX} | {
        tuple(one.transform.parameters.tolist()) for one in tiles if not one.proposed_by
    }
    assert sum(not one.proposed_by for one in (*tiles, *others)) == 5
    assert {person for pair in learnt.payload["pairs"] for person in pair["people"]} == {one.pk for one in people}
    counts = [one.decision_counts["correspondences"] for one in (learnt, kept)]
    assert sum(one["adjusted"] for one in counts) == 5 and sum(one["accepted"] for one in counts) == 19
    assert (learnt.kind, learnt.region, kept.region) == ("matcher", None, None)


def test_a_tile_larger_than_a_block_is_learnt_and_compared_on_each_on_ground_of_its_own():
    fine = TileAddress(19, 386690, 220241)
    tiles = {zoom: fine.parent(19 - zoom) for zoom in (17, 18, 19)}
    (kept,) = engine.held_out(tiles[17])
    assert engine.is_learnt(tiles[17]) and is_held_out(kept) and kept.parent(1) == tiles[17]
    assert all(engine.is_learnt(tiles[zoom]) != bool(engine.held_out(tiles[zoom])) for zoom in (18, 19))


def test_what_nobody_stands_by_teaches_nothing(settings):
    settings.MATCHER_GATE_LOG10_NFA = -3.0
    region = verified_place(columns=6, rows=3)
    before = freeze_learnt()
    pairs = list(TilePair.objects.filter(tile__region=region).order_by("-pk")[:4])
    CorrespondencesFactory(pair=pairs[0], matcher="orb", passed_gate=True, state="verified")
    CorrespondencesFactory(pair=pairs[1], matcher="orb")
    assert freeze_learnt() == before
    person, batch = UserFactory(), make_batch(region)
    answer(person, take(person, batch), "reject", reason="wrong_transform")
    assert freeze_learnt() == before


def test_the_newest_answer_on_a_pair_counts_and_other_content_is_another_data_set():
    region = verified_place()
    before = freeze_learnt()
    row = next(
        row for row in Correspondences.objects.order_by("pk") if not engine.held_out(tile_address(row.pair.tile))
    )
    CorrespondencesFactory(pair=row.pair, matcher="orb")
    person, batch = UserFactory(), make_batch(region)
    adjust(person, take(person, batch), shift_of(7, 1))
    after = freeze_learnt()
    assert after.digest != before.digest and DataSet.objects.count() == 2
    said = [pair for pair in after.payload["pairs"] if pair not in before.payload["pairs"]]
    assert len(said) == 1 and said[0]["parameters"] == pytest.approx([7, 1]) and said[0]["people"] == [person.pk]
    assert freeze_learnt() == after


def test_a_training_starts_from_what_is_in_use(settings):
    verified_place()
    assert freeze_learnt().payload["start"] == {"model": None, "sha256": sha256_of(built_in_file())}
    settings.MATCHER_WEIGHTS = "gone.safetensors"
    with pytest.raises(NoWeightsError, match="MAPWRIGHT_MATCHER_WEIGHTS"):
        freeze_learnt()


def test_too_little_says_how_much_is_missing():
    with pytest.raises(TooFewVerifiedError, match="verify more proposals first") as caught:
        freeze_learnt()
    assert caught.value.data == {"needed": 8, "found": 0}
    with pytest.raises(NoGroundError, match="one in four"):
        freeze_held_out()


@pytest.mark.parametrize("what", ["map altered", "map gone", "data set altered"])
def test_a_data_set_whose_content_changed_is_refused(what):
    region = verified_place()
    frozen = freeze_learnt()
    if what == "map altered":
        MapSnapshot.objects.update(sha256="f" * 64)
    elif what == "map gone":
        region.delete()
    else:
        frozen.payload["pairs"][0]["parameters"] = [0.0, 0.0]
    with pytest.raises(DataSetChangedError, match="start anew"):
        thawed(frozen)


def test_places_of_all_regions_are_learnt_together():
    regions = [verified_place(), verified_place(columns=3, rows=2)]
    payload = freeze_learnt().payload
    assert [source["region"] for source in payload["sources"]] == [region.pk for region in regions]
    assert {pair["source"] for pair in payload["pairs"]} == {0, 1}
    assert payload["sources"][0]["imagery"]["licence"] == "CC-BY-4.0"


def test_freezing_asks_no_question_per_tile():
    verified_place(columns=6, rows=2)
    with CaptureQueriesContext(connection) as few:
        freeze_learnt()
    verified_place(columns=6, rows=4)
    with CaptureQueriesContext(connection) as more:
        freeze_learnt()
    assert len(more) == len(few)


def test_a_file_from_elsewhere_has_a_data_set_that_learnt_nothing():
    one = freeze_file("ab" * 32, "m.safetensors")
    assert (one.pairs, one.decision_counts) == ([], {}) and freeze_file("ab" * 32, "m.safetensors") == one
