"""A changeset of three edits whose base lies on the test server, and whether the map has each of them exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.edits.models import Changeset, OsmAccount, Upload
from annotation.edits.services import changesets
from annotation.edits.services.uploads import start
from annotation.edits.services.uploads.sealing import seal
from annotation.sources.models import Footprint
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision
from tests.osm_server import OsmServer
from tests.osm_server.process import CLIENT, SECRET

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "token of the editor"


def upload_settings(server: OsmServer) -> dict[str, Any]:
    """Settings that let uploads go to the test server."""
    return {
        "OSM_UPLOAD": True, "OSM_API_URL": server.url, "OSM_SITE_URL": server.url, "OSM_CLIENT_ID": CLIENT,
        "OSM_CLIENT_SECRET": SECRET, "OSM_HOSTS": ["127.0.0.1"], "OSM_PAUSE_SECONDS": 0.02,
    }  # fmt: skip


@dataclass
class Case:
    """What is to be uploaded."""

    server: OsmServer
    editor: User
    changeset: Changeset
    reshaped: Footprint
    removed: Footprint
    count: dict[str, int]

    def mistakes(self) -> list[str]:
        """What the map has other than exactly once; none where all is well."""
        ways = {row["id"]: row for row in self.server.present("way")}
        nodes = {row["id"] for row in self.server.present("node")}
        new = [row for row in ways.values() if row["version"] == 1]
        found = []
        if len(new) != self.count["new"] or len(self.server.present("way")) != self.count["ways"]:
            found.append(f"{len(new)} new buildings")
        if self.removed.osm_id in ways:
            found.append("the demolished one stands")
        if ways[self.reshaped.osm_id]["version"] != self.reshaped.version + 1:
            found.append(f"the reshaped one is at {ways[self.reshaped.osm_id]['version']}")
        used = {ref for row in ways.values() for ref in row["body"]}
        if nodes != used:
            found.append(f"{len(nodes ^ used)} nodes that no building uses, or that are missing")
        return found


def sign_in_at(server: OsmServer, user: User, name: str = "Ada") -> OsmAccount:
    """The person's account on the test server, as signing in leaves it."""
    number = server.person(name, token=TOKEN)
    sealed = seal(TOKEN, f"{user.pk} {server.url}")
    return OsmAccount.objects.create(
        user=user, server=server.url, osm_id=number, name=name, sealed_token=sealed
    )  # fmt: skip


def house(server: OsmServer, scan: Any, column: float, first: int) -> Footprint:
    """A building of the map, on the server as well."""
    shape = square(column, 0.5, 0.1)
    corners = [tuple(round(value, 7) for value in corner) for corner in shape.coords[0][:-1]]
    refs = [first + n for n in range(4)]
    nodes = [[ref, 1, lon, lat, False, False] for ref, (lon, lat) in zip(refs, corners, strict=True)]
    footprint = FootprintFactory(
        snapshot=scan.snapshot, osm_id=first, version=3, geometry=shape, nodes=[*nodes, nodes[0]]
    )  # fmt: skip
    server.put(
        *(("node", ref, 1, {"lon": lon, "lat": lat}) for ref, _, lon, lat, *_ in nodes),
        ("way", first, 3, {"body": [*refs, refs[0]], "tags": {"building": "yes"}}),
    )
    return footprint


def make_case(
    server: OsmServer, scan: Any = None, editor: User | None = None, first: int = 1000, east: float = 0
) -> Case:
    """Accepted and in a changeset: two new buildings, another shape, a demolished one; `east`: tiles further."""
    scan = scan or ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    editor = editor or UserFactory(role="editor")
    reshaped, removed = house(server, scan, east + 0.2, first), house(server, scan, east + 0.8, first + 10)
    wider = square(east + 0.22, 0.5, 0.14)
    changes = [
        ChangeFactory(scan=scan, geometry=square(east + 0.5, 0.2, 0.1)),
        ChangeFactory(scan=scan, geometry=square(east + 0.5, 0.8, 0.1)),
        ChangeFactory(scan=scan, kind="modify", footprint=reshaped, geometry=wider),
        ChangeFactory(scan=scan, kind="remove", footprint=removed, geometry=removed.geometry),
    ]
    for change in changes:
        save_decision(editor, change)
    made = changesets.create(
        user=editor, region=scan.region, comment="Buildings from imagery", change_ids=[one.pk for one in changes]
    )  # fmt: skip
    before = server.present("way")
    new = sum(row["version"] == 1 for row in before)
    count = {"new": new + 2, "ways": len(before) + 1}
    return Case(server, editor, made.changeset, reshaped, removed, count)


class Workers:
    """Processes that run one job each and may be killed; forked from one that has everything loaded."""

    def __init__(self, server: OsmServer) -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
            "MAPWRIGHT_DB_NAME": str(connection.settings_dict["NAME"]),
            "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
            "MAPWRIGHT_OSM_UPLOAD": "1",
            "MAPWRIGHT_OSM_API_URL": server.url,
            "MAPWRIGHT_OSM_CLIENT_ID": CLIENT,
            "MAPWRIGHT_OSM_CLIENT_SECRET": SECRET,
            "MAPWRIGHT_OSM_HOSTS": "127.0.0.1",
            "MAPWRIGHT_OSM_PAUSE_SECONDS": "0.02",
            "MAPWRIGHT_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "tests.annotation.edits.upload_worker"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, job_id: Any) -> int:
        """Run the job in a process of its own; its id."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(job_id, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def workers(server: OsmServer) -> Iterator[Workers]:
    running = Workers(server)
    try:
        yield running
    finally:
        running.stop()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_gone(pid: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


def kill(pid: int) -> None:
    """As the kernel does to a worker that takes too much memory."""
    os.kill(pid, signal.SIGKILL)
    wait_gone(pid)


def recover(upload: Upload) -> Job:
    """What the sweeper does a minute after a worker died: the job waits again."""
    job = Job.objects.get(pk=Upload.objects.values_list("job_id", flat=True).get(pk=upload.pk))
    if job.state == JobState.RUNNING:
        long_ago = timezone.now() - timedelta(seconds=settings.JOB_STALE_SECONDS + 1)
        Job.objects.filter(pk=job.pk).update(heartbeat_at=long_ago)
        jobs.sweep()
        job.refresh_from_db()
    return job


def started(case: Case) -> Upload:
    return start.start(user=case.editor, changeset=case.changeset)


def ran(upload: Upload) -> tuple[Upload, Job]:
    """Run its job here, to its end."""
    job = Job.objects.get(pk=Upload.objects.get(pk=upload.pk).job_id)
    jobs.execute(job.pk)
    job.refresh_from_db()
    upload.refresh_from_db()
    return upload, job


def again(case: Case, upload: Upload) -> tuple[Upload, Job]:
    """Go on with it."""
    start.resume(user=case.editor, upload=upload)
    return ran(upload)


def sent(case: Case) -> int:
    """How many diffs came in."""
    return sum(one.startswith("POST") and one.endswith("/upload") for one in case.server.requests())


def lost_answer(case: Case) -> Upload:
    """An upload that took effect and does not know it: its changeset is open, nothing was read back yet."""
    upload, _ = ran(started(case))
    assert upload.state == "done"
    upload.receipts.all().delete()
    Upload.objects.filter(pk=upload.pk).update(state="sending", done_at=None)
    case.server.rows(f"UPDATE changesets SET closes = created + 3600 WHERE id = {upload.osm_changeset} RETURNING id")
    upload.refresh_from_db()
    return upload
