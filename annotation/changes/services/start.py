"""Queue the long work of this stage: the main job of a region, or the candidates of one scan."""

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.common.models import Job
from annotation.common.services.jobs import enqueue
from annotation.consistency.selectors import latest_scan
from annotation.review.services.audit import record
from annotation.sources.models import Region
from annotation.sources.selectors import current_sources

MAIN_JOB, FIND = "changes.main_job", "changes.find"


@transaction.atomic
def start_main_job(
    *,
    region: Region,
    user: User | None,
    preset: str = "compact",
    seed: int = 0,
    include_unmapped: bool = False,
    wake: bool = True,
) -> Job:
    """Everything from pairs to candidates in one job; a region has one at a time.

    Raises:
        InvalidError: the region has no imagery or no map yet.
    """
    imagery, snapshot = current_sources(region)
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


@transaction.atomic
def start_find(*, region: Region, user: User | None) -> Job:
    """Candidates of the region's newest finished scan.

    Raises:
        InvalidError: there is none.
    """
    scan = latest_scan(region.pk)
    if scan is None:
        raise InvalidError("the region has no finished scan; start one, wait for it, then look for changes")
    return enqueue(
        kind=FIND, params={"scan": scan.pk}, scope_id=scan.region_id, created_by=user, dedup_key=f"scan:{scan.pk}"
    )
