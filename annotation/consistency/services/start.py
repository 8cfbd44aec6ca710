"""Starts a scan: one model over the pairs of the region's newest imagery and map."""

from django.conf import settings
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import ConflictError, InvalidError, NotFoundError
from annotation.common.models import Job
from annotation.common.services.jobs import enqueue
from annotation.consistency import selectors
from annotation.consistency.models import Scan
from annotation.learning.models import GENERAL, REGION, ModelVersion
from annotation.learning.selectors import active_model
from annotation.review.services.audit import record
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources

KIND = "consistency.scan"


class NoModelError(InvalidError):
    """The region has no trained model."""

    code = "no_model"


class NoPairsError(InvalidError):
    """There is nothing to scan."""

    code = "no_pairs"


class ScanRunningError(ConflictError):
    """The region is being scanned already."""

    code = "scan_running"


@transaction.atomic
def start(
    *,
    region: Region,
    user: User | None,
    model: ModelVersion | None = None,
    include_unmapped: bool = False,
    job: Job | None = None,
    sources: tuple[Imagery, MapSnapshot] | None = None,
    wake: bool = True,
) -> Scan:
    """A scan of the region, with a job of its own or as a part of the running `job`.

    A `job` that comes twice gets its scan back. `wake=False` is for callers that run the job themselves.

    Args:
        model: the region's, or the general one; None: the one in use.
        sources: imagery and map to look at; those in use where none are named.

    Raises:
        InvalidError: no_model or no_pairs.
        NotFoundError: the model is another region's, or of another kind.
        ConflictError: scan_running.
    """
    if job is not None and (mine := Scan.objects.filter(job=job).first()):
        return mine
    model = model or active_model(region.pk)
    if model is None:
        raise NoModelError("the region has no model in use; train one, or promote one, then scan")
    if model.kind != GENERAL and (model.region_id != region.pk or model.kind != REGION):
        raise NotFoundError(f"the region has no model {model.pk}")
    check_idle(region, job)
    scan = _create(region, user, model, include_unmapped, sources or current_sources(region))
    scan.job = job or enqueue(
        kind=KIND,
        params={"scan": scan.pk},
        scope_id=region.pk,
        created_by=user,
        dedup_key=f"scan:{scan.pk}",
        wake=wake,
    )
    scan.save(update_fields=["job"])
    record(
        actor=user, action="scan.started", object_kind="scan", object_id=scan.pk, scope_id=region.pk,
        model=model.pk, include_unmapped=include_unmapped,
    )  # fmt: skip
    return scan


def check_idle(region: Region, job: Job | None = None) -> None:
    """Refuse a second scan of the region, in the caller's transaction: of two that ask at once the other waits here.

    A main job counts from its start, since it will scan.

    Args:
        job: the one that asks; it is not in its own way.
    """
    Region.objects.select_for_update(no_key=True).get(pk=region.pk)
    busy = Job.objects.unfinished().for_scope(region.pk).filter(kind__in=settings.SCANNING_JOBS)
    other = (busy.exclude(pk=job.pk) if job else busy).order_by("created_at").first()
    if other is not None:
        raise ScanRunningError(
            "the region is being scanned already; wait for that job or cancel it", job=str(other.pk), kind=other.kind
        )


def _create(
    region: Region, user: User | None, model: ModelVersion, include_unmapped: bool, sources: tuple[Imagery, MapSnapshot]
) -> Scan:
    imagery, snapshot = sources
    scan = Scan.objects.create(
        region=region,
        model=model,
        imagery=imagery,
        snapshot=snapshot,
        include_unmapped=include_unmapped,
        created_by=user,
    )
    if not selectors.pairs_to_scan(scan).exists():
        raise NoPairsError(
            "no tile has both image and a complete map; wait for the imports to finish, or include the unmapped part"
        )
    return scan
