"""Which candidates of a scan reach the queue, and which people have answered already."""

from dataclasses import replace

import pytest
import shapely.affinity

from annotation.changes import engine, objects
from annotation.changes.models import Change
from annotation.changes.services.review_stage import STAGE
from annotation.edits.services import changesets
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.claim import claim
from annotation.sources.engine import to_shapely
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature
from tests.annotation.changes.suggestions import again, candidate, decide, keep
from tests.factories import (
    FootprintFactory,
    ImageryFactory,
    PairFactory,
    RegionFactory,
    UserFactory,
    square,
)
from tests.factories_changes import ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def test_candidates_enter_the_queue_by_confidence_and_a_second_run_adds_nothing(scan):
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.2, 0.2))
    found = [candidate(scan, confidence=0.4), candidate(scan, "remove", footprint=house, confidence=0.9)]
    assert keep(scan, *found).made == 2
    second = keep(scan, *found)
    assert (second.made, second.kept) == (0, 2)
    assert QueueItem.objects.count() == Change.objects.count() == 2
    first = claim(user=UserFactory(), stage="changes", scope_id=scan.region_id).item
    assert (first.change.kind, first.change.footprint) == ("remove", house)
    assert set(QueueItem.objects.values_list("origin_id", flat=True)) == {scan.pk}, "lists ask items for their scan"


def test_evidence_keeps_what_json_can_say(scan):
    keep(scan, candidate(scan, area_m2=120.5, shift_m=float("nan"), source="unet"))
    assert Change.objects.get().evidence == {"area_m2": 120.5, "source": "unet"}


def test_a_candidate_off_the_grid_or_about_an_unknown_building_is_counted_and_left_out(scan):
    stranger = FootprintFactory()
    counts = keep(scan, candidate(scan, tile=TileAddress(19, 5, 5)), candidate(scan, "remove", footprint=stranger))
    assert (counts.made, counts.lost) == (0, 2)


@pytest.mark.parametrize("decision", ["reject", "cant_tell", "bad_imagery"])
def test_an_answered_building_does_not_come_back_on_the_same_image(scan, decision):
    house = FootprintFactory(snapshot=scan.snapshot)
    keep(scan, candidate(scan, "modify", footprint=house))
    decide(UserFactory(), decision)
    later = again(scan)
    assert keep(later, candidate(later, "shifted", footprint=house)).answered == 1
    assert keep(later, candidate(later, "remove", footprint=house)).made == 1


def test_a_rejected_new_building_does_not_come_back_drawn_a_little_differently(scan):
    keep(scan, candidate(scan))
    decide(UserFactory(), "reject")
    later = again(scan)
    nearly = shapely.affinity.translate(to_shapely(square()), 1e-5, 0)
    elsewhere = to_shapely(square(0.1, 0.1))
    counts = keep(later, candidate(later, shape=nearly), candidate(later, shape=elsewhere))
    assert (counts.made, counts.answered) == (1, 1)


def extension(scan, house, wing):
    """The house with a wing, as a candidate."""
    shape = to_shapely(house.geometry)
    return replace(
        candidate(scan, "modify", shape=shape.union(wing), footprint=house, more_m2=60.0), part=wing.difference(shape)
    )


@pytest.mark.parametrize("first", ["add", "modify"])
def test_a_rejected_part_of_a_building_does_not_come_back_as_a_building_nor_the_other_way_round(scan, first):
    house = FootprintFactory(snapshot=scan.snapshot)
    east, west = (to_shapely(square(column, 0.5, 0.1)) for column in (0.65, 0.35))

    def both(scan, wing):
        return {"add": candidate(scan, shape=wing), "modify": extension(scan, house, wing)}

    keep(scan, both(scan, east)[first])
    decide(UserFactory(), "reject")
    later = again(scan)
    counts = keep(later, *both(later, east).values())
    assert (counts.made, counts.answered) == (0, 1)  # one mark for the two
    counts = keep(later, extension(later, house, west), candidate(later, "remove", footprint=house))
    assert (counts.made, counts.answered) == (2, 0)  # another wing, and another question about the house


def test_a_part_that_is_a_building_of_its_own_is_suggested_as_one(scan):
    house, wing = FootprintFactory(snapshot=scan.snapshot), to_shapely(square(0.65, 0.5, 0.1))
    keep(scan, extension(scan, house, wing))
    save_decision(UserFactory(), Change.objects.get(), "reject", reason="separate_building")
    later = again(scan)
    assert keep(later, extension(later, house, wing)).made == 1
    made = Change.objects.get(scan=later)
    assert (made.kind, made.footprint, made.evidence["area_m2"]) == ("add", None, 60.0)
    assert to_shapely(made.geometry).equals_exact(wing.difference(to_shapely(house.geometry)), 1e-9)
    save_decision(UserFactory(), made, "reject")
    latest = again(scan)
    assert keep(latest, extension(latest, house, wing)).answered == 1


@pytest.mark.parametrize("kind", ["add", "remove", "modify"])
def test_the_reason_of_parts_brings_nothing_else_back(scan, kind):
    house = None if kind == "add" else FootprintFactory(snapshot=scan.snapshot)
    keep(scan, candidate(scan, kind, footprint=house))
    save_decision(UserFactory(), Change.objects.get(), "reject", reason="separate_building")
    later = again(scan)
    assert keep(later, candidate(later, kind, footprint=house)).answered == 1


def test_a_building_without_osm_id_in_a_changeset_does_not_hide_new_ones(scan):
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.2, 0.2), osm_type="", osm_id=None)
    feature = MapFeature("building", to_shapely(house.geometry))
    gone = replace(candidate(scan, "remove", shape=feature.geometry), key=feature.key)
    editor = UserFactory(role="editor")
    keep(scan, gone)
    decide(editor, "accept")
    changesets.create(user=editor, region=scan.region, comment="done")
    later = again(scan)
    counts = keep(later, gone, candidate(later))
    assert (counts.made, counts.answered) == (1, 1)


def test_what_was_built_on_in_a_changeset_is_not_suggested_as_a_new_building(scan):
    house, wing = FootprintFactory(snapshot=scan.snapshot), to_shapely(square(0.65, 0.5, 0.1))
    editor = UserFactory(role="editor")
    keep(scan, extension(scan, house, wing))
    decide(editor, "accept")
    changesets.create(user=editor, region=scan.region, comment="done")
    later = again(scan)
    assert keep(later, candidate(later, shape=wing)).answered == 1


def test_buildings_of_a_map_without_osm_ids_are_told_apart_by_their_shapes(scan):
    houses = [
        FootprintFactory(snapshot=scan.snapshot, geometry=square(column), osm_type="", osm_id=None)
        for column in (0.2, 0.5, 0.8)
    ]
    features = [MapFeature("building", to_shapely(house.geometry)) for house in houses]
    found = [replace(candidate(scan, "remove", shape=one.geometry), key=one.key) for one in features[:2]]
    assert keep(scan, *found).made == 2
    assert set(Change.objects.values_list("footprint_id", flat=True)) == {house.pk for house in houses[:2]}
    stranger = MapFeature("building", to_shapely(square(0.5, 0.1)))
    assert keep(scan, replace(candidate(scan, "remove", shape=stranger.geometry), key=stranger.key)).lost == 1


def test_another_image_may_suggest_it_again(scan):
    house = FootprintFactory(snapshot=scan.snapshot)
    keep(scan, candidate(scan, "remove", footprint=house))
    decide(UserFactory(), "reject")
    newer = ImageryFactory(region=scan.region)
    tile = scan.imagery.pairs.get().tile
    PairFactory(tile=tile, imagery=newer, snapshot=scan.snapshot)
    later = again(scan, imagery=newer)
    assert keep(later, candidate(later, "remove", footprint=house)).made == 1


def test_what_is_in_a_changeset_is_not_suggested_again_even_on_another_image(scan):
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.2, 0.2))
    editor = UserFactory(role="editor")
    for one in (candidate(scan), candidate(scan, "remove", footprint=house)):
        keep(scan, one)
        decide(editor, "accept")
    changesets.create(user=editor, region=scan.region, comment="done")
    newer = ImageryFactory(region=scan.region)
    PairFactory(tile=scan.imagery.pairs.get().tile, imagery=newer, snapshot=scan.snapshot)
    later = again(scan, imagery=newer)
    counts = keep(later, candidate(later), candidate(later, "remove", footprint=house))
    assert (counts.made, counts.answered) == (0, 2)


def test_a_newer_scan_withdraws_open_suggestions_but_not_the_one_somebody_holds(scan):
    held = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.2, 0.2))
    keep(scan, candidate(scan, confidence=0.3), candidate(scan, "remove", footprint=held, confidence=0.9))
    claimed = claim(user=UserFactory(), stage="changes", scope_id=scan.region_id).item
    later = again(scan)
    counts = keep(later, candidate(later), candidate(later, "remove", footprint=held))
    assert (counts.made, counts.answered) == (1, 1)
    states = dict(QueueItem.objects.values_list("change__scan", "state").exclude(pk=claimed.pk))
    assert states == {scan.pk: ItemState.WITHDRAWN, later.pk: ItemState.OPEN}
    claimed.refresh_from_db()
    assert claimed.state == ItemState.OPEN


def test_a_deleted_region_leaves_no_queue_items(scan):
    keep(scan, candidate(scan))
    decide(UserFactory(), "accept")
    scan.region.delete()
    assert not QueueItem.objects.exists()


def test_changes_of_a_building_without_an_id_name_its_object(scan):
    house = FootprintFactory(snapshot=scan.snapshot, osm_type="", osm_id=None, version=None)
    unnamed = replace(candidate(scan, "remove", footprint=house), osm_type=None, osm_id=None, key=house.key)
    assert keep(scan, unnamed).made == 1
    change = Change.objects.get()
    assert (change.object, change.footprint) == (house.object, house)


def test_what_a_stopped_run_stored_is_not_stored_again(scan, monkeypatch):
    monkeypatch.setattr("annotation.changes.services.find.BATCH", 2)
    shapes = [to_shapely(square(0.05 * column, 0, 0.02)) for column in range(5)]
    found = [candidate(scan, shape=shape) for shape in shapes]
    assert keep(scan, *found[:2]).made == 2
    counts = keep(scan, *found)
    assert (counts.made, counts.kept) == (3, 2)
    assert set(QueueItem.objects.values_list("kind", "state")) == {("add", "open")}


def test_the_reason_that_tells_a_building_apart_is_one_word_everywhere():
    assert objects.SEPARATE == engine.SEPARATE
    assert objects.SEPARATE in STAGE.decisions["reject"]
