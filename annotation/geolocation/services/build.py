"""Builds the feature database: cuts what is new, describes it by the locator in use, and lets the result serve."""

from __future__ import annotations

from collections import defaultdict

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from annotation.common.engine import MlcoreError, Progress, SpanProgress, stop_if_asked
from annotation.common.services.jobs import JobContext
from annotation.geolocation import engine
from annotation.geolocation.errors import NoLocatorError
from annotation.geolocation.models import (
    BaseState,
    DatabaseState,
    FeatureDatabase,
    ReferenceBase,
    ReferenceKind,
    ReferenceSet,
    ReferenceState,
)
from annotation.geolocation.services import keep_up
from annotation.geolocation.services.prepare import store_bases
from annotation.sources.models import Imagery, Region, SourceState
from annotation.sources.services.files import remove_folder, room_on_disk

CHUNK = 5000
MOST_ERROR = 500
NO_PICTURE = "there is no picture of the ground on it"


def run(context: JobContext) -> None:
    """The job `geolocation.build_features`; what comes while it works is taken up before it ends."""
    while True:
        weights = engine.locator_in_use()
        if weights is None:
            raise NoLocatorError(keep_up.NO_WEIGHTS)
        row = keep_up.row_of(weights)
        began = timezone.now()
        FeatureDatabase.objects.filter(pk=row.pk).update(job=context.job)
        cut_regions(context, SpanProgress(context, 0.0, 0.1))
        last = ReferenceBase.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        with room_on_disk():
            built = engine.build_features(row, weights, SpanProgress(context, 0.1, 0.99))
        with context.transaction():
            done = _store(row, built, last, began)
            if done:
                context.report(1.0, f"{built.bases} bases can be searched")
                context.set_result({"bases": built.bases, "added": built.added, "removed": built.removed})
                context.succeed()
        if done:
            return


def cut_regions(context: JobContext, progress: Progress) -> None:
    """Bases of the imagery of all regions that has none yet; images that can't be cut are told by their set."""
    waiting = Imagery.objects.filter(state=SourceState.READY, reference_bases=None).select_related("region")
    images = list(waiting.order_by("pk"))
    refused: defaultdict[int, list[str]] = defaultdict(list)
    for number, imagery in enumerate(images):
        stop_if_asked(progress)
        of_set = _set_of(imagery.region)
        rows: list[ReferenceBase] = []
        try:
            rows = engine.cut_imagery(of_set, imagery)
        except MlcoreError as error:
            refused[of_set.pk].append(f"{imagery.original_name}: {error}")
        with context.transaction():
            if Imagery.objects.select_for_update(no_key=True).filter(pk=imagery.pk).exists():
                store_bases(rows)
            count = ReferenceBase.objects.filter(set=of_set).count()
            ReferenceSet.objects.filter(pk=of_set.pk).update(base_count=count, state=ReferenceState.READY)
        progress.report((number + 1) / len(images), f"cut {imagery.original_name}")
    with context.transaction():
        sets = ReferenceSet.objects.filter(kind=ReferenceKind.REGION)
        for of_set in sets.filter(Q(pk__in=refused) | ~Q(error="")).order_by("pk"):
            ReferenceSet.objects.filter(pk=of_set.pk).update(error=_told(refused[of_set.pk]))


def _told(lines: list[str]) -> str:
    """All of them, or as many as there is room for and how many more there are."""
    for count in range(len(lines), 0, -1):
        left = len(lines) - count
        text = "; ".join([*lines[:count], *([f"and {left} more that can't be cut"] if left else [])])
        if len(text) <= MOST_ERROR:
            return text
    return lines[0][:MOST_ERROR] if lines else ""


def _set_of(region: Region) -> ReferenceSet:
    """The set of a region, which says what it may of its own: licence and attribution are those of each imagery."""
    row, _ = ReferenceSet.objects.get_or_create(
        kind=ReferenceKind.REGION,
        region=region,
        defaults={"name": region.name, "licence": "as of its imagery", "attribution": "as of its imagery"},
    )
    return row


def _store(row: FeatureDatabase, built: engine.Built, last: int, began: object) -> bool:
    """Keep what came of a build; whether that was all, or more came while it was at work.

    The database's row is locked: whoever says that bases changed waits for this, and then starts another job.
    """
    row = FeatureDatabase.objects.select_for_update(of=("self",), no_key=True).get(pk=row.pk)
    for start in range(0, len(built.empty), CHUNK):
        names = built.empty[start : start + CHUNK]
        bases = ReferenceBase.objects.filter(name__in=names).exclude(state=BaseState.FAILED)
        bases.update(state=BaseState.FAILED, error=NO_PICTURE)
    ReferenceBase.objects.filter(state=BaseState.WAITING, pk__lte=last).update(state=BaseState.READY)
    now_in_use = engine.locator_in_use()
    newest = now_in_use is not None and now_in_use.sha256 == row.model_digest
    fresh = row.stale_since is None or row.stale_since < began  # type: ignore[operator]
    if newest:
        _serve(row)
    row.base_count, row.size_bytes, row.built_at = built.bases, built.size_bytes, timezone.now()
    row.state = DatabaseState.SERVING if newest else row.state
    row.stale_since = None if fresh else row.stale_since
    row.save(update_fields=["base_count", "size_bytes", "built_at", "state", "stale_since"])
    return newest and fresh


def _serve(row: FeatureDatabase) -> None:
    """Retire what served; the newest of the retired stays on the disk, for a roll-back that then builds little."""
    others = FeatureDatabase.objects.exclude(pk=row.pk)
    others.exclude(state=DatabaseState.RETIRED).update(state=DatabaseState.RETIRED)
    for old in others.filter(state=DatabaseState.RETIRED).order_by("-built_at", "-pk")[1:]:
        folder = engine.database_folder(old)
        old.delete()
        transaction.on_commit(lambda folder=folder: remove_folder(folder))  # type: ignore[misc]
