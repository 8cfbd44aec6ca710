"""Brings suggestions of a scan to what it says of their tiles by now; what somebody decided or holds stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.contrib.gis.geos import GEOSGeometry
from django.db.models import F, Q, QuerySet

from annotation.changes import engine
from annotation.changes.models import Change
from annotation.changes.services.known import Known
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.changes.services.store import STAGE, Prepared, store, without_stored
from annotation.consistency.models import Scan
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.lease import FREE
from annotation.review.services.second import ANSWERED_FIRST


def outdated_items() -> QuerySet[QueueItem]:
    """Open items of suggestions that somebody held while their tiles were scored anew."""
    return QueueItem.objects.filter(stage=STAGE, state=ItemState.OPEN, outdated=True)


def renew(scan: Scan, pairs: Collection[int], prepared: Sequence[Prepared]) -> None:
    """Bring the suggestions of these pairs to what the scan says by now, in the caller's transaction and turn.

    A suggestion that is no more, or was answered under another name, leaves the queue. Those that somebody holds right
    now are marked: nobody else gets them before they were renewed as well. What waits for a second person was answered.
    """
    marks = [one.mark for one in prepared]
    rows = Change.objects.filter(Q(pair__in=pairs) | Q(fingerprint__in=marks), scan=scan, in_map_at__isnull=True)
    about = QueueItem.objects.filter(change__in=rows, state__in=(ItemState.OPEN, ItemState.WITHDRAWN))
    found = about.exclude(ANSWERED_FIRST)
    free = found.filter(FREE).select_for_update(skip_locked=True, of=("self",))
    items = set(free.values_list("pk", flat=True))
    found.filter(state=ItemState.OPEN).exclude(pk__in=items).update(outdated=True)
    outdated_items().filter(pk__in=items).update(outdated=False)
    about.filter(ANSWERED_FIRST, FREE, outdated=True).update(outdated=False)
    known = Known(scan, itself=True, about=prepared)
    wanted = {one.mark: one for one in known.unanswered(prepared)}
    kept = {change.fingerprint: change for change in rows.filter(item__in=items)}
    gone = [change.item_id for mark, change in kept.items() if mark not in wanted]
    QueueItem.objects.filter(pk__in=gone, state=ItemState.OPEN).update(
        state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None, version=F("version") + 1
    )
    for mark in kept.keys() & wanted.keys():
        _update(kept[mark], wanted[mark])
    store(scan, without_stored(scan, list(wanted.values())))
    withdraw_mapped(rows, scan.region_id)


def _update(change: Change, one: Prepared) -> None:
    """The same suggestion as it is now: its shape, its odds, its tile."""
    confidence = engine.confidence_of(one.candidate)
    Change.objects.filter(pk=change.pk).update(
        geometry=GEOSGeometry(engine.wkbs_of([one.candidate])[0]), confidence=confidence, pair_id=one.pair_id,
        evidence=engine.evidence_of(one.candidate), kind=one.candidate.kind,
    )  # fmt: skip
    QueueItem.objects.filter(pk=change.item_id).update(
        state=ItemState.OPEN, not_for=None, priority=confidence, kind=one.candidate.kind, version=F("version") + 1
    )
