"""Starts first looks: by hand, and by themselves once imagery and map of a region are there."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from annotation.accounts.models import User
from annotation.common.errors import DomainError
from annotation.common.models import Job
from annotation.common.services.jobs import enqueue
from annotation.consistency.models import Scan, ScanState
from annotation.consistency.services.start import check_idle
from annotation.learning.engine import general_there
from annotation.learning.errors import NoGeneralModelError
from annotation.learning.models import REGION
from annotation.learning.selectors import active_model, models_in_use
from annotation.pipeline.errors import OwnModelError
from annotation.pipeline.services.start import MAIN_JOB
from annotation.review.services.audit import record
from annotation.sources.models import Imagery, MapSnapshot, Region, SourceState
from annotation.sources.selectors import current_sources, imagery_in_use, snapshot_in_use

FIRST_LOOK = "changes.first_look"
AT_ONCE = 100
logger = logging.getLogger(__name__)


@transaction.atomic
def start_first_look(
    *, region: Region, user: User | None, training: str = "", include_unmapped: bool = False, wake: bool = True
) -> Job:
    """Scan what the region works with by the general model; while that runs, the same job is given again.

    Args:
        training: preset of the training that follows where enough is mapped; empty: none.

    Raises:
        InvalidError: the region has no imagery or no map yet; no_general_model.
        ConflictError: scan_running; own_model, where the region has a model in use.
    """
    imagery, snapshot = current_sources(region)
    if not general_there():
        raise NoGeneralModelError("no general model was installed: train a model of the region, then scan with that")
    key = f"region:{region.pk}"
    check_idle(region, Job.objects.unfinished().filter(kind=FIRST_LOOK, dedup_key=key).first())
    own = active_model(region.pk)
    if own is not None:
        raise OwnModelError(
            "the region has a model of its own in use: scan with that, it knows the place", model=own.pk
        )
    params = {
        "region": region.pk, "imagery": imagery.pk, "snapshot": snapshot.pk, "training": training,
        "include_unmapped": include_unmapped,
    }  # fmt: skip
    job = enqueue(
        kind=FIRST_LOOK, params=params, scope_id=region.pk, created_by=user, dedup_key=key, wake=wake
    )  # fmt: skip
    record(actor=user, action="first_look.started", object_kind="job", object_id=job.pk, scope_id=region.pk)
    return job


@transaction.atomic
def look_without_training(region: Region) -> Job | None:
    """The region's unfinished first look, which no training follows by itself any more: the caller starts its own."""
    looks = Job.objects.unfinished().for_scope(region.pk).filter(kind=FIRST_LOOK)
    job = looks.select_for_update(no_key=True).first()
    if job is not None:
        job.params["training"] = ""
        job.save(update_fields=["params"])
    return job


def on_source(sender: Any, *, instance: Imagery | MapSnapshot, **kwargs: Any) -> None:
    """Receiver of saved imagery and maps: an import that succeeded may be all that a first look waits for."""
    if instance.state == SourceState.READY:
        transaction.on_commit(lambda: start_if_due(instance.region_id), robust=True)


def start_where_due() -> int:
    """Start every first look that waits: behind a scan, or because whoever imported was stopped; how many.

    Every region without a model of its own is asked about; those that had their look are told from the jobs.
    """
    if not settings.FIRST_LOOK:
        return 0
    own = models_in_use(REGION).filter(region=OuterRef("pk"))
    ready = [
        Exists(kind.objects.filter(region=OuterRef("pk"), state=SourceState.READY)) for kind in (Imagery, MapSnapshot)
    ]
    busy = Job.objects.unfinished().filter(scope_id=OuterRef("pk"), kind__in=settings.SCANNING_JOBS)
    regions = Region.objects.filter(~Exists(own), ~Exists(busy), *ready, first_look=True).order_by("-pk")
    started = 0
    for pk in regions.values_list("pk", flat=True).iterator():
        started += start_if_due(pk) is not None
        if started == AT_ONCE:
            break
    return started


def start_if_due(region_id: int) -> Job | None:
    """Start the region's first look where it is due: wanted, possible, and not had on these very sources before.

    A look that failed or that a person stopped is not begun again by itself.
    """
    if not settings.FIRST_LOOK or not general_there():
        return None
    with transaction.atomic():
        region = Region.objects.select_for_update(no_key=True).filter(pk=region_id, first_look=True).first()
        if region is None or active_model(region_id) is not None:
            return None
        imagery, snapshot = imagery_in_use(region), snapshot_in_use(region)
        if imagery is None or snapshot is None or _had(region_id, imagery, snapshot):
            return None
        try:
            with transaction.atomic():
                return start_first_look(
                    region=region, user=snapshot.created_by or imagery.created_by, training=settings.FIRST_LOOK_TRAINING
                )
        except DomainError as error:  # a scan runs: asked again later
            logger.info("no first look at region %s yet: %s", region_id, error)
            return None


def _had(region_id: int, imagery: Imagery, snapshot: MapSnapshot) -> bool:
    about = {"imagery": imagery.pk, "snapshot": snapshot.pk}
    looked = Job.objects.for_scope(region_id).filter(kind__in=(FIRST_LOOK, MAIN_JOB), params__contains=about)
    return looked.exists() or Scan.objects.filter(state=ScanState.READY, imagery=imagery, snapshot=snapshot).exists()
