"""A digest over a real connection: it arrives whole, waits for a server that is away, and is never sent twice."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from annotation.digest.models import Digest
from annotation.digest.services import send
from tests.annotation.digest.smtp_server import smtp_server
from tests.annotation.digest.test_digest import DAY, since_yesterday, tomorrow
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def digest(settings) -> Digest:
    settings.SENDS_EMAIL, settings.PUBLIC_URL = True, "https://maps.example.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.DEFAULT_FROM_EMAIL = "127.0.0.1", False, "map@example.org"
    settings.EMAIL_TIMEOUT = 2
    ana = UserFactory(username="ana", email="ana@example.org")
    ChangeFactory(scan=ScanFactory(model=ModelVersionFactory(region=RegionFactory(name="Łódź", members=[ana]))))
    return since_yesterday(ana)


@pytest.fixture
def three(digest) -> list[Digest]:
    """Digests of three people who are due."""
    others = [UserFactory(email=f"{name}@example.org") for name in ("ben", "cho")]
    for user in others:
        digest.user.memberships.get().region.members.create(user=user)
    return [digest, *map(since_yesterday, others)]


def test_it_arrives_with_both_parts_and_what_mail_programs_ask_for(digest, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT = server.port
        assert send.tell(tomorrow()) == 1
        ((to, message),) = server.received
    assert (to, message["From"], message["List-Unsubscribe-Post"]) == (
        "ana@example.org", "map@example.org", "List-Unsubscribe=One-Click",
    )  # fmt: skip
    assert message["List-Unsubscribe"].replace("\n", "").strip().startswith("<https://maps.example.org/digest/")
    assert message["Auto-Submitted"] == "auto-generated" and message["Message-ID"].endswith("@example.org>")
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert all("Łódź" in part.get_payload(decode=True).decode() for part in parts)


def test_a_server_that_is_away_costs_no_period(digest, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT = server.port
    assert send.tell(tomorrow()) == 0
    with smtp_server() as server:
        settings.EMAIL_PORT = server.port
        assert send.tell(tomorrow()) == 1
        assert len(server.received) == 1


def test_a_server_that_took_it_and_fell_silent_is_not_given_it_again(digest, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT, server.breaks_off = server.port, True
        assert send.tell(tomorrow()) == 0
        server.breaks_off = False
        assert send.tell(tomorrow()) == 0
        assert len(server.received) == 1


def test_one_connection_serves_a_run_and_none_is_made_where_there_is_nothing_to_tell(three, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT = server.port
        assert send.tell(tomorrow()) == 3
        assert (server.met, len(server.received)) == (1, 3)
        assert send.tell(tomorrow() + DAY) == 0
        assert server.met == 1
    Digest.objects.update(told_to=tomorrow() + DAY)
    assert send.tell(tomorrow() + 3 * DAY) == 0
    assert Digest.objects.filter(told_to__lt=tomorrow() + DAY * 1.5).count() == 0, "no server is needed to have no news"


def test_a_server_that_closes_connections_is_met_anew(three, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT, server.most = server.port, 1
        assert send.tell(tomorrow()) == 3
        assert (server.met, len(server.received)) == (3, 3)


def test_a_server_that_says_nothing_is_waited_for_once_and_costs_nobody_a_period(three, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT, server.mute = server.port, True
        assert send.tell(tomorrow()) == 0
        assert server.met == 1
        server.mute = False
        assert send.tell(tomorrow()) == 3


def test_a_server_that_falls_silent_ends_the_run_and_costs_one_message(three, settings):
    with smtp_server() as server:
        settings.EMAIL_PORT, server.silent = server.port, True
        assert send.tell(tomorrow()) == 0
        assert [to for to, _ in server.received] == ["ana@example.org"]
        server.silent = False
        assert send.tell(tomorrow()) == 2
        assert sorted(to for to, _ in server.received) == ["ana@example.org", "ben@example.org", "cho@example.org"]


def test_while_one_run_sends_another_leaves_it_to_that(digest, settings):
    with smtp_server() as server, psycopg.connect(**connection.get_connection_params()) as other:
        settings.EMAIL_PORT = server.port
        other.execute("SELECT pg_advisory_lock(%s)", [send.LOCK])
        assert send.tell(tomorrow()) == 0
        other.execute("SELECT pg_advisory_unlock(%s)", [send.LOCK])
        assert send.tell(tomorrow()) == 1
