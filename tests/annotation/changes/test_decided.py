"""What training learns of people's decisions: those in force, on this image, about a map that is still the same."""

import uuid
from typing import Any

import pytest
from shapely import from_wkb

from annotation.changes.decided import decisions_of
from annotation.changes.models import Change
from annotation.consistency.models import Scan
from annotation.learning.decisions import Answers, count_by_kind, people_said
from annotation.review.models import QueueItem
from annotation.review.services.undo import undo
from annotation.sources.engine import to_shapely
from tests.factories import FootprintFactory, ImageryFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan() -> Scan:
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def reviewer():
    return UserFactory()


def suggest(scan: Scan, kind: str = "add", at: float = 0.5, **more: Any) -> Change:
    return ChangeFactory(scan=scan, kind=kind, geometry=square(at, at), **more)


def said(scan: Scan) -> Answers:
    return decisions_of(scan.imagery, scan.snapshot)


def drawn(side: float) -> dict[str, Any]:
    """What the page sends of a drawn square."""
    ring = [list(corner) for corner in square(0.5, 0.5, side).coords[0]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_accepted_adjusted_and_rejected_suggestions_are_kept_with_the_shape_that_stands(scan, reviewer):
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.2, 0.2))
    removed = suggest(scan, "remove", at=0.2, footprint=house)
    wider, wrong = suggest(scan), suggest(scan, at=0.8)
    save_decision(reviewer, removed)
    save_decision(reviewer, wider, geometry=drawn(0.3))
    save_decision(reviewer, wrong, "reject")
    one, other, third = said(scan).decisions

    assert [(d.kind, d.decision) for d in (one, other, third)] == [
        ("remove", "accepted"), ("add", "adjusted"), ("add", "rejected")
    ]  # fmt: skip
    assert (one.osm_type, one.osm_id, one.final) == ("way", house.osm_id, None)
    assert from_wkb(one.footprint).equals(to_shapely(house.geometry))
    assert from_wkb(other.proposed).equals(to_shapely(wider.geometry))
    assert from_wkb(other.final).area == pytest.approx(to_shapely(square(0.5, 0.5, 0.3)).area, rel=1e-3)
    assert third.final is None and third.footprint is None
    tile = removed.pair.tile
    assert one.tile == (tile.z, tile.x, tile.y)
    assert one.verdict < other.verdict < third.verdict


def test_an_undone_decision_does_not_count_and_a_second_one_does(scan, reviewer):
    change = suggest(scan)
    save_decision(reviewer, change)
    item = QueueItem.objects.get(pk=change.item_id)
    undo(user=reviewer, item_id=item.pk, version=item.version, idempotency_key=uuid.uuid4())
    assert said(scan) == Answers()
    verdict = save_decision(reviewer, change, "reject")
    (kept,) = said(scan).decisions
    assert (kept.verdict, kept.decision) == (verdict.pk, "rejected")


def test_answers_that_say_nothing_of_the_building_are_counted_and_left_out(scan, reviewer):
    for decision in ("cant_tell", "image_offset", "bad_imagery", "too_old"):
        save_decision(reviewer, suggest(scan), decision)
    assert said(scan) == Answers(left_out={"no_answer": 4})


def test_what_somebody_edited_in_the_map_since_is_left_out(scan, reviewer):
    kept, edited, gone = (FootprintFactory(snapshot=scan.snapshot, geometry=square(at, at)) for at in (0.2, 0.5, 0.8))
    for house, at in ((kept, 0.2), (edited, 0.5), (gone, 0.8)):
        save_decision(reviewer, suggest(scan, "remove", at=at, footprint=house), "reject")
    save_decision(reviewer, suggest(scan))
    newer = SnapshotFactory(region=scan.region)
    FootprintFactory(snapshot=newer, osm_id=kept.osm_id, geometry=kept.geometry, version=9)
    FootprintFactory(snapshot=newer, osm_id=edited.osm_id, geometry=square(0.5, 0.5, 0.4))
    answers = decisions_of(scan.imagery, newer)
    assert [one.osm_id for one in answers.decisions] == [kept.osm_id, None]
    assert answers.left_out == {"map_changed": 2}


def test_decisions_on_another_image_or_in_another_region_teach_nothing_here(scan, reviewer):
    save_decision(reviewer, suggest(scan))
    other = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    save_decision(reviewer, suggest(other), "reject")
    assert [one.decision for one in said(scan).decisions] == ["accepted"]
    assert decisions_of(ImageryFactory(region=scan.region), scan.snapshot) == Answers()


def test_training_reaches_them_through_the_settings_alone(scan, reviewer, settings):
    save_decision(reviewer, suggest(scan))
    answers = people_said(scan.imagery, scan.snapshot)
    assert answers == said(scan)
    assert count_by_kind(one.to_dict() for one in answers.decisions) == {
        "add": {"accepted": 1, "adjusted": 0, "rejected": 0}
    }
    settings.LEARNING_DECISIONS = {}
    assert people_said(scan.imagery, scan.snapshot) == Answers()


def test_a_thousand_decisions_take_as_many_queries_as_one(scan, reviewer, django_assert_max_num_queries):
    for at in (0.3, 0.4, 0.5, 0.6, 0.7):
        house = FootprintFactory(snapshot=scan.snapshot, geometry=square(at, at))
        save_decision(reviewer, suggest(scan, "remove", at=at, footprint=house), "reject")
    with django_assert_max_num_queries(3):
        assert len(said(scan).decisions) == 5
