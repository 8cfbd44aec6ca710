"""Reads of anchors: which one speaks for a pair, how many a region has, which pairs still lack one."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, IntegerField, Max, OuterRef, Q, QuerySet, Sum, Value, When

from annotation.anchors.models import VERIFIED, Anchor, AnchorState
from annotation.tiles.models import TilePair

_USABLE = [AnchorState.PROPOSED, *VERIFIED]


def usable_anchors() -> QuerySet[Anchor]:
    """Anchors that may be used, best first within a pair: verified before merely proposed, then the newest."""
    rank = Case(When(state__in=VERIFIED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Anchor.objects.filter(state__in=_USABLE).annotate(rank=rank).order_by("pair_id", "rank", "-pk")


def anchors_of_pairs(pair_ids: Iterable[int]) -> dict[int, Anchor]:
    """The anchor that speaks for each pair, by pair id; a pair without a usable one is left out."""
    anchors = usable_anchors().filter(pair_id__in=list(pair_ids)).distinct("pair_id")
    # DISTINCT ON keeps the first row of each pair under the ordering above.
    return {anchor.pair_id: anchor for anchor in anchors}


def anchor_of_pair(pair_id: int) -> Anchor | None:
    """The anchor that speaks for the pair, or None where none is usable."""
    return usable_anchors().filter(pair_id=pair_id).first()


def anchors_of_region(region_id: int) -> QuerySet[Anchor]:
    """Every anchor of the region, with its tile."""
    return Anchor.objects.filter(pair__tile__region_id=region_id).select_related("pair__tile")


def anchor_counts(region_id: int) -> dict[str, int]:
    """Anchors of the region by state, and how many mapped pairs have no usable one."""
    by_state = dict(
        Anchor.objects.filter(pair__tile__region_id=region_id).values_list("state").annotate(Count("pk")).order_by()
    )
    usable = Anchor.objects.filter(pair=OuterRef("pk"), state__in=_USABLE)
    missing = TilePair.objects.filter(tile__region_id=region_id, mapped=True).exclude(Exists(usable)).count()
    return {**{state.value: by_state.get(state.value, 0) for state in AnchorState}, "missing": missing}


def pairs_without(
    *,
    imagery_id: int,
    snapshot_id: int,
    generator: str,
    schema_version: str,
    model: str = "",
    model_digest: str = "",
    prompt_version: str = "",
) -> QuerySet[TilePair]:
    """Mapped pairs that this generator, in this version, has not described yet, in grid order."""
    done = Anchor.objects.filter(
        pair=OuterRef("pk"),
        generator=generator,
        model=model,
        model_digest=model_digest,
        prompt_version=prompt_version,
        schema_version=schema_version,
    )
    pairs = TilePair.objects.filter(imagery_id=imagery_id, snapshot_id=snapshot_id, mapped=True).exclude(Exists(done))
    return pairs.select_related("tile").order_by("tile__y", "tile__x")


def anchors_by_origin(region_id: int) -> list[dict[str, Any]]:
    """Per generator, model and prompt: how many tiles it described, what people said of them, and its tokens."""
    origin = ("generator", "model", "model_digest", "prompt_version")
    counts = {state.value: Count("pk", filter=Q(state=state)) for state in AnchorState}
    rows = Anchor.objects.filter(pair__tile__region_id=region_id).order_by().values(*origin)
    return list(
        rows.annotate(
            tiles=Count("pk"), newest=Max("created_at"), read=Sum("tokens_in"), written=Sum("tokens_out"), **counts
        ).order_by("-newest", *origin)
    )


def tiles_described(*, imagery_id: int, snapshot_id: int, schema_version: str) -> dict[tuple[str, str, str], int]:
    """How many mapped pairs each generator, model and prompt has described, by the newest weights of the model."""
    origin = ("generator", "model", "prompt_version", "model_digest")
    pairs = TilePair.objects.filter(imagery_id=imagery_id, snapshot_id=snapshot_id, mapped=True)
    rows = Anchor.objects.filter(pair__in=pairs, schema_version=schema_version).order_by().values_list(*origin)
    counted = rows.annotate(tiles=Count("pair", distinct=True), newest=Max("created_at")).order_by("newest")
    return {row[:3]: row[4] for row in counted}


def tokens_of_job(job_id: UUID) -> tuple[int, int]:
    """Tokens read and written for the anchors that a job has stored so far, earlier runs of it included."""
    found = Anchor.objects.filter(job_id=job_id).aggregate(read=Sum("tokens_in"), written=Sum("tokens_out"))
    return found["read"] or 0, found["written"] or 0


def anchors_for_training(pair_ids: Iterable[int]) -> tuple[dict[int, Anchor], dict[str, int]]:
    """The anchor each pair is learnt with, and how many of each kind: verified first, else proposed, rejected never.

    Returns:
        Anchors by pair id, and counts of "accepted", "corrected", "proposed" and "none" (pairs without a usable one).
    """
    wanted = list(pair_ids)
    anchors = anchors_of_pairs(wanted)
    counts = {state.value: 0 for state in (*VERIFIED, AnchorState.PROPOSED)}
    for anchor in anchors.values():
        counts[anchor.state] += 1
    return anchors, {**counts, "none": len(wanted) - len(anchors)}
