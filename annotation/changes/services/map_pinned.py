"""An admin keeps a region on another map: what it says already leaves the queue, as when a map is imported."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib.gis.geos import GEOSGeometry

from annotation.accounts.models import User
from annotation.changes.engine import stop_if_asked
from annotation.changes.models import Change
from annotation.changes.services.mapped_meanwhile import withdraw_mapped, words_of
from annotation.common.services.jobs import JobContext, enqueue
from annotation.review.models import ItemState
from annotation.sources.models import Region

KIND = "changes.map_pinned"
AT_ONCE = 20_000
"""Open suggestions that are compared in one transaction: as long as their locks last, and a killed worker goes back."""


def on_pin(sender: Any, region_id: int, user: User, **kwargs: Any) -> None:
    """Hear that a region is kept on another map: have its suggestions compared with it, once this commits."""
    enqueue(kind=KIND, params={"region": region_id}, scope_id=region_id, created_by=user, dedup_key=_key(region_id))


def _key(region_id: int) -> str:
    """A job that has begun with one map is not taken for the one that another map needs."""
    return f"region:{region_id}:{Region.objects.values_list('pinned_snapshot', flat=True).get(pk=region_id)}"


def run(context: JobContext) -> None:
    """The job `changes.map_pinned`; what an earlier run of it closed is closed, so it goes on where that one stopped.

    Cost: one look into the index of footprints for each open suggestion of an older map, and once all footprints of a
    map whose coverage is not known.
    """
    region_id, closed, done = context.params["region"], Counter[str](), 0
    waiting = Change.objects.filter(scan__region=region_id, item__state=ItemState.OPEN).order_by("pk")
    total, last, grounds = waiting.count(), 0, dict[int, GEOSGeometry]()
    while some := list(waiting.filter(pk__gt=last).values_list("pk", flat=True)[:AT_ONCE]):
        stop_if_asked(context)
        with context.transaction():
            closed += withdraw_mapped(waiting.filter(pk__gt=last, pk__lte=some[-1]), region_id, grounds)
        last, done = some[-1], done + len(some)
        context.report(min(done / max(total, 1), 1.0), words_of(closed))
    context.report(1.0, words_of(closed))
    context.set_result({"in_the_map_by_now": dict(closed)})
