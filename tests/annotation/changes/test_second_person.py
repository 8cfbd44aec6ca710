"""A removal leaves only once a second person accepted it too, where a region asks for that."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from annotation.accounts.models import User
from annotation.changes.models import Change
from annotation.changes.services.second_person import require_second_person, waiting
from annotation.common.errors import NotAllowedError
from annotation.edits import selectors
from annotation.edits.errors import RefusedItemsError
from annotation.edits.services import changesets, export, policy
from annotation.edits.services.compiling import compile_changeset
from annotation.review.errors import LeaseLostError, NotIndependentError
from annotation.review.models import AuditEntry, QueueItem
from annotation.review.selectors import queue_counts
from annotation.review.services.assign import assign
from annotation.review.services.claim import claim
from annotation.review.services.decide import Decision, decide
from annotation.review.services.lease import reclaim
from annotation.review.services.reassign import reassign
from annotation.review.services.undo import undo
from annotation.sources.models import Footprint, Region
from tests.factories import UserFactory, square
from tests.factories_changes import ChangeFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> list[User]:
    return [UserFactory(role="admin") for _ in range(3)]


def removal(scan: Any = None, at: float = 0.5) -> Change:
    """A removal of a way that an osmChange can delete."""
    change = ChangeFactory(kind="remove", geometry=square(at, at), **({} if scan is None else {"scan": scan}))
    corners = change.geometry.coords[0][:-1]
    nodes = [[7000 + number, 1, *corner, False, False] for number, corner in enumerate(corners)]
    Footprint.objects.filter(pk=change.footprint_id).update(nodes=[*nodes, nodes[0]])
    return change


def asking(person: User, change: Change) -> Region:
    region = require_second_person(user=person, region=change.scan.region, on=True)
    change.item.refresh_from_db()
    return region


def now(change: Change) -> QueueItem:
    return QueueItem.objects.get(pk=change.item_id)


def take_back(person: User, change: Change) -> None:
    undo(user=person, item_id=change.item_id, version=now(change).version, idempotency_key=uuid.uuid4())


def give(person: User, change: Change) -> Any:
    return claim(user=person, stage="changes", scope_id=change.scan.region_id).item


def test_a_removal_goes_to_a_second_person_and_leaves_once_they_accept_it(people):
    ada, bob, _ = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    assert now(change).state == "open" and now(change).not_for == ada and waiting(region) == 1
    assert not selectors.exportable_changes(region).exists()
    with pytest.raises(Exception, match="no accepted change"):
        changesets.create(user=ada, region=region, comment="gone")
    save_decision(bob, change)
    assert (now(change).state, now(change).decision, now(change).decided_by) == ("decided", "accept", bob)
    assert waiting(region) == 0 and selectors.exportable_changes(region).get() == change
    assert list(change.item.verdicts.order_by("item_version").values_list("reviewer", flat=True)) == [ada.pk, bob.pk]


@pytest.mark.parametrize("wanted", [None, {"kind": ["remove"]}, {"order": "near"}])
def test_whoever_accepted_it_gets_it_no_more_and_is_told_it_waits_for_others(people, wanted):
    ada, bob, _ = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    mine = claim(user=ada, stage="changes", scope_id=region.pk, wanted=wanted, first=[change.item_id])
    assert mine.item is None and (mine.counts.open, mine.counts.leased, mine.counts.blocked) == (1, 0, 1)
    theirs = claim(user=bob, stage="changes", scope_id=region.pk, wanted=wanted)
    assert theirs.item is not None and theirs.item.pk == change.item_id
    assert queue_counts(bob, "changes", region.pk).blocked == 0


def test_no_way_leads_the_first_person_to_a_second_answer(people):
    ada, bob, _ = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    with pytest.raises(NotIndependentError):
        reclaim(user=ada, item_id=change.item_id)
    held = give(bob, change)
    with pytest.raises(Exception, match="can't take this one"):
        reassign(
            user=bob, item_id=held.pk, lease_token=held.lease_token, version=held.version, to=ada.pk, comment="",
            idempotency_key=uuid.uuid4(),
        )  # fmt: skip
    QueueItem.objects.update(lease_expires_at=None, lease_holder=None)
    given = assign(
        user=bob, stage="changes", scope_id=region.pk, items=[held.pk], to=ada.pk, days=2, comment="",
        idempotency_key=uuid.uuid4(),
    )  # fmt: skip
    assert given == 0
    with pytest.raises((LeaseLostError, NotIndependentError)):
        decide(
            user=ada, item_id=held.pk, lease_token=held.lease_token, version=held.version, said=Decision("accept"),
            idempotency_key=uuid.uuid4(),
        )  # fmt: skip


def test_the_second_persons_no_is_the_last_word(people):
    ada, bob, _ = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    save_decision(bob, change, "reject", reason="still_there")
    assert now(change).decision == "reject" and not selectors.exportable_changes(region).exists()


@pytest.mark.parametrize("said", ["reject", "cant_tell"])
def test_only_accepting_asks_a_second_person(people, said):
    change = removal()
    asking(people[0], change)
    save_decision(people[0], change, said)
    assert now(change).state == "decided" and now(change).not_for is None


def test_other_kinds_and_other_regions_ask_nobody_else(people):
    ada = people[0]
    change = removal()
    other, elsewhere = ChangeFactory(scan=change.scan, geometry=square(1.5, 0.5)), removal()
    asking(ada, change)
    save_decision(ada, other)
    save_decision(ada, elsewhere)
    assert now(other).state == "decided" and now(elsewhere).state == "decided"


def test_a_first_answer_is_taken_back_by_its_person_and_asked_anew(people):
    ada, bob, _ = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    take_back(ada, change)
    assert now(change).not_for is None and now(change).lease_holder == ada and waiting(region) == 0
    QueueItem.objects.update(lease_expires_at=None, lease_holder=None)
    save_decision(bob, change)
    assert now(change).not_for == bob, "his is the first answer now"


def test_a_first_answer_stays_while_a_second_person_looks_at_it(people):
    ada, bob, _ = people
    change = removal()
    asking(ada, change)
    save_decision(ada, change)
    give(bob, change)
    with pytest.raises(NotAllowedError, match="right now"):
        take_back(ada, change)


def test_a_second_answer_that_is_taken_back_is_asked_of_somebody_who_was_not_the_first(people):
    ada, bob, _ = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    save_decision(bob, change)
    take_back(bob, change)
    assert now(change).not_for == ada and waiting(region) == 1
    QueueItem.objects.update(lease_expires_at=None, lease_holder=None)
    assert give(ada, change) is None


def test_switching_on_asks_about_what_one_person_accepted_and_off_lets_it_count(people):
    ada, bob, eve = people
    change = removal()
    kept, second = removal(change.scan, 1.2), ChangeFactory(scan=change.scan, geometry=square(1.7, 1.7))
    for one in (change, kept, second):
        save_decision(ada, one)
    region = asking(eve, change)
    assert waiting(region) == 2 and now(second).state == "decided"
    save_decision(bob, kept)
    require_second_person(user=eve, region=region, on=False)
    assert waiting(region) == 0
    assert (now(change).state, now(change).decision, now(change).decided_by) == ("decided", "accept", ada)
    assert (now(kept).decided_by, now(kept).not_for) == (bob, ada)
    rows = AuditEntry.objects.filter(action="region.second_person").order_by("pk")
    assert [row.data for row in rows] == [{"on": True}, {"on": False}]
    rows = AuditEntry.objects.filter(action="region.second_person_removals").order_by("pk")
    assert [row.data for row in rows] == [{"on": True, "removals": 2}, {"on": False, "removals": 1}]


def test_what_was_handed_on_since_counts_and_may_leave_when_the_rule_ends(people):
    ada, bob, eve = people
    change = removal()
    region = asking(ada, change)
    save_decision(ada, change)
    assert assign(user=ada, stage="changes", scope_id=region.pk, items=[change.item_id], to=eve.pk, days=1, comment="",
                  idempotency_key=uuid.uuid4()) == 1  # fmt: skip
    region = require_second_person(user=bob, region=region, on=False)
    assert (now(change).state, now(change).decided_by, now(change).assigned_to) == ("decided", ada, None)
    assert (
        policy.without_verdict(changesets.create(user=bob, region=region, comment="gone").changeset.items.all()) == []
    )


def test_a_removal_in_a_changeset_can_not_leave_before_it_was_dropped_and_accepted_again(people):
    ada, bob, _ = people
    change = removal()
    other = ChangeFactory(scan=change.scan, geometry=square(1.5, 1.5))
    save_decision(ada, change)
    save_decision(ada, other)
    region = change.scan.region
    changeset = changesets.create(user=ada, region=region, comment="gone").changeset
    assert compile_changeset(changeset).refusals == []
    asking(ada, change)
    changeset.refresh_from_db()
    (refusal,) = compile_changeset(changeset).refusals
    assert refusal.code == "second_person" and refusal.change == change.pk and "drop the edit" in refusal.detail
    with pytest.raises(RefusedItemsError, match="can't be written"):
        export.osc(changeset)
    changesets.drop(user=ada, changeset=changeset, change_id=change.pk)
    assert now(change).state == "open" and now(change).not_for == ada
    save_decision(bob, change)
    again = changesets.create(user=ada, region=region, comment="gone").changeset
    assert compile_changeset(again).refusals == []


def test_what_was_exported_before_the_rule_stays_as_it_is(people):
    ada = people[0]
    change = removal()
    save_decision(ada, change)
    changeset = changesets.create(user=ada, region=change.scan.region, comment="gone").changeset
    before = "".join(export.osc(changeset))
    asking(ada, change)
    changeset.refresh_from_db()
    assert "".join(export.osc(changeset)) == before


def test_the_rule_is_told_and_set_over_http(client_of, people):
    ada = people[0]
    change = removal()
    save_decision(ada, change)
    address = f"/api/regions/{change.scan.region_id}/second-person/"
    assert client_of(ada).get(address).json() == {"on": False, "waiting": 0}
    assert client_of(ada).put(address, {"on": True}, format="json").json() == {"on": True, "waiting": 1}
    assert client_of(ada).get(f"/api/changes/{change.pk}/").json()["second"] is True
    page = client_of(ada).get(f"/regions/{change.scan.region_id}/edits/").content.decode()
    assert "1 accepted removal waits for a second person" in " ".join(page.split())
    editor = UserFactory(role="editor")
    assert client_of(editor).put(address, {"on": False}, format="json").status_code in {403, 404}
