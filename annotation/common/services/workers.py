"""Workers: what each serves and computes on, and what therefore becomes of a job that is started now."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, QuerySet
from django.utils import timezone

from annotation.common.models import Job, JobState, Worker

FORGET = timedelta(days=1)
PROBE = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"
PROBE_SECONDS = 120
LAST_WORD_SECONDS = 2.0


def rule_of(kind: str, params: Mapping[str, Any]) -> str:
    """The name by which the settings speak of a job: its kind, or `kind?name=value` where they name a parameter."""
    special = (f"{kind}?{name}={value}" for name, value in params.items() if isinstance(value, str))
    return next((one for one in special if one in settings.JOB_QUEUES), kind)


def queue_of(kind: str, params: Mapping[str, Any]) -> str:
    """The queue that a job waits in."""
    queue: str = settings.JOB_QUEUES.get(rule_of(kind, params), settings.CELERY_TASK_DEFAULT_QUEUE)
    return queue


def live_workers() -> list[Worker]:
    """Those that gave a sign of life lately."""
    since = timezone.now() - timedelta(seconds=settings.WORKER_GONE_SECONDS)
    return list(Worker.objects.filter(seen_at__gte=since).order_by("name"))


def unserved_queues(workers: Sequence[Worker]) -> list[str]:
    """Queues in which jobs may wait and that no worker serves."""
    served = {queue for worker in workers for queue in worker.queues}
    return sorted({settings.CELERY_TASK_DEFAULT_QUEUE, *settings.JOB_QUEUES.values()} - served)


def outlook(
    kind: str,
    params: Mapping[str, Any],
    workers: Sequence[Worker],
    scope_id: int | None = None,
    seen: QuerySet[Job] | None = None,
) -> str:
    """What will keep a job waiting or make it slow, in words; empty where nothing does.

    Args:
        workers: as of `live_workers`.
        scope_id: of which region; the time of the last such job there is told.
        seen: jobs that the asker may see, of which the last one's time is told where the region has had none.
    """
    rule, queue = rule_of(kind, params), queue_of(kind, params)
    serving = [worker for worker in workers if queue in worker.queues]
    if not serving:
        return f"no worker serves the queue {queue}, so this waits: start one with celery -A webapp worker -Q {queue}"
    if rule not in settings.GPU_JOBS or any(worker.has_gpu or not worker.device for worker in serving):
        return ""
    return f"no GPU here: this runs on the processor{_last_time(kind, scope_id, seen)}"


def _last_time(kind: str, scope_id: int | None, seen: QuerySet[Job] | None) -> str:
    """How long the last one took, of the same region, or of all of them, where there is one."""
    tries: list[tuple[QuerySet[Job], str]] = [(Job.objects.filter(scope_id=scope_id), "the last one")]
    if seen is not None:
        tries.append((seen, "the last one" if scope_id is None else "the last one, of another region,"))
    for jobs, where in tries:
        done = jobs.filter(kind=kind, state=JobState.SUCCEEDED, started_at__isnull=False, finished_at__isnull=False)
        took = done.order_by("-finished_at").values_list(F("finished_at") - F("started_at"), flat=True).first()
        if took is not None:
            minutes = max(1, round(took.total_seconds() / 60))
            return f"; {where} took about {minutes} minute{'' if minutes == 1 else 's'}"
    return ""


def say_alive(name: str, queues: Sequence[str], device: str) -> None:
    """Write a worker's sign of life, and forget those that have been gone for long."""
    now = timezone.now()
    said = {"queues": sorted(queues), "device": device[:120], "seen_at": now}
    Worker.objects.update_or_create(name=name[:200], defaults=said)
    Worker.objects.filter(seen_at__lt=now - FORGET).delete()


class Beat(threading.Thread):
    """Gives a worker's sign of life until it is stopped; it asks what the worker computes on first.

    The device is asked of a process of its own: one that has looked at a GPU can't be forked any more.
    """

    def __init__(self, name: str, queues: Sequence[str]) -> None:
        super().__init__(name=f"beat of {name}", daemon=True)
        self._worker, self._queues, self._done = name, list(queues), threading.Event()

    def run(self) -> None:
        device = ""
        self._say(device)
        device = device_here()
        while True:
            self._say(device)
            if self._done.wait(settings.WORKER_BEAT_SECONDS):
                return

    def stop(self) -> None:
        """The worker ends: nobody is to wait for it."""
        self._done.set()
        self.join(LAST_WORD_SECONDS)
        try:
            Worker.objects.filter(name=self._worker).delete()
        except DatabaseError:
            return
        finally:
            connection.close()

    def _say(self, device: str) -> None:
        if self._done.is_set():
            return
        try:
            say_alive(self._worker, self._queues, device)
        except DatabaseError:
            return
        finally:
            # Children that are forked later must not inherit an open connection.
            connection.close()


def device_here() -> str:
    """`cuda` and the card that this process's jobs would compute on, else `cpu`."""
    wished = settings.COMPUTE_DEVICE
    if wished and not wished.startswith("cuda"):
        return str(wished)
    try:
        told = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "cpu"
    return f"cuda {told.stdout.strip()}" if told.stdout.strip() else "cpu"
