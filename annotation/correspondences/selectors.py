"""Reads of correspondences: a region's, one with its points, which pairs still lack one, which transforms hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.correspondences.models import (
    IN_FORCE,
    ControlPoint,
    Correspondences,
    CorrespondencesReview,
    CorrespondencesState,
    MapScan,
    VerifiedPlace,
)
from annotation.review.models import ItemState, QueueItem
from annotation.sources.models import Imagery, MapSnapshot, SourceState
from annotation.sources.selectors import visible_regions
from annotation.tiles.models import TilePair

COUNTED_TO = 20_000
"""Counts for a page stop here: "20,000 or more" says enough."""
TOOK = ("accept", "adjust")
TAKEN: dict[str, Any] = {"item__state": ItemState.DECIDED, "item__decision__in": TOOK}
"""Reviews by which a person stands by a proposal."""


def correspondences_of_region(region_id: int) -> QuerySet[Correspondences]:
    """Every proposal of the region, with its tile."""
    rows = Correspondences.objects.filter(region_id=region_id)
    return rows.select_related("pair__tile", "scan_tile", "scan")


def get_correspondences(user: User, correspondences_id: int) -> Correspondences:
    """One with its tile, imagery and map, or NotFoundError where it is missing or not this person's to see."""
    rows = Correspondences.objects.filter(pk=correspondences_id, region__in=visible_regions(user))
    row = rows.select_related("pair__tile", "pair__imagery", "pair__snapshot", "scan_tile", "scan__imagery").first()
    if row is None:
        raise NotFoundError(f"no correspondences {correspondences_id}, or none you may see")
    return row


def points_of(correspondences_id: int, *, corrected: bool) -> list[ControlPoint]:
    """The matcher's points, or those of the correction that counts."""
    rows = ControlPoint.objects.filter(correspondences=correspondences_id, corrected=corrected)
    return list(rows.order_by("number"))


def pairs_without(*, imagery_id: int, snapshot_id: int, matcher: str, matcher_digest: str) -> QuerySet[TilePair]:
    """Pairs that this matcher, with these weights, has not looked at yet, in grid order."""
    done = Correspondences.objects.filter(pair=OuterRef("pk"), matcher=matcher, matcher_digest=matcher_digest)
    pairs = TilePair.objects.filter(imagery_id=imagery_id, snapshot_id=snapshot_id, valid_share__gt=0)
    return pairs.exclude(Exists(done)).select_related("tile").order_by("tile__y", "tile__x")


def state_counts(region_id: int) -> dict[str, int]:
    """Proposals of the region by state, and how many of those that wait found no match, each as far as COUNTED_TO.

    Each walks an index and stops there, so that its cost does not grow with the region.
    """
    rows = Correspondences.objects.filter(region_id=region_id).order_by()
    counted = {state.value: rows.filter(state=state) for state in CorrespondencesState}
    counted["no_match"] = rows.filter(state=CorrespondencesState.PROPOSED, transform_kind="")
    return {name: some.values("state")[:COUNTED_TO].count() for name, some in counted.items()}


def in_force(*, imagery_id: int, snapshot_id: int) -> QuerySet[Correspondences]:
    """What people or the gate stand by, one for each pair of an imagery and a map.

    Of several on one pair, one that a person decided goes before one that only passed the gate, then the newest.
    """
    rows = Correspondences.objects.filter(
        pair__imagery_id=imagery_id, pair__snapshot_id=snapshot_id, state__in=IN_FORCE
    )
    answered = rows.annotate(answered=Exists(_answers()))
    return answered.order_by("pair_id", "-answered", "-pk").distinct("pair_id").select_related("pair__tile")


def verified_places() -> QuerySet[VerifiedPlace]:
    """What people verified or corrected, one for each pair or tile of a scan, of ready sources of any region.

    What only passed the gate is left out: no person stands by it, and a matcher that learnt it would believe itself.
    """
    images = Subquery(Imagery.objects.filter(state=SourceState.READY).values("pk"))
    maps = Subquery(MapSnapshot.objects.filter(state=SourceState.READY).values("pk"))
    rows = VerifiedPlace.objects.filter(Q(snapshot_id__in=maps) | Q(snapshot_id__isnull=True), imagery_id__in=images)
    place = "pair_id", "scan_id", "tile_id"
    return rows.order_by(*place, "-pk").distinct(*place)


def verified_by_people() -> QuerySet[Correspondences]:
    """The same as proposals with tiles and sources, those of pairs first."""
    rows = Correspondences.objects.filter(pk__in=verified_places().values("pk"))
    tables = "pair__tile", "pair__imagery", "pair__snapshot", "scan__imagery", "scan_tile"
    return rows.order_by("pair_id", "scan_id", "scan_tile_id").select_related(*tables)


def scans_in_force(imagery_id: int) -> QuerySet[Correspondences]:
    """What people or the gate stand by of map scans on an imagery, one for each tile of a scan."""
    rows = Correspondences.objects.filter(scan__imagery=imagery_id, state__in=IN_FORCE)
    answered = rows.annotate(answered=Exists(_answers()))
    place = "scan_id", "scan_tile_id"
    return answered.order_by(*place, "-answered", "-pk").distinct(*place).select_related("scan__imagery", "scan_tile")


def who_verified(correspondences_ids: Iterable[int]) -> dict[int, list[int]]:
    """By proposal, the people whose answers took it as it was or corrected it."""
    reviews = CorrespondencesReview.objects.filter(correspondences__in=list(correspondences_ids), **TAKEN)
    people: dict[int, list[int]] = {}
    given = reviews.order_by("correspondences_id", "item__decided_by").distinct()
    for pk, person in given.values_list("correspondences_id", "item__decided_by"):
        people.setdefault(pk, []).append(person)
    return people


def people_who_verified() -> int:
    """How many people stand by a proposal that counts."""
    given = QueueItem.objects.filter(
        decided_by=OuterRef("pk"), state=ItemState.DECIDED, decision__in=TOOK,
        correspondences_review__correspondences__in=VerifiedPlace.objects.values("pk"),
    )  # fmt: skip
    return User.objects.filter(Exists(given)).count()


def passed_gate_alone() -> int:
    """How many proposals stand by the gate alone, without a person."""
    alone = Correspondences.objects.filter(state=CorrespondencesState.VERIFIED, passed_gate=True)
    return alone.filter(verified_place__isnull=True).count()


def proposals(*, imagery_id: int, snapshot_id: int) -> QuerySet[Correspondences]:
    """What matchers found on the pairs of an imagery and a map, and nobody decided."""
    rows = Correspondences.objects.filter(
        pair__imagery_id=imagery_id, pair__snapshot_id=snapshot_id, state=CorrespondencesState.PROPOSED
    )
    return rows.exclude(transform_kind="").order_by("pair_id", "-pk").select_related("pair__tile")


def _answers() -> QuerySet[CorrespondencesReview]:
    return CorrespondencesReview.objects.filter(correspondences=OuterRef("pk"), **TAKEN)


def get_map_scan(user: User, scan_id: int) -> MapScan:
    """One map scan, or NotFoundError where it is missing or not this person's to see."""
    rows = MapScan.objects.filter(pk=scan_id, region__in=visible_regions(user))
    scan = rows.select_related("job__created_by", "imagery").first()
    if scan is None:
        raise NotFoundError(f"no map scan {scan_id}, or none you may see")
    return scan


def scan_state_counts(scan_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """By map scan, how many of its proposals there are in each state."""
    found: dict[int, dict[str, int]] = {}
    rows = Correspondences.objects.filter(scan__in=list(scan_ids)).order_by().values_list("scan", "state")
    for scan, state, number in rows.annotate(number=Count("pk")):
        if scan is not None:
            found.setdefault(scan, {})[state] = number
    return found


def scan_version(scan: MapScan) -> str:
    """What ?v= of a scan's tiles says: its file, and where the job put it."""
    place = json.dumps((scan.made or {}).get("coarse"), sort_keys=True)
    return hashlib.sha256(f"{scan.sha256} {place}".encode()).hexdigest()[:16]
