"""Marks scans whose job ended without a result."""

from typing import Any

from annotation.common.models import Job
from annotation.consistency.models import Scan, ScanState


def mark_failed(sender: Any, job: Job, **kwargs: Any) -> None:
    """Hear that a job failed or was cancelled: its scan won't be finished."""
    Scan.objects.filter(job=job, state=ScanState.PENDING).update(state=ScanState.FAILED)
