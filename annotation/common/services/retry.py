"""Give a job that failed or was stopped its tries back; what it has stored so far is kept and gone on from."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from annotation.common.errors import ConflictError
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import send_wakeup
from annotation.common.signals import job_retried

ENDED_WITHOUT_A_RESULT = (JobState.FAILED, JobState.CANCELLED)


@transaction.atomic
def retry(job: Job) -> Job:
    """Put the job back into its queue; receivers of `job_retried` make ready what it works on, or object.

    Raises:
        ConflictError: it waits, runs or succeeded; another such job is under way; or what it works on has gone.
    """
    row = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    if row.state not in ENDED_WITHOUT_A_RESULT:
        raise ConflictError("only a job that failed or was cancelled can be tried again")
    job_retried.send(Job, job=row)
    row.state, row.attempts, row.run_token, row.heartbeat_at = JobState.QUEUED, 0, None, None
    row.cancel_requested, row.error_code, row.error_detail = False, "", ""
    row.progress, row.started_at, row.finished_at = 0.0, None, None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise ConflictError("another job of this kind for the same thing is under way: wait for its end") from error
    transaction.on_commit(lambda: send_wakeup(row.pk, row.kind, row.params), robust=True)
    return row
