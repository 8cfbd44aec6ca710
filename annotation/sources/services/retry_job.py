"""A person has a job tried again; and what becomes of sources and regions then."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import ConflictError, NotAllowedError
from annotation.common.models import Job
from annotation.common.services.retry import retry
from annotation.review.services.audit import record
from annotation.sources.models import Region
from annotation.sources.services.fail import MODELS


@transaction.atomic
def retry_job(*, user: User, job: Job) -> Job:
    """Try the job again, for who started it or an admin, with a line in the audit.

    Raises:
        NotAllowedError: the person is neither.
        ConflictError: as of `annotation.common.services.retry.retry`.
    """
    if not user.is_admin and job.created_by_id != user.pk:
        raise NotAllowedError("only an admin, or who started the job, can have it tried again")
    code, attempts = job.error_code, job.attempts
    tried = retry(job)
    record(
        actor=user, action="job.retry", object_kind="job", object_id=job.pk, scope_id=job.scope_id,
        kind=job.kind, error_code=code, attempts=attempts,
    )  # fmt: skip
    return tried


def check_retry(sender: Any, *, job: Job, **kwargs: Any) -> None:
    """Receiver of `job_retried`: a job of a region that has gone, or of an import whose file has, stays as it is."""
    if job.scope_id is not None and not Region.objects.filter(pk=job.scope_id).exists():
        raise ConflictError("its region has been deleted: there is nothing left to work on")
    if job.kind in MODELS:
        raise ConflictError("the file of an import that failed is not kept: import it again on the page of sources")
