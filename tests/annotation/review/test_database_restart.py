"""The database restarts under people at work: every decision that the server acknowledged is still there (F5)."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from annotation.operation.services import server
from tests.annotation.review.server import ROOT, SECRET, WebServer, drain

PEOPLE, ITEMS, RESTART_AFTER = 6, 180, (40, 110)
PREPARE = """
import json, sys
import django
django.setup()
from rest_framework.authtoken.models import Token
from tests.factories import RegionFactory, UserFactory
from tests.factories_anchors import AnchorFactory, make_batch
region = RegionFactory(open_to_all=True)
AnchorFactory.create_batch({items}, pair__region=region)
batch = make_batch(region)
tokens = [Token.objects.create(user=user).key for user in UserFactory.create_batch({people})]
print(json.dumps([region.pk, batch.pk, tokens]))
"""


class Cluster:
    """A PostgreSQL cluster of this test's own: socket only, thrown away."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            pytest.skip("PostgreSQL's server programs are not installed: apt-get install postgresql postgis")
        self.bin, self.data, self.run_dir = found[-1], folder / "data", folder / "run"
        self.run_dir.mkdir()
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.prefix:
            shutil.chown(folder, "postgres")
            shutil.chown(self.run_dir, "postgres")
            folder.chmod(0o755)
        self.owner = "postgres" if self.prefix else getpass.getuser()

    def call(self, program: str, *arguments: str) -> None:
        command = [*self.prefix, str(self.bin / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=120)

    def start(self) -> None:
        self.call("initdb", "-D", str(self.data), "-A", "trust", "-U", self.owner)
        self.call("pg_ctl", "-D", str(self.data), "-o", f"-c listen_addresses='' -k {self.run_dir}", "-w", "-l",
                  str(self.run_dir / "log"), "start")  # fmt: skip
        with psycopg.connect(host=str(self.run_dir), user=self.owner, dbname="postgres", autocommit=True) as link:
            link.execute("CREATE ROLE mapwright SUPERUSER LOGIN")
            link.execute("CREATE DATABASE mapwright OWNER mapwright")

    def take_over(self, database: str, folder: Path) -> None:
        """The tables of a migrated database, copied: migrating anew would take longer than all the rest."""
        dump = folder / "migrated.sql"
        server.run_tool("pg_dump", "--no-owner", f"--file={dump}", database=database)
        command = [str(self.bin / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.run_dir), "-U", "mapwright"]
        subprocess.run([*command, "-f", str(dump), "mapwright"], check=True, stdout=subprocess.DEVNULL, timeout=120)

    def restart(self) -> None:
        """As after a crash: connections are cut, the log is replayed."""
        self.call("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "-l", str(self.run_dir / "log"), "restart")

    def stop(self) -> None:
        self.call("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    # Socket paths must stay short, and the postgres user must reach them.
    with tempfile.TemporaryDirectory(prefix="mw-f5-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder))
        cluster.start()
        yield cluster
        cluster.stop()


def prepare(environment: dict[str, str]) -> tuple[int, int, list[str]]:
    """Fill a queue in the cluster's database; region, batch and tokens."""
    import json

    whole = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings.dev",
        "MAPWRIGHT_SECRET_KEY": SECRET,
        **environment,
    }
    code = PREPARE.format(items=ITEMS, people=PEOPLE)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=whole, check=True, capture_output=True, text=True)
    region, batch, tokens = json.loads(done.stdout.strip().splitlines()[-1])
    return region, batch, tokens


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_no_acknowledged_decision_is_lost_when_the_database_restarts(cluster: Cluster, tmp_path: Path):
    environment = {
        "MAPWRIGHT_DB_HOST": str(cluster.run_dir), "MAPWRIGHT_DB_NAME": "mapwright", "MAPWRIGHT_DB_USER": "mapwright",
        "MAPWRIGHT_DB_PASSWORD": "", "MAPWRIGHT_REDIS_URL": settings.REDIS_URL,
    }  # fmt: skip
    cluster.take_over(server.own_name(), tmp_path)
    region, batch, tokens = prepare(environment)
    restarts: list[int] = []
    busy = threading.Lock()

    def restart_at(number: int) -> None:
        with busy:
            if len(restarts) < len(RESTART_AFTER) and number >= RESTART_AFTER[len(restarts)]:
                restarts.append(number)
                cluster.restart()

    with WebServer(environment, workers=1, threads=PEOPLE) as url:
        worked = drain(url, tokens, region=region, batch=batch, on_decided=restart_at)
    with psycopg.connect(host=str(cluster.run_dir), user="mapwright", dbname="mapwright") as link:
        stored = [row[0] for row in link.execute("SELECT item_id FROM review_verdict").fetchall()]
    assert len(restarts) == 2 and worked.troubles > 0
    assert set(worked.acknowledged) - set(stored) == set()
    assert len(stored) == len(set(stored)) == len(set(worked.acknowledged)) == ITEMS
