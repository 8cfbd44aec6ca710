"""Matches image and map of a region's pairs: proposals made in bulk, resumed where they stopped."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services.jobs import JobContext, enqueue
from annotation.common.signals import transform_changed
from annotation.correspondences import engine, selectors
from annotation.correspondences.errors import NoPairsError
from annotation.correspondences.models import ControlPoint, Correspondences
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources
from annotation.tiles.models import TilePair
from annotation.tiles.services.lock import locked_pairs

BATCH = 8
"""Proposals are stored so many at a time: a killed worker costs no more than these."""


@dataclass(frozen=True)
class ProposalCounts:
    """What a run did: pairs matched, of them verified by the gate; without a match; looked at before."""

    matched: int
    verified: int
    refused: int
    kept: int


@transaction.atomic
def start(*, region: Region, user: User | None, matcher: str = "", wake: bool = True) -> Job:
    """Queue the matching of the region's image and map in use; one at a time per region and matcher.

    Args:
        matcher: one of those offered; empty: the best of them.
        wake: False for callers that run the job themselves.

    Raises:
        NoWeightsError, UnknownMatcherError: the matcher is not offered here.
        NoSourcesError: image or map are missing.
    """
    matcher = matcher or engine.offered()[0]
    engine.check_matcher(matcher)
    imagery, snapshot = current_sources(region)
    return enqueue(
        kind="correspondences.propose",
        params={"imagery": imagery.pk, "snapshot": snapshot.pk, "matcher": matcher},
        scope_id=region.pk,
        created_by=user,
        dedup_key=f"region:{region.pk}:{matcher}",
        wake=wake,
    )


def run(context: JobContext) -> None:
    """The job `correspondences.propose`."""
    counts = propose_for(
        imagery=Imagery.objects.get(pk=context.params["imagery"]),
        snapshot=MapSnapshot.objects.get(pk=context.params["snapshot"]),
        matcher=context.params["matcher"],
        progress=context,
        job=context.job,
    )
    context.set_result(asdict(counts))


def propose_for(
    *, imagery: Imagery, snapshot: MapSnapshot, matcher: str, progress: engine.Progress, job: Job | None = None
) -> ProposalCounts:
    """Match every pair that this matcher, with these weights, has not looked at yet.

    Rows are committed in batches, so that a stopped or killed run goes on where it was.

    Raises:
        NoPairsError: there is nothing to match.
        StoppedError: `progress` asked to stop; what was matched is kept.
    """
    total = TilePair.objects.filter(imagery=imagery, snapshot=snapshot, valid_share__gt=0).count()
    if total == 0:
        raise NoPairsError("there are no image-map pairs yet; wait for the imports to finish, or build the pairs first")
    made = engine.make(matcher)
    undone = list(
        selectors.pairs_without(
            imagery_id=imagery.pk, snapshot_id=snapshot.pk, matcher=made.name, matcher_digest=made.digest
        )
    )
    stored: list[Correspondences] = []
    if undone:
        source = engine.pairs_source(imagery, snapshot)
        for first in range(0, len(undone), BATCH):
            stored += _store(_propose(undone[first : first + BATCH], source, made, progress, job))
            progress.report(min(first + BATCH, len(undone)) / len(undone), _message(stored, len(undone)))
            engine.stop_if_asked(progress)
    progress.report(1.0, _message(stored, len(undone)))
    matched = sum(row.matched for row in stored)
    verified = sum(row.passed_gate for row in stored)
    return ProposalCounts(matched, verified, refused=len(stored) - matched, kept=total - len(undone))


def _propose(
    pairs: list[TilePair], source: engine.PairSource, made: engine.Made, progress: engine.Progress, job: Job | None
) -> list[engine.Proposal]:
    """What the matcher makes of these pairs, up to where the run is asked to stop."""
    proposals = []
    for pair in pairs:
        if progress.should_stop():
            break
        proposals.append(engine.propose(pair, source, made, job))
    return proposals


@transaction.atomic
def _store(proposals: list[engine.Proposal]) -> list[Correspondences]:
    """Save those whose pair still exists and which no other run stored meanwhile; gives their rows."""
    ids = [proposal.row.map_pair.pk for proposal in proposals]
    alive = locked_pairs(ids)
    if not alive:
        return []
    row = proposals[0].row
    there = Correspondences.objects.filter(
        pair_id__in=alive, matcher=row.matcher, matcher_digest=row.matcher_digest
    ).values_list("pair_id", flat=True)
    new = alive - set(there)
    kept = [proposal for proposal in proposals if proposal.row.pair_id in new]
    Correspondences.objects.bulk_create([proposal.row for proposal in kept])
    points = [point for proposal in kept for point in proposal.points]
    for point in points:
        point.correspondences_id = point.correspondences.pk
    ControlPoint.objects.bulk_create(points, batch_size=2000)
    for proposal in kept:
        if proposal.row.passed_gate:
            transform_changed.send(Correspondences, pair_id=proposal.row.pair_id)
    return [proposal.row for proposal in kept]


def _message(stored: list[Correspondences], wanted: int) -> str:
    matched = sum(row.matched for row in stored)
    return f"{len(stored)} of {wanted} tiles: {matched} matched, {len(stored) - matched} without a match"
