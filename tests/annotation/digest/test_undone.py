"""What others undid in the map is told once, and only to people who were there before it was undone."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import connection

from annotation.digest.models import Digest
from annotation.digest.services import send
from annotation.digest.services.after_restore import begin_anew
from annotation.edits.models import Fate, Upload, UploadReceipt
from annotation.sources.models import RegionMember
from tests.annotation.digest.test_digest import DAY, since_yesterday, tomorrow
from tests.annotation.edits.test_long_outbox import upload
from tests.factories import RegionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sends(settings):
    settings.SENDS_EMAIL, settings.PUBLIC_URL, settings.DIGEST_HOUR = True, "https://maps.example.org", 5


@pytest.fixture
def ana():
    return UserFactory(username="ana", email="ana@example.org")


def sent_earlier(region, *fates: str) -> Upload:
    """An upload of some days ago, whose own digest is long gone."""
    made = upload(region, *fates)
    Upload.objects.filter(pk=made.pk).update(done_at=made.done_at - 5 * DAY)
    return made


def undo(made: Upload, number: int, fate: str = Fate.REVERTED) -> None:
    """Have the map say that so many more of its elements were undone."""
    rows = UploadReceipt.objects.filter(upload=made, fate="").order_by("pk")[:number]
    assert UploadReceipt.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(fate=fate) == number


def test_what_is_undone_is_told_once_and_more_of_it_as_so_many_more(ana):
    made = sent_earlier(RegionFactory(members=[ana]), *[""] * 6, Fate.DELETED)
    since_yesterday(ana)
    assert send.tell(tomorrow()) == 0, "that was undone before anybody asked"
    undo(made, 2)
    undo(made, 1, Fate.DELETED)
    undo(made, 1, Fate.EDITED)
    assert [send.tell(tomorrow() + DAY), send.tell(tomorrow() + 2 * DAY)] == [1, 0]
    undo(made, 1)
    assert send.tell(tomorrow() + 3 * DAY) == 1
    assert [one.subject for one in mail.outbox] == [
        "Mapwright: 3 undone in the map", "Mapwright: 1 undone in the map",
    ]  # fmt: skip


def test_what_was_undone_before_one_came_to_a_region_is_no_news_and_what_is_undone_since_is(ana):
    RegionFactory(members=[ana])
    since_yesterday(ana)
    region = RegionFactory()
    made = sent_earlier(region, Fate.REVERTED, Fate.REVERTED, "")
    RegionMember.objects.create(region=region, user=ana)
    assert send.tell(tomorrow()) == 0
    undo(made, 1)
    assert send.tell(tomorrow() + DAY) == 1
    assert mail.outbox[0].subject == "Mapwright: 1 undone in the map"


def test_a_restored_backup_does_not_tell_again_what_was_undone_since_it_was_made(ana):
    made = sent_earlier(RegionFactory(members=[ana]), *[""] * 4)
    since_yesterday(ana)
    undo(made, 2)
    with connection.cursor():
        assert begin_anew(connection.connection) == 1
    undo(made, 1)  # told by the installation that it was made of, and found again here
    assert send.tell(tomorrow()) == 0
    undo(made, 1)
    assert send.tell(tomorrow() + DAY) == 1
    assert mail.outbox[0].subject == "Mapwright: 1 undone in the map"
    assert Digest.objects.get().undone == {str(made.pk): 4}
