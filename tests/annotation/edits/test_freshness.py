"""The map's server is asked by itself whether a suggestion's building is newer there, seldom and never in the way."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import current_app

from annotation.changes.models import Change
from annotation.edits.services import freshness
from annotation.edits.services.uploads.checks import outlook
from annotation.edits.tasks import ask_map_server
from tests.annotation.edits.uploading import house
from tests.factories import RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision
from tests.osm_server import OsmServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan() -> Any:
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def suggestion(server: OsmServer, scan: Any, first: int = 1000) -> Change:
    row, shape = house(server, scan, first / 5000, first), square(0.04 + first / 5000, 0.5, 0.12)
    return ChangeFactory(scan=scan, kind="modify", footprint=row, geometry=shape)


@pytest.fixture
def change(server: OsmServer, scan: Any) -> Change:
    return suggestion(server, scan)


@pytest.fixture
def client(client_of: Any) -> Any:
    return client_of(UserFactory(role="reviewer"))


def told(client: Any, change: Change) -> dict[str, Any]:
    return client.get(f"/api/changes/{change.pk}/on-server/").json()


def moved_on(server: OsmServer, change: Change, **tags: str) -> None:
    nodes = [node[0] for node in change.footprint.nodes]
    server.put(("way", change.footprint.osm_id, 5, {"body": nodes, "tags": {"building": "barn", **tags}}))


def asked(server: OsmServer) -> list[str]:
    return [one for one in server.requests() if one.endswith("/full")]


def test_a_newer_version_is_told_and_compared_and_the_server_is_asked_once(server, client, change):
    moved_on(server, change, height="4")
    first = told(client, change)
    assert first["state"] == "newer" and "is at version 5 by now" in first["detail"]
    conflict = client.get(f"/api/changes/{change.pk}/three-way/?against=server").json()["conflict"]
    assert (conflict["base"]["version"], conflict["theirs"]["version"]) == (3, 5)
    assert {row["key"]: row["theirs"] for row in conflict["rows"]}["height"] == "4"
    assert client.get(f"/api/changes/{change.pk}/three-way/").json() == {"conflict": None}  # of our maps none is newer
    assert told(client, change) == first and len(asked(server)) == 1


def test_what_the_server_has_as_the_map_here_is_told_as_the_same_and_what_is_gone_as_gone(server, scan, client, change):
    assert told(client, change)["state"] == "same"
    other = suggestion(server, scan, 2000)
    server.put(("way", 2000, 4, None))
    assert (told(client, other)["state"], told(client, other)["detail"]) == ("newer", "It is gone there.")
    new = ChangeFactory(scan=scan, geometry=square(0.5, 0.2, 0.1))
    assert told(client, new)["state"] == "off" and len(asked(server)) == 2


def test_nothing_is_asked_where_no_administrator_switched_it_on(server, client, change, settings):
    settings.OSM_UPLOAD = False
    assert told(client, change) == {"state": "off", "detail": "", "asked_at": None}
    assert server.requests() == []


def test_a_server_that_fails_is_left_alone_for_a_while_and_what_is_known_stays(server, scan, client, change):
    known = told(client, change)
    other = suggestion(server, scan, 2000)
    server.answer("GET", "full", 503, "down", times=9)
    silent = told(client, other)
    assert silent["state"] == "unknown" and "503" in silent["detail"]
    assert told(client, other)["state"] == "unknown" and told(client, change) == known
    assert len(asked(server)) == 2


def test_a_server_that_gives_no_answer_is_waited_for_seconds_only(server, client, change, monkeypatch):
    monkeypatch.setattr(freshness, "ANSWER_S", 0.2)
    rule = server.hold("GET", "full", "before")
    begun = time.monotonic()
    assert told(client, change)["state"] == "unknown"
    assert time.monotonic() - begun < 20
    server.release(rule)
    reply = client.get(f"/api/changes/{change.pk}/three-way/?against=server")
    assert (reply.status_code, reply.json()["code"]) == (503, "map_server")


def test_no_more_questions_are_asked_in_a_minute_than_are_polite(server, scan, client, change, monkeypatch):
    monkeypatch.setattr(freshness, "A_MINUTE", 0)
    assert "often enough" in told(client, change)["detail"] and asked(server) == []


def test_an_outline_that_is_broken_on_the_server_is_said_and_can_not_be_compared(server, client, change):
    server.put(("way", change.footprint.osm_id, 4, {"body": [1000, 1001, 1002], "tags": {"building": "yes"}}))
    assert "no closed outline" in told(client, change)["detail"]
    reply = client.get(f"/api/changes/{change.pk}/three-way/?against=server")
    assert (reply.status_code, reply.json()["code"]) == (409, "not_rebased")


def queued() -> int:
    with current_app.connection_for_read() as broker:
        return broker.default_channel.client.llen(current_app.conf.task_default_queue)


def test_an_accept_asks_nothing_itself_and_has_a_worker_ask(server, change, django_capture_on_commit_callbacks):
    before = queued()
    with django_capture_on_commit_callbacks(execute=True):
        save_decision(UserFactory(role="editor"), change)
    assert asked(server) == [] and queued() == before + 1
    moved_on(server, change)
    ask_map_server(change.pk)
    assert freshness.of_change(change).state == "newer" and len(asked(server)) == 1


@pytest.mark.parametrize("how", ["known", "rejected", "new", "off"])
def test_no_worker_asks_of_what_is_known_or_needs_no_answer(
    server, scan, change, settings, django_capture_on_commit_callbacks, how
):
    before = queued()
    if how == "known":
        freshness.of_change(change)
    settings.OSM_UPLOAD = how != "off"
    about = ChangeFactory(scan=scan, geometry=square(0.5, 0.2, 0.1)) if how == "new" else change
    with django_capture_on_commit_callbacks(execute=True):
        said = ("reject", "other") if how == "rejected" else ("accept",)
        save_decision(UserFactory(role="editor"), about, *said)
    assert queued() == before


def test_before_an_upload_it_is_told_which_edits_are_known_to_be_behind(server, case):
    change = case.changeset.items.get(change__footprint=case.reshaped).change
    assert [one.code for one in outlook(case.editor, case.changeset).warnings] == []
    moved_on(server, change)
    freshness.of_change(change)
    (warning,) = outlook(case.editor, case.changeset).warnings
    assert warning.code == "newer_there" and str(change.pk) in warning.detail
