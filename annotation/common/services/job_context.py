"""What a running job holds: its progress, its live figures, its heartbeat, and the right to commit a result."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from annotation.common.engine import StoppedError
from annotation.common.models import Job, JobFigure, JobQuerySet, JobState

logger = logging.getLogger(__name__)
Echo = Callable[[float, str], None]


class JobContext:
    """One run of one job; implements `mlcore.progress.Progress`.

    The row is the truth: everything written is conditional on the run's token, so a run that was given up (its
    heartbeat was lost and another run took over) can't write any more and is told to stop.
    """

    def __init__(self, job: Job, echo: Echo | None = None) -> None:
        self.job = job
        self.params: dict[str, Any] = job.params
        self.run_token: uuid.UUID | None = job.run_token
        self.result: dict[str, Any] = {}
        self.committed = False
        self._echo = echo
        self._stop = threading.Event()
        self._progress, self._message = job.progress, ""
        self._figures: list[tuple[str, int | None, float]] = []
        self._steps: dict[str, int] | None = None
        self._written_at = 0.0
        self._asked_at = 0.0

    @property
    def id(self) -> str:
        return str(self.job.pk)

    def set_result(self, result: Mapping[str, Any]) -> None:
        """Add to what the job leaves behind; stored when it ends."""
        self.result.update(result)

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        """Keep progress (0..1), message and live figures; the row is written at most twice a second.

        An "epoch" among the figures, from 1, is the step of the others: an epoch that is told again changes no curve.
        """
        self._progress = min(max(float(fraction), 0.0), 1.0)
        self._message = message[:300] or self._message
        given = dict(figures or {})
        epoch = given.pop("epoch", None)
        self._figures += [(name, None if epoch is None else int(epoch) - 1, float(given[name])) for name in given]
        if self._echo:
            self._echo(self._progress, self._message)
        if time.monotonic() - self._written_at >= settings.JOB_REPORT_SECONDS and not connection.in_atomic_block:
            self.flush()

    def flush(self) -> None:
        """Write what was reported since the last time."""
        self._written_at = time.monotonic()
        changes = {"progress": self._progress, "message": self._message, "heartbeat_at": timezone.now()}
        if not self.mine().update(**changes):
            self._stop.set()
            return
        figures, self._figures = self._figures, []
        if figures:
            JobFigure.objects.bulk_create([self._figure(*figure) for figure in figures], ignore_conflicts=True)

    def _figure(self, name: str, step: int | None, value: float) -> JobFigure:
        if self._steps is None:
            last = JobFigure.objects.filter(job=self.job).order_by().values_list("name").annotate(Max("step"))
            self._steps = dict(last)
        self._steps[name] = self._steps.get(name, -1) + 1 if step is None else step
        return JobFigure(job=self.job, name=name[:80], step=self._steps[name], value=value)

    def should_stop(self) -> bool:
        """True once somebody cancelled the job or another run took it over."""
        if not self._stop.is_set() and time.monotonic() - self._asked_at >= settings.JOB_REPORT_SECONDS:
            self._asked_at = time.monotonic()
            if not self.mine().filter(cancel_requested=False).exists():
                self._stop.set()
        return self._stop.is_set()

    def mine(self) -> JobQuerySet:
        """The job's row, as long as this run owns it."""
        return Job.objects.filter(pk=self.job.pk, run_token=self.run_token, state=JobState.RUNNING)

    @contextmanager
    def transaction(self, *, final: bool = False) -> Iterator[None]:
        """A transaction that only the owning run can commit; one that lost the job or was cancelled gets StoppedError.

        With `final`, the job succeeds in the same transaction: a crash afterwards can't make its result twice.
        """
        with transaction.atomic():
            owned = self.mine().filter(cancel_requested=False).select_for_update(no_key=True).first()
            if owned is None:
                self._stop.set()
                raise StoppedError("the job was cancelled or given to another run; nothing was stored")
            yield
            if final:
                self.succeed()
            else:
                self.mine().update(heartbeat_at=timezone.now())
        self.committed = self.committed or final

    def succeed(self) -> bool:
        """Mark the job done; False if this run owns it no longer."""
        now = timezone.now()
        changes = {"state": JobState.SUCCEEDED, "progress": 1.0, "finished_at": now, "heartbeat_at": now}
        return bool(self.mine().update(**changes, message=self._message, result=self.result, run_token=None))

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Keeps the row's heartbeat fresh from a thread, however long a step takes.

        Inside a surrounding transaction (which another connection can't see) there is no thread.
        """
        if connection.in_atomic_block:
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(done,), name=f"heartbeat {self.job.pk}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, done: threading.Event) -> None:
        try:
            while not done.wait(settings.JOB_HEARTBEAT_SECONDS):
                try:
                    alive = self.mine().update(heartbeat_at=timezone.now())
                    if not alive or self.mine().filter(cancel_requested=True).exists():
                        self._stop.set()
                except DatabaseError:
                    logger.warning("no heartbeat of job %s: the database does not answer", self.job.pk)
                    connection.close()
        finally:
            connection.close()
