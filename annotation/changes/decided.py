"""What people said of the suggestions on one image, for training: named in `settings.LEARNING_DECISIONS`."""

from __future__ import annotations

from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Count, OuterRef, QuerySet, Subquery

from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.changes.objects import unchanged_since
from annotation.learning.decisions import Answers, FrozenDecision
from annotation.review.models import ItemState, Verdict
from annotation.sources.models import Imagery, MapSnapshot

ANSWERS = (ChangeDecision.ACCEPT, ChangeDecision.REJECT, ChangeDecision.STILL_STANDS)


def decisions_of(imagery: Imagery, snapshot: MapSnapshot) -> Answers:
    """Every verdict in force on a suggestion from this image, as far as the map is still what was decided about.

    A decision that was undone is not in force. One about a building that the snapshot has in another shape, or has no
    more, is left out: somebody was there since.
    """
    decided = Change.objects.filter(
        scan__region=imagery.region_id, scan__imagery__sha256=imagery.sha256, item__state=ItemState.DECIDED
    )
    rows = _with_verdict(decided.filter(item__decision__in=ANSWERS))
    decisions = [_frozen(change) for change in unchanged_since(rows, snapshot)]
    left_out = {
        "no_answer": decided.exclude(item__decision__in=ANSWERS).aggregate(number=Count("pk"))["number"],
        "map_changed": len(rows) - len(decisions),
    }
    return Answers(decisions, {why: number for why, number in left_out.items() if number})


def _with_verdict(rows: QuerySet[Change]) -> list[Change]:
    """The changes with the event that is in force on each."""
    in_force = Verdict.objects.in_force().filter(item=OuterRef("item"))
    rows = rows.annotate(verdict=Subquery(in_force.values("pk")[:1]), said=Subquery(in_force.values("reason")[:1]))
    return list(
        rows.filter(verdict__isnull=False).select_related("item", "footprint", "pair__tile").order_by("verdict")
    )


def _frozen(change: Change) -> FrozenDecision:
    accepted = change.item.decision == ChangeDecision.ACCEPT
    footprint, tile = change.footprint, change.pair.tile
    leaves_a_building = accepted and change.kind != ChangeKind.REMOVE
    return FrozenDecision(
        verdict=change.verdict,  # type: ignore[attr-defined]
        kind=change.kind,
        decision="rejected" if not accepted else "adjusted" if change.adjusted else "accepted",
        reason=change.said if not accepted else "",  # type: ignore[attr-defined]
        tile=(tile.z, tile.x, tile.y),
        proposed=_hex(change.geometry),
        final=_hex(change.adjusted or change.geometry) if leaves_a_building else None,
        footprint=_hex(footprint.geometry) if footprint is not None else None,
        osm_type=footprint.osm_type if footprint is not None else None,
        osm_id=footprint.osm_id if footprint is not None else None,
    )


def _hex(geometry: GEOSGeometry) -> str:
    return bytes(geometry.wkb).hex()
