"""Two people who make a changeset at the same moment: one building leaves once."""

import threading

import pytest
from django.db import connection, transaction

from annotation.common.errors import DomainError
from annotation.edits.models import EditItem
from annotation.edits.services import areas, changesets
from annotation.edits.services.tags import Wished
from annotation.review.models import QueueItem
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision
from tests.waiting import until_somebody_waits


@pytest.mark.django_db(transaction=True)
def test_two_changesets_made_at_once_hold_one_edit_of_a_building():
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    later = ScanFactory(model=scan.model, imagery=scan.imagery, snapshot=scan.snapshot)
    editor, house = UserFactory(role="editor"), FootprintFactory(snapshot=scan.snapshot)
    changes = [ChangeFactory(scan=one, kind="remove", footprint=house) for one in (scan, later)]
    for change in changes:
        save_decision(editor, change)
    ended = []

    def make(change):
        try:
            changesets.create(user=editor, region=scan.region, comment="c", change_ids=[change.pk])
            ended.append("made")
        except DomainError as error:
            ended.append(error.code)
        finally:
            connection.close()

    other = threading.Thread(target=make, args=(changes[1],))
    with transaction.atomic():
        changesets.create(user=editor, region=scan.region, comment="c", change_ids=[changes[0].pk])
        other.start()
        until_somebody_waits()
        assert ended == []  # it waits for what is not yet committed
    other.join()
    assert ended == ["not_accepted"]
    assert EditItem.objects.get().change == changes[0]


@pytest.mark.django_db(transaction=True)
def test_many_changesets_lock_what_they_name_in_one_order():
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    editor = UserFactory(role="editor")
    changes = [ChangeFactory(scan=scan, geometry=square(place, 0.2, 0.1)) for place in (0.2, 0.8)]
    for change in changes:
        save_decision(editor, change)
    first, second = sorted(changes, key=lambda change: change.item_id)
    made = []

    def make():
        groups = [[second.pk], [first.pk]]
        try:
            made.extend(areas.make_many(user=editor, region=scan.region, groups=groups, wished=Wished(comment="c")))
        finally:
            connection.close()

    other = threading.Thread(target=make)
    with transaction.atomic():
        QueueItem.objects.select_for_update().get(pk=first.item_id)
        other.start()
        until_somebody_waits()
        assert made == []  # it waits
        QueueItem.objects.select_for_update(nowait=True).get(pk=second.item_id)  # and holds nothing that comes after
    other.join()
    assert len(made) == 2
