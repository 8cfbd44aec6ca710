"""A worker that is killed at any step of an upload, and gone on with: each change is in the map exactly once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from annotation.edits.services.uploads import start
from tests.annotation.edits.killing import POINTS, Point, killed_at
from tests.annotation.edits.uploading import Workers, make_case, sign_in_at, upload_settings, workers
from tests.osm_server import OsmServer, osm_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[OsmServer]:
    with osm_server(tmp_path_factory.mktemp("osm") / "state.sqlite") as running:
        yield running


@pytest.fixture(scope="module")
def crew(running: OsmServer, django_db_setup) -> Iterator[Workers]:
    with workers(running) as crew:
        yield crew


@pytest.fixture
def server(running: OsmServer, settings) -> OsmServer:
    for name, value in upload_settings(running).items():
        setattr(settings, name, value)
    return running


FIRST_IDS = itertools.count(1000, 100)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_worker_killed_at_any_step_sends_each_change_once(point: Point, server: OsmServer, crew: Workers):
    case = make_case(server, first=next(FIRST_IDS))
    sign_in_at(server, case.editor)
    upload = start.start(user=case.editor, changeset=case.changeset)
    told = killed_at(point, case, upload, crew)
    assert told == [], f"{told}; requests: {server.requests()}"
    upload.refresh_from_db()
    assert upload.state == "done" and upload.receipts.count() == upload.elements
    assert not any(one["open"] and one["changes"] for one in server.changesets())
