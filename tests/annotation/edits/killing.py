"""Where a worker of an upload is killed, and what must be true once another one went on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.db import connection

from annotation.common.models import Job
from annotation.edits.models import Upload
from annotation.edits.services.uploads import start
from tests.annotation.edits.uploading import Case, Workers, alive, kill, recover, wait_gone

PATHS = {
    "limits": ("GET", "/capabilities"),
    "open": ("PUT", "/changeset/create"),
    "send": ("POST", "/upload"),
    "close": ("PUT", "/close"),
    "find": ("GET", "/changesets"),
    "read back": ("GET", "/download"),
}
HOWS = ("never came", "took effect", "takes effect late", "answer unstored")
MOST_RUNS = 12


@dataclass(frozen=True)
class Point:
    """A request, and what becomes of it as its worker dies.

    Attributes:
        how: it never reaches the server; it took effect and its answer is lost; it takes effect only when the next
            worker has made so many requests (`late`); its answer came and was not stored yet.
        first: another point at which a worker died before, so that this one recovers.
    """

    request: str
    how: str
    late: int = 0
    first: Point | None = None

    def __str__(self) -> str:
        told = f"{self.request} {self.how}{f' ({self.late})' if self.late else ''}"
        return f"{self.first}, then {told}" if self.first else told


LOST = Point("send", "never came")
TAKEN = Point("send", "took effect")
POINTS = [
    *(Point(request, how) for request in ("open", "send", "close") for how in ("never came", "took effect")),
    *(Point(request, "answer unstored") for request in ("limits", "open", "send", "close")),
    *(Point("send", "takes effect late", late) for late in (1, 2, 3, 4, 6)),
    Point("open", "takes effect late", 2), Point("close", "takes effect late", 1),
    Point("find", "never came", first=Point("open", "took effect")),
    Point("find", "answer unstored", first=Point("open", "took effect")),
    Point("read back", "never came", first=TAKEN), Point("read back", "answer unstored", first=TAKEN),
    Point("read back", "never came", first=LOST), Point("close", "took effect", first=LOST),
    Point("close", "never came", first=LOST), Point("send", "took effect", first=LOST),
    Point("send", "takes effect late", 3, first=LOST),
]  # fmt: skip


def killed_at(point: Point, case: Case, upload: Upload, crew: Workers) -> list[str]:
    """Kill a worker there, let others go on to the end; what is wrong in the map then."""
    late: list[tuple[int, int]] = []
    for one in [point.first, point] if point.first else [point]:
        _kill_once(one, case, upload, crew, late)
    for _ in range(MOST_RUNS):
        upload.refresh_from_db()
        if upload.state == "done":
            break
        job = recover(upload)
        if job.finished:
            start.resume(user=case.editor, upload=upload)
            job = recover(upload)
        pid = crew.start(job.pk)
        _let_late_ones_in(case, late, pid)
        wait_gone(pid)
    for rule, _ in late:
        case.server.release(rule)
    upload.refresh_from_db()
    return case.mistakes() + ([] if upload.state == "done" else [f"it ended {upload.state}"])


def _kill_once(point: Point, case: Case, upload: Upload, crew: Workers, late: list[tuple[int, int]]) -> None:
    job = recover(upload)
    if point.how == "answer unstored":
        _kill_before_storing(point, upload, job, crew, case)
        return
    when = "after" if point.how == "took effect" else "before"
    then = "apply" if point.how == "takes effect late" else "drop"
    rule = case.server.hold(*PATHS[point.request], when, then)
    pid = crew.start(job.pk)
    assert case.server.wait_held(rule), f"no such request: {case.server.requests()}"
    kill(pid)
    if then == "apply":
        late.append((rule, len(case.server.requests()) + point.late))
    else:
        case.server.release(rule)


def _let_late_ones_in(case: Case, late: list[tuple[int, int]], pid: int) -> None:
    """Requests of workers that are dead take effect while another one is at work, each in its turn."""
    for rule, turn in late:
        deadline = time.monotonic() + 60
        while len(case.server.requests()) < turn and time.monotonic() < deadline and alive(pid):
            time.sleep(0.005)
        case.server.release(rule)
    late.clear()


def _kill_before_storing(point: Point, upload: Upload, job: Job, crew: Workers, case: Case) -> None:
    """The answer came; a lock on the row keeps the worker from storing it, and there it dies."""
    rule = case.server.hold(*PATHS[point.request], "before", "apply")
    pid = crew.start(job.pk)
    assert case.server.wait_held(rule), f"no such request: {case.server.requests()}"
    with _locked(upload) as waits:
        case.server.release(rule)
        deadline = time.monotonic() + 60
        while not waits():
            assert time.monotonic() < deadline, "the worker does not come to store the answer"
            time.sleep(0.005)
        kill(pid)


@contextmanager
def _locked(upload: Upload) -> Iterator[Callable[[], bool]]:
    """The upload's row, held by another connection; gives whether anybody waits for it."""
    said = connection.get_connection_params()
    said = {key: said[key] for key in ("dbname", "user", "password", "host", "port") if said.get(key)}
    with psycopg.connect(**said) as own, psycopg.connect(**said, autocommit=True) as watch:
        own.execute("SELECT 1 FROM edits_upload WHERE id = %s FOR UPDATE", [upload.pk])
        mine = own.info.backend_pid

        def waits() -> bool:
            asked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
            row = watch.execute(asked, [mine]).fetchone()
            return bool(row and row[0])

        yield waits
        own.rollback()
