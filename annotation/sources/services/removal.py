"""Removes an imagery or a map that came in by mistake, with what was made of it; never with what people said."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, RestrictedError

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.review.services import audit
from annotation.sources.errors import InUseError
from annotation.sources.models import Imagery, MapSnapshot, SourceState
from annotation.sources.services.files import remove_folder, source_folder
from annotation.sources.services.map_objects import drop_objects_of_nothing

ANSWERED = (
    Q(anchors__reviews__item__verdicts__isnull=False)
    | Q(correspondences__reviews__item__verdicts__isnull=False)
    | Q(changes__item__verdicts__isnull=False)
)
KEEP = "keep it, add a newer one, or choose another one on the region's page"


def delete_source(*, user: User, source: Imagery | MapSnapshot) -> None:
    """Remove an imagery or a map with its tiles, proposed anchors and correspondences, scans and suggestions.

    Raises:
        InUseError: somebody answered about it, a model learns from it, or a job of its region runs.
    """
    kind = "imagery" if isinstance(source, Imagery) else "map"
    folder = source_folder(source)
    if source.state == SourceState.PENDING and source.job_id:
        jobs.cancel_unfinished(source.job_id)
    if source.state == SourceState.READY and Job.objects.for_scope(source.region_id).unfinished().exists():
        raise InUseError(f"a job of this region is at work: wait for it or cancel it, then remove the {kind}")
    try:
        with transaction.atomic():
            locked = type(source)._default_manager.select_for_update().get(pk=source.pk)
            if locked.pairs.filter(ANSWERED).exists() or _has_answered_scans(locked):
                raise InUseError(f"people answered about tiles of this {kind}: {KEEP}")
            audit.record(
                actor=user, action=f"{kind}.delete", object_kind=kind, object_id=source.pk, scope_id=source.region_id
            )
            locked.delete()
            drop_objects_of_nothing(source.region_id)
    except RestrictedError as error:
        raise InUseError(f"a model learnt from tiles of this {kind}: {KEEP}") from error
    remove_folder(folder)


def _has_answered_scans(source: Imagery | MapSnapshot) -> bool:
    """Whether people answered about pairs of map scans that were found in an imagery."""
    if isinstance(source, MapSnapshot):
        return False
    return source.map_scans.filter(proposals__reviews__item__verdicts__isnull=False).exists()
