"""Marks scans whose job ended without a result, or is to be tried again."""

from typing import Any

from django.conf import settings

from annotation.common.models import Job
from annotation.consistency.models import Scan, ScanState
from annotation.consistency.services.start import check_idle
from annotation.sources.models import Region


def mark_failed(sender: Any, job: Job, **kwargs: Any) -> None:
    """Hear that a job failed or was cancelled: its scan won't be finished."""
    Scan.objects.filter(job=job, state=ScanState.PENDING).update(state=ScanState.FAILED)


def mark_pending(sender: Any, job: Job, **kwargs: Any) -> None:
    """Hear that a job is to be tried again: its scan may still be finished, unless the region is scanned meanwhile.

    Raises:
        ScanRunningError: another job scans the region.
    """
    if job.kind in settings.SCANNING_JOBS and job.scope_id is not None:
        check_idle(Region.objects.get(pk=job.scope_id), job)
    Scan.objects.filter(job=job, state=ScanState.FAILED).update(state=ScanState.PENDING)
