"""A digest by e-mail: what happened in a person's own regions, once for a period, and left by one click."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone

from annotation.common.logs import without_secrets
from annotation.digest.models import Digest
from annotation.digest.services import send
from annotation.digest.services.after_restore import begin_anew
from annotation.digest.services.choose import choose, token_of
from annotation.review.models import QueueItem, Verdict
from annotation.sources.models import RegionMember
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, SavedFilterFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def sends(settings):
    settings.SENDS_EMAIL, settings.PUBLIC_URL, settings.DIGEST_HOUR = True, "https://maps.example.org", 5


@pytest.fixture
def ana():
    return UserFactory(username="ana", email="ana@example.org")


@pytest.fixture
def scan(ana):
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(name="Old <Town>", members=[ana])))


def since_yesterday(user, every="day") -> Digest:
    digest = choose(user=user, every=every)
    Digest.objects.filter(pk=digest.pk).update(told_to=timezone.now() - DAY)
    return digest


def tomorrow() -> dt.datetime:
    """Once the day is over in which everything here happens."""
    return timezone.now() + DAY


def test_it_tells_what_happened_in_ones_regions_as_text_and_as_html(ana, scan):
    since_yesterday(ana)
    SavedFilterFactory(region=scan.region, owner=ana, name="Gone & away", query="kind=remove")
    SavedFilterFactory(region=scan.region, owner=ana, name="Never", query="tag=building%3Dcastle")
    ChangeFactory(scan=scan, kind="remove")
    ChangeFactory(scan=scan)
    save_decision(UserFactory(role="admin"), ChangeFactory(scan=scan))
    assert send.tell(tomorrow()) == 1
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["ana@example.org"], "Mapwright: 2 new, 1 decided")
    page = f"https://maps.example.org/regions/{scan.region_id}/"
    for text in (
        "Old <Town>",
        page,
        "2 new suggestions",
        f'1 in "Gone & away": {page}changes/?kind=remove',
        "decided: 1 accepted",
    ):
        assert text in message.body
    html, kind = message.alternatives[0]
    assert kind == "text/html" and "Old &lt;Town&gt;" in html and "<Town>" not in html and "Never" not in html


def test_nothing_is_sent_where_nothing_happened_or_nobody_asked(ana, scan):
    since_yesterday(ana)
    other = UserFactory(email="ben@example.org")
    RegionMember.objects.create(region=scan.region, user=other)
    assert send.tell(tomorrow()) == 0
    ChangeFactory(scan=scan)
    QueueItem.objects.update(created_at=send.end_of_period("day", tomorrow()) + DAY / 24)
    assert send.tell(tomorrow() + DAY) == 1
    assert [one.to for one in mail.outbox] == [["ana@example.org"]]


def test_a_period_is_told_once_and_the_next_begins_where_it_ended(ana, scan):
    since_yesterday(ana)
    ChangeFactory(scan=scan)
    assert [send.tell(tomorrow()), send.tell(tomorrow())] == [1, 0]
    assert send.tell(tomorrow() + DAY) == 0, "it was told"


def test_a_week_ends_on_monday_and_a_day_at_its_hour():
    wednesday = dt.datetime(2026, 12, 2, 4, 59, tzinfo=dt.UTC)
    assert send.end_of_period("day", wednesday) == dt.datetime(2026, 12, 1, 5, tzinfo=dt.UTC)
    assert send.end_of_period("day", wednesday + dt.timedelta(minutes=1)).day == 2
    assert send.end_of_period("week", wednesday) == dt.datetime(2026, 11, 30, 5, tzinfo=dt.UTC)


def test_who_is_killed_before_the_message_left_sends_none_later(ana, scan, monkeypatch):
    since_yesterday(ana)
    ChangeFactory(scan=scan)

    class KilledError(BaseException):
        """As a signal, it is caught by nobody."""

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(send, "message_of", killed)
        with pytest.raises(KilledError):
            send.tell(tomorrow())
    assert send.tell(tomorrow()) == 0 and mail.outbox == []


def test_what_a_person_may_see_no_more_is_not_in_it(ana, scan):
    since_yesterday(ana)
    ChangeFactory(scan=scan)
    RegionMember.objects.filter(user=ana).delete()
    assert send.tell(tomorrow()) == 0


def test_an_open_region_of_others_is_none_of_ones_own(ana):
    ChangeFactory(scan=ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True))))
    since_yesterday(ana)
    assert send.tell(tomorrow()) == 0


def test_inactive_people_and_those_without_an_address_are_left_out(ana, scan):
    digest = since_yesterday(ana)
    ChangeFactory(scan=scan)
    type(ana).objects.update(is_active=False)
    assert send.tell(tomorrow()) == 0
    digest.refresh_from_db()
    assert digest.told_to < timezone.now(), "the period is not spent on somebody who was not told"


def test_items_that_were_given_to_the_person_are_told(client_of, ana, scan):
    since_yesterday(ana)
    change = ChangeFactory(scan=scan)
    QueueItem.objects.filter(pk=change.item_id).update(assigned_to=ana, created_at=timezone.now() - 9 * DAY)
    Verdict.objects.create(
        item_id=change.item_id, reviewer=UserFactory(), event="reassign", item_version=1, payload={"to": "ana"},
        idempotency_key="8a6f2f0e-7a77-4f9c-9a51-0d7a4c3f1b11",
    )  # fmt: skip
    assert send.tell(tomorrow()) == 1
    assert mail.outbox[0].subject == "Mapwright: 1 given to you"


def test_one_click_of_a_mail_program_ends_it_and_a_scanner_that_looks_does_not(client, ana, scan):
    digest = since_yesterday(ana)
    ChangeFactory(scan=scan)
    send.tell(tomorrow())
    headers = mail.outbox[0].extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = headers["List-Unsubscribe"].strip("<>")
    assert url in mail.outbox[0].body and url in mail.outbox[0].alternatives[0][0]
    path = url.removeprefix("https://maps.example.org")
    assert "ana@example.org" in client.get(path).content.decode()
    digest.refresh_from_db()
    assert digest.every == "day"
    strict = type(client)(enforce_csrf_checks=True)
    for _ in range(2):
        assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    digest.refresh_from_db()
    assert digest.every == "never"
    for wrong in ("1.abc~def", token_of(digest)[:-1], "x"):
        assert strict.post(f"/digest/{wrong}/").status_code == 404
    assert without_secrets(f"POST {path}") == "POST /digest/***/"


def test_choosing_over_http_and_why_it_can_not_be(client_of, ana, settings):
    client = client_of(ana)
    assert client.get("/api/me/digest/").json() == {"every": "never", "email": "ana@example.org", "sends_email": True}
    assert client.put("/api/me/digest/", {"every": "hour"}, format="json").status_code == 400
    ben = client_of(UserFactory(email=""))
    refused = ben.put("/api/me/digest/", {"every": "day"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid") and "address" in refused.json()["detail"]
    settings.SENDS_EMAIL = False
    assert "MAPWRIGHT_EMAIL_HOST" in client.put("/api/me/digest/", {"every": "day"}, format="json").json()["detail"]
    assert client.put("/api/me/digest/", {"every": "never"}, format="json").status_code == 200


def test_the_sample_of_the_readme_answers_as_it_says(client_of, ana):
    text = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    sample = re.search(r"me/digest/ -X PUT -d '(.*?)'\n\s+(\{.*?\})\n", text)
    assert sample is not None
    answer = client_of(ana).put("/api/me/digest/", json.loads(sample[1]), format="json")
    assert answer.json() == json.loads(sample[2])


def test_a_restored_backup_tells_nothing_of_the_time_before(ana, scan):
    from django.db import connection

    since_yesterday(ana)
    ChangeFactory(scan=scan)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert begin_anew(connection.connection) == 1
    QueueItem.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
    assert send.tell(tomorrow()) == 0
