"""Any order of claim, decide, undo, release, expiry and heartbeat keeps the queue's promises."""

import os
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from annotation.common.errors import ConflictError, InvalidError, NotAllowedError
from annotation.review.models import ItemState, QueueItem, Verdict
from annotation.review.services import claim, decide, lease, reassign, undo
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

# The whole check takes MAPWRIGHT_QUEUE_STEPS=10000; the usual run is a tenth of it.
STEPS_AT_ONCE = 40
STEPS = int(os.environ.get("MAPWRIGHT_QUEUE_STEPS", "1000"))
USERS, ITEMS = 3, 4
users = st.integers(0, USERS - 1)
items = st.integers(0, ITEMS - 1)


class QueueMachine(RuleBasedStateMachine):
    """A model of the queue beside the real one: holder and token by item, decision and version by item."""

    @initialize()
    def start(self):
        region = RegionFactory(open_to_all=True)
        scan = ScanFactory(model=ModelVersionFactory(region=region))
        self.region_id = region.pk
        self.people = [*UserFactory.create_batch(USERS - 1), UserFactory(role="editor")]
        self.ids = [change.item_id for change in ChangeFactory.create_batch(ITEMS, scan=scan)]
        self.holder = dict.fromkeys(self.ids)
        self.seen = {}
        self.decision = dict.fromkeys(self.ids)
        self.version = dict.fromkeys(self.ids, 0)
        self.by = dict.fromkeys(self.ids)
        self.assigned = dict.fromkeys(self.ids)
        self.flagged_by = dict.fromkeys(self.ids)

    @rule(user=users)
    def claims(self, user):
        got = claim.claim(user=self.people[user], stage="changes", scope_id=self.region_id)
        if got.item is None:
            free = [
                i
                for i in self.ids
                if self.decision[i] is None
                and (self.holder[i] == user or (self.holder[i] is None and self.assigned[i] in (None, user)))
            ]
            assert not free
            assert got.counts.open == sum(self.decision[i] is None for i in self.ids)
            return
        assert self.decision[got.item.pk] is None
        assert self.holder[got.item.pk] in (None, user)
        assert self.holder[got.item.pk] == user or self.assigned[got.item.pk] in (None, user)
        self.holder[got.item.pk] = user
        self.seen[user, got.item.pk] = got.item

    @rule(user=users, n=items, choice=st.sampled_from(["accept", "reject", "cant_tell"]))
    def decides(self, user, n, choice):
        pk = self.ids[n]
        item = self.seen.get((user, pk))
        if item is None:
            return
        current = QueueItem.objects.get(pk=pk)
        may = (
            self.decision[pk] is None
            and self.holder[pk] == user
            and item.lease_token == current.lease_token
            and item.version == self.version[pk]
        )
        try:
            decide.decide(
                user=self.people[user],
                item_id=pk,
                lease_token=item.lease_token,
                version=item.version,
                said=decide.Decision(choice),
                idempotency_key=uuid.uuid4(),
            )
        except ConflictError:
            assert not may
        else:
            assert may
            self.decision[pk], self.by[pk], self.holder[pk] = choice, user, None
            self.version[pk] += 1

    @rule(user=users, n=items)
    def undoes(self, user, n):
        pk = self.ids[n]
        may = self.decision[pk] is not None and (self.by[pk] == user or user == USERS - 1)
        try:
            undo.undo(user=self.people[user], item_id=pk, version=self.version[pk], idempotency_key=uuid.uuid4())
        except (ConflictError, NotAllowedError):
            assert not may
        else:
            assert may
            self.decision[pk], self.by[pk], self.holder[pk], self.assigned[pk] = None, None, user, None
            self.version[pk] += 1
            self.seen[user, pk] = QueueItem.objects.get(pk=pk)

    @rule(user=users, n=items)
    def releases(self, user, n):
        pk = self.ids[n]
        item = self.seen.get((user, pk))
        if item and lease.release(user=self.people[user], item_id=pk, lease_token=item.lease_token):
            assert self.holder[pk] in (None, user)
            self.holder[pk] = None

    @rule(user=users, n=items)
    def reclaims(self, user, n):
        pk = self.ids[n]
        mine = self.assigned[pk] in (None, user)
        may = self.decision[pk] is None and self.holder[pk] in (None, user) and mine
        try:
            self.seen[user, pk] = lease.reclaim(user=self.people[user], item_id=pk)
        except (ConflictError, NotAllowedError):
            assert not may
        else:
            assert may
            self.holder[pk] = user

    @rule(user=users, to=users, n=items)
    def flags(self, user, to, n):
        pk = self.ids[n]
        item = self.seen.get((user, pk))
        if item is None:
            return
        may = self.decision[pk] is None and self.holder[pk] == user and item.version == self.version[pk]
        may = may and item.lease_token == QueueItem.objects.get(pk=pk).lease_token
        self.reassign(user, pk, self.people[to].pk, item.lease_token, item.version, may)
        if may:
            self.holder[pk], self.assigned[pk], self.flagged_by[pk] = None, to, user

    @rule(user=users, n=items)
    def puts_back(self, user, n):
        pk = self.ids[n]
        flagged = self.decision[pk] is None and self.assigned[pk] is not None
        may = flagged and (user in (self.flagged_by[pk], self.assigned[pk]) or user == USERS - 1)
        self.reassign(user, pk, None, 0, self.version[pk], may)
        if may:
            self.holder[pk] = self.assigned[pk] = None
            self.flagged_by[pk] = user

    def reassign(self, user, pk, to, token, version, may):
        try:
            reassign.reassign(
                user=self.people[user], item_id=pk, lease_token=token, version=version, to=to, comment="",
                idempotency_key=uuid.uuid4(),
            )  # fmt: skip
        except (ConflictError, NotAllowedError, InvalidError):
            assert not may
        else:
            assert may
            self.version[pk] += 1

    @rule(n=items)
    def expires(self, n):
        pk = self.ids[n]
        QueueItem.objects.filter(pk=pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        self.holder[pk] = None

    @rule(user=users, n=items)
    def beats(self, user, n):
        pk = self.ids[n]
        item = self.seen.get((user, pk))
        if item is None:
            return
        try:
            lease.heartbeat(user=self.people[user], item_id=pk, lease_token=item.lease_token)
        except ConflictError:
            current = QueueItem.objects.get(pk=pk)
            assert self.holder[pk] != user or current.lease_token != item.lease_token
        else:
            assert self.holder[pk] == user

    @invariant()
    def rows_agree_with_the_model_and_events_with_the_rows(self):
        for row in QueueItem.objects.filter(pk__in=getattr(self, "ids", [])):
            assert row.version == self.version[row.pk] == Verdict.objects.filter(item=row).count()
            assert (row.decision or None) == self.decision[row.pk]
            assert (row.state == ItemState.DECIDED) == (self.decision[row.pk] is not None)
            live = row.lease_expires_at is not None and row.lease_expires_at > timezone.now()
            assert (row.lease_holder_id if live else None) == (
                self.people[self.holder[row.pk]].pk if self.holder[row.pk] is not None else None
            )


@pytest.mark.django_db
def test_any_order_of_events_keeps_the_promises():
    """C6."""
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=max(1, STEPS // STEPS_AT_ONCE),
            stateful_step_count=STEPS_AT_ONCE,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
