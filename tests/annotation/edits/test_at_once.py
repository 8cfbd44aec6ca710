"""Two people who make a changeset at the same moment: one building leaves once."""

import threading

import pytest
from django.db import connection, transaction

from annotation.common.errors import DomainError
from annotation.edits.models import EditItem
from annotation.edits.services import changesets
from tests.factories import FootprintFactory, RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision


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
        other.join(timeout=1.5)
        assert ended == []  # it waits for what is not yet committed
    other.join()
    assert ended == ["not_accepted"]
    assert EditItem.objects.get().change == changes[0]
