"""Queue the main job of a region."""

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services.jobs import enqueue
from annotation.consistency.services.start import check_idle
from annotation.review.services.audit import record
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources

MAIN_JOB = "changes.main_job"


@transaction.atomic
def start_main_job(
    *,
    region: Region,
    user: User | None,
    preset: str = "compact",
    seed: int = 0,
    include_unmapped: bool = False,
    after: Job | None = None,
    sources: tuple[Imagery, MapSnapshot] | None = None,
    wake: bool = True,
) -> Job:
    """Everything from pairs to candidates in one job; a region has one at a time.

    Args:
        after: the first look that it follows, and which ends in the same transaction.
        sources: imagery and map to work on; those in use where none are named.

    Raises:
        InvalidError: the region has no imagery or no map yet.
        ConflictError: scan_running.
    """
    imagery, snapshot = sources or current_sources(region)
    running = Job.objects.unfinished().filter(kind=MAIN_JOB, dedup_key=f"region:{region.pk}").first()
    check_idle(region, running or after)
    job = enqueue(
        kind=MAIN_JOB,
        params={
            "region": region.pk,
            "imagery": imagery.pk,
            "snapshot": snapshot.pk,
            "preset": preset,
            "seed": seed,
            "include_unmapped": include_unmapped,
        },
        scope_id=region.pk,
        created_by=user,
        dedup_key=f"region:{region.pk}",
        wake=wake,
    )
    record(
        actor=user, action="main_job.started", object_kind="job", object_id=job.pk, scope_id=region.pk, preset=preset
    )
    return job
