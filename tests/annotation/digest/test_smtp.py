"""A digest over a real connection: it arrives whole, waits for a server that is away, and is never sent twice."""

from __future__ import annotations

import pytest

from annotation.digest.models import Digest
from annotation.digest.services import send
from tests.annotation.digest.smtp_server import smtp_server
from tests.annotation.digest.test_digest import since_yesterday, tomorrow
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def digest(settings) -> Digest:
    settings.SENDS_EMAIL, settings.PUBLIC_URL = True, "https://maps.example.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.DEFAULT_FROM_EMAIL = "127.0.0.1", False, "map@example.org"
    ana = UserFactory(username="ana", email="ana@example.org")
    ChangeFactory(scan=ScanFactory(model=ModelVersionFactory(region=RegionFactory(name="Łódź", members=[ana]))))
    return since_yesterday(ana)


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
