"""Draw the anchors of a batch: at random, by strata, most uncertain first, or all of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from annotation.anchors import engine
from annotation.anchors.models import Anchor, AnchorReview, AnchorState
from annotation.common.errors import InvalidError
from annotation.review.models import BatchPlan, ItemState
from annotation.sources.models import Region

BUILDINGS = "map_buildings"
STRATA = (*engine.ATTRIBUTE_NAMES, BUILDINGS)
BUILDING_STEPS = (0, 3, 10, 30)
"""Strata of `map_buildings`: none, up to 3, up to 10, up to 30, more."""

Drawn = list[tuple[int, float]]
"""Anchor ids with their priorities, the first to be reviewed first."""


@dataclass(frozen=True)
class Plan:
    """How to draw."""

    plan: str = BatchPlan.RANDOM.value
    number: int = 500
    by: str = "building_density"
    generator: str = ""
    seed: int = 0


def waiting_anchors(region: Region, generator: str = "") -> QuerySet[Anchor]:
    """Proposed anchors that wait in no open batch."""
    queued = AnchorReview.objects.filter(anchor=OuterRef("pk"), item__state=ItemState.OPEN)
    return _proposed_anchors(region, generator).exclude(Exists(queued))


def _proposed_anchors(region: Region, generator: str) -> QuerySet[Anchor]:
    rows = Anchor.objects.filter(pair__tile__region=region, state=AnchorState.PROPOSED)
    return rows.filter(generator=generator) if generator else rows


def draw(region: Region, plan: Plan) -> Drawn:
    """The anchors of a batch, in the order they are to be reviewed.

    Raises:
        InvalidError: all that could be drawn is in an open batch, or the plan does not fit what the region has.
    """
    rng = random.Random(plan.seed)  # noqa: S311
    anchors = waiting_anchors(region, plan.generator)
    if not anchors.exists() and _proposed_anchors(region, plan.generator).exists():
        raise InvalidError("every anchor that waits is in an open batch: review or close it first")
    if plan.plan == BatchPlan.ALL:
        return _ordered(anchors.order_by("pair__tile__y", "pair__tile__x", "pk").values_list("pk", flat=True))
    if plan.plan == BatchPlan.STRATIFIED:
        return _ordered(_stratified(anchors, plan, rng))
    if plan.plan == BatchPlan.UNCERTAIN:
        return _uncertain(region, anchors, plan.number, rng)
    ids = list(anchors.order_by("pk").values_list("pk", flat=True))
    return _ordered(rng.sample(ids, min(plan.number, len(ids))))


def allocate(sizes: Mapping[str, int], number: int) -> dict[str, int]:
    """How many to draw from each stratum: in proportion, by largest remainders, at least one where there is room.

    In proportion, so that the plain acceptance rate of the sample stays a fair estimate for all.
    """
    total = sum(sizes.values())
    if number >= total:
        return dict(sizes)
    exact = {name: number * size / total for name, size in sizes.items()}
    floor = 1 if number >= len(sizes) else 0
    given = {name: max(int(share), floor) for name, share in exact.items()}
    by_remainder = sorted(sizes, key=lambda name: (exact[name] - int(exact[name]), name), reverse=True)
    while sum(given.values()) < number:
        for name in by_remainder:
            if sum(given.values()) < number and given[name] < sizes[name]:
                given[name] += 1
    while sum(given.values()) > number:
        spare = [name for name in given if given[name] > floor]
        given[max(spare, key=lambda name: (given[name] - exact[name], given[name]))] -= 1
    return given


def _stratified(anchors: QuerySet[Anchor], plan: Plan, rng: random.Random) -> list[int]:
    if plan.by not in STRATA:
        raise InvalidError(f"unknown stratum {plan.by!r}; use one of {', '.join(STRATA)}")
    strata: dict[str, list[int]] = defaultdict(list)
    for pk, attributes, buildings in anchors.order_by("pk").values_list("pk", "attributes", "pair__buildings"):
        strata[_stratum(plan.by, attributes, buildings)].append(pk)
    if not strata:
        return []
    numbers = allocate({name: len(ids) for name, ids in strata.items()}, plan.number)
    drawn = [pk for name in sorted(strata) for pk in rng.sample(strata[name], numbers[name])]
    rng.shuffle(drawn)
    return drawn


def _stratum(by: str, attributes: Mapping[str, str], buildings: int) -> str:
    if by == BUILDINGS:
        return str(sum(buildings > step for step in BUILDING_STEPS))
    return str(attributes.get(by, ""))


def _uncertain(region: Region, anchors: QuerySet[Anchor], number: int, rng: random.Random) -> Drawn:
    """Where the anchors of one pair differ most, as a share of the attributes."""
    by_pair: dict[int, list[tuple[int, Mapping[str, str]]]] = defaultdict(list)
    everything = Anchor.objects.filter(pair__tile__region=region).values_list("pair_id", "pk", "attributes")
    for pair_id, pk, attributes in everything.iterator(chunk_size=5000):
        by_pair[pair_id].append((pk, attributes))
    wanted = set(anchors.values_list("pk", flat=True))
    scored = [
        (_disagreement(attributes, [other for key, other in members if key != pk]), rng.random(), pk)
        for members in by_pair.values()
        if len(members) > 1
        for pk, attributes in members
        if pk in wanted
    ]
    if not scored:
        raise InvalidError(
            "no pair has anchors of two generators, models or prompts: let a second one describe the tiles, "
            "or draw at random"
        )
    return [(pk, score) for score, _, pk in sorted(scored, reverse=True)[:number]]


def _disagreement(attributes: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> float:
    differences = [attributes.get(name) != other.get(name) for other in others for name in engine.ATTRIBUTE_NAMES]
    return sum(differences) / len(differences)


def _ordered(ids: Iterable[int]) -> Drawn:
    return [(pk, -float(place)) for place, pk in enumerate(ids)]
