"""A first answer of two outlives new scans, being handed on, and the rule; who listens hears of what counts."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon
from django.db import connection, transaction

from annotation.accounts.models import User
from annotation.changes.facets import Lot, Wanted
from annotation.changes.lots import COUNTED, left
from annotation.changes.models import Change
from annotation.changes.services import rescore
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.changes.services.renew import renew
from annotation.changes.services.second_person import require_second_person, waiting
from annotation.changes.services.store import Rows
from annotation.common.models import Job
from annotation.common.services.jobs import run_now
from annotation.edits.models import Delivery
from annotation.edits.services import changesets
from annotation.edits.services.webhooks.register import register
from annotation.review.errors import NotDecidedError
from annotation.review.models import QueueItem
from annotation.review.services.assign import assign
from annotation.review.services.claim import claim
from annotation.review.services.undo import undo
from annotation.sources.models import Region
from tests.annotation.changes.suggestions import again, candidate, keep
from tests.factories import FootprintFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ScanFactory, save_decision
from tests.waiting import until_somebody_waits

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> list[User]:
    return [UserFactory(role="admin") for _ in range(3)]


def switched(person: User, region: Region, on: bool = True) -> Region:
    return require_second_person(user=person, region=region, on=on)


def now(change: Change) -> QueueItem:
    return QueueItem.objects.get(pk=change.item_id)


def take_back(person: User, change: Change) -> None:
    undo(user=person, item_id=change.item_id, version=now(change).version, idempotency_key=uuid.uuid4())
    QueueItem.objects.update(lease_expires_at=None, lease_holder=None)


def suggested(person: User) -> tuple[Change, Any]:
    """A removal that a scan suggested and this person accepted first, and what the scan said."""
    scan = ScanFactory()
    found = candidate(scan, kind="remove", footprint=FootprintFactory(snapshot=scan.snapshot))
    switched(person, scan.region)
    keep(scan, found)
    change = Change.objects.get()
    save_decision(person, change)
    return change, found


def test_a_newer_scan_neither_withdraws_nor_repeats_a_first_answer(people):
    ada, bob, _ = people
    change, found = suggested(ada)
    counts = keep(again(change.scan), found)
    assert (counts.made, counts.answered) == (0, 1)
    assert (now(change).state, now(change).not_for, now(change).outdated) == ("open", ada, False)
    save_decision(bob, change)
    assert now(change).state == "decided"


@pytest.mark.parametrize("outdated", [False, True])
def test_scoring_its_tile_anew_leaves_a_first_answer_as_it_is(people, outdated):
    ada = people[0]
    change, found = suggested(ada)
    before = now(change).version
    QueueItem.objects.update(outdated=outdated)
    rows = Rows(change.scan).of([found])
    for prepared in (rows, []):
        with transaction.atomic():
            renew(change.scan, [change.pair_id], prepared)
    assert (now(change).state, now(change).not_for, now(change).version) == ("open", ada, before)
    assert not now(change).outdated and Change.objects.count() == 1


def test_a_first_answer_that_is_to_be_looked_at_again_goes_on_to_others_where_a_newer_scan_is_finished(people):
    ada = people[0]
    change, _ = suggested(ada)
    again(change.scan)
    QueueItem.objects.update(outdated=True)
    assert rescore.start_where_let_go() == 1
    run_now(Job.objects.get(kind=rescore.KIND))
    assert (now(change).state, now(change).not_for, now(change).outdated) == ("open", ada, False)


def test_whoever_held_it_while_it_was_scored_anew_has_it_asked_of_others_at_once(people):
    ada, bob, _ = people
    change = ChangeFactory(kind="remove")
    switched(ada, change.scan.region)
    claim(user=ada, stage="changes", scope_id=change.scan.region_id)
    QueueItem.objects.update(outdated=True)
    save_decision(ada, change)
    assert claim(user=bob, stage="changes", scope_id=change.scan.region_id).item == change.item


def test_what_the_map_says_by_now_is_asked_of_nobody_and_forgets_who_came_first(people):
    change, _ = suggested(people[0])
    region = change.scan.region
    SnapshotFactory(region=region, coverage=MultiPolygon(square(0.5, 0.5, 2), srid=4326))
    with transaction.atomic():
        withdraw_mapped(Change.objects.all(), region.pk)
    assert (now(change).state, now(change).not_for) == ("withdrawn", None)


def handed_on(by: User, change: Change, to: User) -> None:
    assert assign(user=by, stage="changes", scope_id=change.scan.region_id, items=[change.item_id], to=to.pk, days=1,
                  comment="", idempotency_key=uuid.uuid4()) == 1  # fmt: skip


def test_the_first_person_takes_back_what_was_handed_on_since(people):
    ada, bob, eve = people
    change, _ = suggested(ada)
    handed_on(bob, change, eve)
    take_back(ada, change)
    assert (now(change).not_for, now(change).assigned_to) == (None, None)
    with pytest.raises(NotDecidedError):
        take_back(ada, change)


def test_a_second_answer_that_is_taken_back_leaves_no_first_one_to_count(people):
    ada, bob, eve = people
    change, _ = suggested(ada)
    save_decision(bob, change)
    take_back(bob, change)
    switched(eve, change.scan.region, on=False)
    assert (now(change).state, now(change).not_for) == ("open", None)


def test_once_the_rule_ended_a_second_answer_that_is_taken_back_is_asked_of_everybody(people):
    ada, bob, eve = people
    change, _ = suggested(ada)
    save_decision(bob, change)
    switched(eve, change.scan.region, on=False)
    take_back(bob, change)
    assert now(change).not_for is None
    assert claim(user=ada, stage="changes", scope_id=change.scan.region_id).item == change.item


def told() -> list[tuple[str, bool, str]]:
    """What webhooks were told since, the first first."""
    bodies = [json.loads(one.body)["data"] for one in Delivery.objects.order_by("pk")]
    Delivery.objects.all().delete()
    return [(body["decision"], body["undone"], body["by"]) for body in bodies]


def test_who_listens_hears_of_answers_that_count_and_of_those_that_do_no_more(people):
    ada, bob, eve = people
    register(user=eve, region=None, url="https://example.org/", secret="s" * 32, events=["decided"])
    change, _ = suggested(ada)
    take_back(ada, change)
    assert told() == [], "a first answer does not count, nor that it is taken back"
    save_decision(ada, change)
    region = switched(eve, change.scan.region, on=False)
    assert told() == [("accept", False, ada.username)]
    region = switched(eve, region)
    assert told() == [("accept", True, eve.username)]
    save_decision(bob, change)
    take_back(bob, change)
    assert told() == [("accept", False, bob.username), ("accept", True, bob.username)]


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(min_square_m=1.0)])
def test_what_is_left_to_somebody_is_without_what_they_answered_first(people, monkeypatch, wanted):
    ada, bob, _ = people
    change, _ = suggested(ada)
    ChangeFactory(scan=change.scan, geometry=square(1.5, 0.5), confidence=change.confidence)
    region = change.scan.region_id

    def total(person: User) -> int:
        return sum(one.open for one in left(person, region, wanted).values())

    assert (total(ada), total(bob)) == (1, 2)
    monkeypatch.setattr("annotation.changes.lots.COUNTED", 1)
    assert COUNTED > 1
    assert [left(person, region, wanted)[Lot.JUDGEMENT].more for person in (ada, bob)] == [False, True]


def test_of_more_than_is_counted_the_surest_are_taken_off_what_is_left(people, monkeypatch):
    ada, bob, _ = people
    change, _ = suggested(bob)
    scan = change.scan
    for number, confidence in enumerate((0.5, 0.95), 2):
        other = ChangeFactory(scan=scan, geometry=square(number + 0.5, 0.5), confidence=confidence)
        QueueItem.objects.filter(pk=other.item_id).update(not_for=ada)
    monkeypatch.setattr("annotation.changes.lots.COUNTED", 1)
    found = left(ada, scan.region_id, Wanted())
    assert found[Lot.NEAR_CERTAIN].open == 0
    assert found[Lot.JUDGEMENT].more, "one of the two is counted too many, as the docs say"


def in_a_thread(act: Callable[[], Any], ended: list[str]) -> threading.Thread:
    def run() -> None:
        try:
            act()
            ended.append("done")
        except Exception as error:
            ended.append(repr(error))
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_the_switch_waits_for_an_acceptance_that_is_being_saved_and_asks_about_it(people):
    ada, _, eve = people
    change, ended = ChangeFactory(kind="remove"), []
    with transaction.atomic():
        save_decision(ada, change)
        thread = in_a_thread(lambda: switched(eve, change.scan.region), ended)
        until_somebody_waits()
        assert ended == []
    thread.join(60)
    assert ended == ["done"]
    assert (now(change).state, now(change).not_for) == ("open", ada)


@pytest.mark.django_db(transaction=True)
def test_an_acceptance_waits_for_the_switch_that_is_being_stored_and_knows_of_it(people):
    ada, _, _ = people
    change, ended = ChangeFactory(kind="remove"), []
    with transaction.atomic():
        Region.objects.select_for_update().get(pk=change.scan.region_id)
        Region.objects.filter(pk=change.scan.region_id).update(second_person=True)
        thread = in_a_thread(lambda: save_decision(ada, change), ended)
        until_somebody_waits()
        assert ended == []
    thread.join(60)
    assert ended == ["done"]
    assert (now(change).state, now(change).not_for) == ("open", ada)


@pytest.mark.django_db(transaction=True)
def test_an_edit_dropped_while_the_rule_is_switched_on_is_asked_about(people):
    ada, _, eve = people
    scan = ScanFactory()
    changes, ended = [ChangeFactory(scan=scan, kind="remove", geometry=square(n, 0.5)) for n in (0.2, 1.5)], []
    for change in changes:
        save_decision(ada, change)
    made = changesets.create(user=ada, region=scan.region, comment="gone").changeset
    with transaction.atomic():
        changesets.drop(user=ada, changeset=made, change_id=changes[0].pk)
        thread = in_a_thread(lambda: switched(eve, scan.region), ended)
        until_somebody_waits()
        assert ended == []
    thread.join(60)
    assert ended == ["done"] and [now(one).not_for for one in changes] == [ada, None]
    assert waiting(scan.region) == 1


@pytest.mark.django_db(transaction=True)
def test_whoever_makes_a_changeset_keeps_no_acceptance_waiting(people):
    """A changeset locks its region before the items, an answer its item before the region."""
    ada, _, _ = people
    change, ended = ChangeFactory(kind="remove"), []
    switched(ada, change.scan.region)
    with transaction.atomic():
        Region.objects.select_for_update(no_key=True).get(pk=change.scan.region_id)
        thread = in_a_thread(lambda: save_decision(ada, change), ended)
        thread.join(60)
        assert ended == ["done"]
