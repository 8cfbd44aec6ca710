"""Run a job in the foreground: a progress line, and a Ctrl-C that stops after the next checkpoint."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import OutputWrapper
from django.db import connection

from annotation.common.errors import ConflictError
from annotation.common.models import Job, JobState
from annotation.common.services import jobs

BAR = 24


class ProgressLine:
    """A bar that is drawn again in place on a terminal, and a line per step elsewhere."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out, self._tty = out, out.isatty()
        self._said = ""
        self._start = time.monotonic()

    def __call__(self, fraction: float, message: str) -> None:
        took = int(time.monotonic() - self._start)
        if self._tty:
            bar = "#" * int(BAR * fraction)
            text = f"\r[{bar:<{BAR}}] {fraction:4.0%} {took // 60}:{took % 60:02d} {message[:60]:<60}"
            self._out.write(text, ending="")
            self._out.flush()
        elif (step := f"{int(fraction * 20) * 5:3d} %") != self._said:
            self._out.write(f"{step} {took // 60}:{took % 60:02d} {message}")
            self._said = step

    def end(self) -> None:
        if self._tty:
            self._out.write("")


def run_here(job: Job, out: OutputWrapper) -> Job:
    """Run the job in this process, or follow the worker that has it; returns the finished row."""
    line = ProgressLine(out)
    with _stop_on_ctrl_c(job, out):
        while not jobs.execute(job.pk, line):
            job.refresh_from_db()
            if job.finished:
                break
            line(job.progress, job.message)
            jobs.sweep()
            time.sleep(1)
    line.end()
    job.refresh_from_db()
    return job


def said(job: Job) -> str:
    """Why a job ended without success, with the remedy."""
    if job.state == JobState.CANCELLED:
        return "stopped; run the same command again to go on from the last checkpoint"
    return f"{job.error_code}: {job.error_detail}"


@contextmanager
def _stop_on_ctrl_c(job: Job, out: OutputWrapper) -> Iterator[None]:
    """The first Ctrl-C asks the job to stop, the second one ends this process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        out.write("\nstopping at the next checkpoint; Ctrl-C again to end at once")
        threading.Thread(target=_cancel, args=(job,), daemon=True).start()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _cancel(job: Job) -> None:
    try:
        jobs.cancel(Job.objects.get(pk=job.pk))
    except ConflictError:
        return
    finally:
        connection.close()
