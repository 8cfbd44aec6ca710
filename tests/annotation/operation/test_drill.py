"""The drill (S6): back up, lose everything, restore, and hold rows and files against what was there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings as conf

from annotation.operation.services import server

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture
def script(installation):
    """Runs one of the scripts for the installation, as an operator would."""

    def run(name: str, *args: object) -> subprocess.CompletedProcess[str]:
        told = {
            "MAPWRIGHT_DB_NAME": installation.name,
            "MAPWRIGHT_MEDIA": str(installation.media),
            "MAPWRIGHT_BACKUPS": str(installation.backups),
            "MAPWRIGHT_RUN_DIR": str(conf.RUN_DIR),
            "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
        }
        return subprocess.run(
            ["bash", str(ROOT / "deploy" / name), *map(str, args)],
            env={**os.environ, **told}, cwd="/", capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_what_was_lost_comes_back_row_for_row_and_byte_for_byte(installation, script):
    rows, files = installation.rows(), installation.files()
    assert rows["sources_footprint"].rows == 30 and len(files) == 2
    done = script("backup", "--check")
    assert done.returncode == 0, done.stderr
    (folder,) = installation.backups.iterdir()

    server.drop(installation.name)
    shutil.rmtree(installation.media)
    done = script("restore", folder)
    assert done.returncode == 0, done.stderr
    assert installation.rows() == rows
    assert installation.files() == files
    asked = "SELECT ST_SRID(geometry), ST_IsValid(geometry), tags->>'name' FROM sources_footprint WHERE osm_id >= 1000"
    assert set(installation.ask(asked)) == {(4326, True, "Straße №5")}
    indexes = "SELECT count(*) FROM pg_indexes WHERE indexname = 'queue_list_by_priority'"
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'review_queueitem'::regclass AND NOT tgisinternal"
    assert installation.ask(indexes) == [(1,)] and installation.ask(triggers)[0][0] > 0
    assert not [one for one in installation.media.iterdir() if one.name.startswith(".restore")]


def test_a_restore_in_place_of_what_is_there_moves_it_aside(installation, script):
    done = script("backup")
    assert done.returncode == 0, done.stderr
    (folder,) = installation.backups.iterdir()
    rows, files = installation.rows(), installation.files()
    with server.connect(installation.name) as database:
        database.execute("DELETE FROM changes_change")
    (installation.media / "later.tif").write_bytes(b"later")
    spoilt = installation.rows()

    refused = script("restore", folder)
    assert refused.returncode != 0
    assert "say --replace" in refused.stderr
    assert installation.rows() == spoilt

    done = script("restore", folder, "--replace")
    assert done.returncode == 0, done.stderr
    assert installation.rows() == rows
    assert installation.files() == files
    (aside,) = installation.media.glob(".restore-before-*")
    assert (aside / "later.tif").read_bytes() == b"later"
    former = next(line for line in done.stdout.splitlines() if "what was there before" in line).split()[-1]
    with server.connect(former) as database:
        assert database.execute("SELECT count(*) FROM changes_change").fetchone() == (0,)
