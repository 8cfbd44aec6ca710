"""A real Celery worker on the test's database and a queue of its own, started and stopped by tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from annotation.common.models import Job

ROOT = Path(settings.BASE_DIR)


class Worker:
    """`celery -A webapp worker` as a process; `queue` keeps other workers of this machine away."""

    def __init__(self, queue: str, log: Path) -> None:
        self.queue, self.log = queue, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [sys.executable, "-m", "celery", "-A", "webapp", "worker", "-Q", self.queue, "--concurrency", "1"]
        words += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.annotation.common.worker_settings",
            "MAPWRIGHT_DB_NAME": str(connection.settings_dict["NAME"]),
            "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
            "PYTHONPATH": str(ROOT),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text() if self.log.exists() else ""

    def kill(self) -> None:
        """End it and its children as a crash does."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def wait_until(condition: Callable[[], Any], *, seconds: float = 90, what: str | Path = "") -> Any:
    """Poll until `condition` is true; fails with `what` (a text or a log) after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    told = what.read_text()[-3000:] if isinstance(what, Path) else what
    raise AssertionError(f"not within {seconds} s: {told}")


def ended(job: Job) -> Callable[[], bool]:
    """Whether the job has ended."""
    return lambda: Job.objects.get(pk=job.pk).finished
