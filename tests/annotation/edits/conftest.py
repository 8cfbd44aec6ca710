"""A made town, a server of API 0.6 in a process of its own, and a changeset that can be uploaded to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.annotation.edits.school import School, made_school
from tests.annotation.edits.town import Town, made_file, town_from
from tests.annotation.edits.uploading import Case, make_case, sign_in_at, upload_settings
from tests.osm_server import OsmServer, osm_server


@pytest.fixture
def made_osm(tmp_path: Path) -> Path:
    return made_file(tmp_path)


@pytest.fixture
def town(made_osm: Path, db) -> Town:
    return town_from(made_osm)


@pytest.fixture
def server(tmp_path, settings) -> Iterator[OsmServer]:
    with osm_server(tmp_path / "osm.sqlite") as running:
        for name, value in upload_settings(running).items():
            setattr(settings, name, value)
        yield running


@pytest.fixture
def case(server: OsmServer) -> Case:
    case = make_case(server)
    sign_in_at(server, case.editor)
    return case


@pytest.fixture
def school(server: OsmServer, tmp_path) -> School:
    return made_school(server, tmp_path)
