"""Whose turn it is when webhooks are told: slow and broken servers, many runs, and what is kept."""

from __future__ import annotations

import logging
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation.common.errors import NotFoundError
from annotation.edits.engine import server as engine
from annotation.edits.errors import NoAnswerError
from annotation.edits.models import Delivery, Webhook, WebhookEvent
from annotation.edits.services.webhooks import deliver as sending
from annotation.edits.services.webhooks import outbox
from annotation.edits.services.webhooks.after_restore import stop_deliveries, switch_off
from annotation.edits.services.webhooks.deliver import deliver
from annotation.edits.services.webhooks.register import change, register, remove
from tests.annotation.edits.receiver import Receiver, receiver
from tests.factories import UserFactory
from tests.waiting import until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)
BYTE_S = 0.05


@pytest.fixture
def server(settings) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    with receiver() as running:
        yield running


def hook(url: str, waiting: int = 0, **more) -> Webhook:
    """A webhook with so many deliveries that are due, the first of them the oldest."""
    made = register(
        user=UserFactory(role="admin"), region=None, url=url, secret="sixteen letters at least", events=["decided"]
    )
    now = timezone.now()
    Delivery.objects.bulk_create(
        Delivery(
            webhook=made, event="decided", event_id=uuid.uuid4(), body="{}",
            due_at=now - timedelta(seconds=waiting - n), **more,
        )
        for n in range(waiting)
    )  # fmt: skip
    return made


@contextmanager
def dripping() -> Iterator[str]:
    """A server that never comes to the end of its header, a byte at a time."""
    over = threading.Event()

    def answer(listening: socket.socket) -> None:
        there, _ = listening.accept()
        with there:
            there.recv(65536)
            try:
                there.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(BYTE_S):
                    there.sendall(b"a")
            except OSError:
                return

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=answer, args=[listening], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        over.set()
        thread.join(5)


@pytest.mark.timeout(60)
def test_a_server_that_never_ends_its_header_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_S", 0.2)
    with dripping() as url, pytest.raises(NoAnswerError, match="no whole answer"):
        engine.ask("POST", url, b"{}", {}, ["127.0.0.1"], "MAPWRIGHT_WEBHOOK_HOSTS", 4 * BYTE_S, 1000)


def test_while_one_run_sends_no_other_does(server):
    hook(server.url, waiting=3)
    others = []

    def another() -> int:
        try:
            return deliver()
        finally:
            connection.close()

    def meanwhile() -> None:
        server.meanwhile = lambda: None
        with ThreadPoolExecutor(1) as pool:
            others.append(pool.submit(another).result())

    server.meanwhile = meanwhile
    assert deliver() == 3 and others == [0]
    assert len(server.came) == 3
    hook(server.url, waiting=1)
    assert deliver() == 1  # the turn ended with the run


def test_a_slow_server_with_a_long_backlog_takes_its_share_of_the_time_and_no_more(server, monkeypatch):
    clock = own_clock(monkeypatch)
    with receiver() as slow:
        hook(slow.url, waiting=20)
        hook(server.url, waiting=6)
        slow.meanwhile = lambda: clock.pass_by(9.0)
        server.meanwhile = lambda: clock.pass_by(0.1)
        deliver(seconds=40)
        assert len(server.came) == 6 and 3 <= len(slow.came) <= 5


def test_servers_that_failed_before_come_after_those_that_did_not(server, monkeypatch):
    clock = own_clock(monkeypatch)
    with receiver() as broken:
        broken.status = 500
        for _ in range(3):
            hook(broken.url, waiting=5, attempts=1)
        hook(server.url, waiting=4)
        broken.meanwhile = lambda: clock.pass_by(30.0)
        deliver(seconds=40)
        assert len(server.came) == 4 and len(broken.came) == 2


def test_what_was_given_up_goes_after_a_month(server):
    hook(server.url, waiting=2, state="dead")
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(due_at=timezone.now() - timedelta(days=31))
    deliver()
    assert Delivery.objects.filter(state="dead").count() == 1


def test_what_waits_in_a_backup_is_given_up_when_it_is_restored(server):
    hook(server.url, waiting=2)
    hook(server.url, waiting=1, state="delivered", delivered_at=timezone.now())
    connection.ensure_connection()
    assert stop_deliveries(connection.connection) == 2
    assert deliver() == 0 and server.came == []
    assert {one.problem[:24] for one in Delivery.objects.filter(state="dead")} == {"it waited in a backup th"}


def test_a_restored_copy_tells_nobody_before_its_webhooks_are_switched_on(server):
    made = hook(server.url)
    connection.ensure_connection()
    assert switch_off(connection.connection) == 1
    with transaction.atomic():
        outbox.announce(WebhookEvent.DECIDED, 1, dict)
    assert deliver() == 0 and server.came == []
    assert switch_off(connection.connection) == 0
    change(user=made.created_by, webhook=made, active=True)
    with transaction.atomic():
        outbox.announce(WebhookEvent.DECIDED, 1, dict)
    assert deliver() == 1


def waits(pool: ThreadPoolExecutor, task) -> Future:
    """The task in another connection, which comes to no end as long as this transaction goes on."""

    def run() -> None:
        try:
            task()
        finally:
            connection.close()

    begun = pool.submit(run)
    until_somebody_waits()
    assert not begun.done()
    return begun


def tell() -> None:
    with transaction.atomic():
        outbox.announce(WebhookEvent.DECIDED, 1, dict)


def test_an_event_is_not_lost_where_its_webhook_is_removed_before_it_commits(server):
    made, stays = hook(server.url), hook(server.url)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            remove(user=made.created_by, webhook=made)
            telling = waits(pool, tell)
        telling.result(timeout=60)
    assert Delivery.objects.get().webhook == stays


def test_a_removal_waits_for_events_that_are_being_written(server):
    made = hook(server.url)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            tell()
            removing = waits(pool, lambda: remove(user=made.created_by, webhook=made))
        removing.result(timeout=60)
    assert not Webhook.objects.exists() and not Delivery.objects.exists()
    with pytest.raises(NotFoundError):
        remove(user=made.created_by, webhook=made)


def test_an_address_that_holds_a_secret_is_in_no_log(server, caplog):
    with caplog.at_level(logging.INFO):
        hook(f"{server.url}?token=hidden-word", waiting=1)
        assert deliver() == 1
    assert "hidden-word" not in caplog.text


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return timezone.now().timestamp()


def own_clock(monkeypatch) -> _Clock:
    """The clock of a run, which goes on while a server answers."""
    clock = _Clock()
    monkeypatch.setattr(sending, "time", clock)
    return clock
