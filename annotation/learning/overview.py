"""What the next training would learn from and need, in numbers, and what is in use meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from annotation.correspondences import selectors as matched
from annotation.correspondences.models import VerifiedPlace
from annotation.learning import engine, selectors
from annotation.learning.models import LOCATOR, MATCHER, ModelVersion
from annotation.learning.services import locator_kind
from annotation.learning.services.matcher_kind import KIND
from annotation.learning.services.region_kind import KIND as REGION_KIND
from annotation.learning.services.verified import LEAST_LEARNT

USUAL_PRESET = "compact"
"""What a region's training is asked for unless somebody chooses another size."""


@dataclass(frozen=True)
class MatchersAhead:
    """Verified tiles of all regions.

    Attributes:
        learnt, needed: tiles to learn from, and the fewest that a training takes.
        held_out, blocks: tiles that no matcher learns, for matchers are compared on them, and how many blocks.
        corrected: of all of them, those whose points a person set.
        people, regions: who verified, and where.
        gate_alone: tiles that only the gate of the settings verified; nothing learns from them.
        model, in_use: the model in use, if there is one, and what is used, in words.
        new: tiles to learn from that the model in use has not learnt.
    """

    learnt: int
    needed: int
    held_out: int
    blocks: int
    corrected: int
    people: int
    regions: int
    gate_alone: int
    model: int | None
    in_use: str
    new: int


def matchers_ahead() -> MatchersAhead:
    """What people verified so far, and how much of it is new; the database counts."""
    active = selectors.models_in_use(MATCHER).filter(region=None).select_related("run").first()
    places = VerifiedPlace.objects.filter(pk__in=matched.verified_places().values("pk"))
    said = places.annotate(
        **engine.learnt_and_held_out(), known=selectors.learnt_in(active.run.data_set_id if active else None)
    )
    counts = said.aggregate(
        tiles=Count("pk", filter=Q(learnt=True)),
        new=Count("pk", filter=Q(learnt=True, known=False)),
        kept=Count("pk", filter=Q(held_out=True)),
        corrected_tiles=Count("pk", filter=Q(corrected=True)),
        regions=Count("region_id", distinct=True),
    )
    learnt, held_out, corrected = (counts.pop(name) for name in ("tiles", "kept", "corrected_tiles"))
    return MatchersAhead(
        **counts,
        learnt=learnt,
        held_out=held_out,
        corrected=corrected,
        blocks=engine.held_blocks_on(said.filter(Q(held_out=True))),
        needed=LEAST_LEARNT,
        people=matched.people_who_verified(),
        gate_alone=matched.passed_gate_alone(),
        model=active.pk if active else None,
        in_use=in_use(active),
    )


@dataclass(frozen=True)
class LocatorsAhead:
    """Imagery of all regions that a locator may learn from.

    Attributes:
        images, regions: that are ready, and how many regions they are of.
        new: images that the model in use has not learnt from.
        model, in_use: the model in use, if there is one, and what is used, in words.
        weights: whether anything looks for images at all.
    """

    images: int
    regions: int
    new: int
    model: int | None
    in_use: str
    weights: bool


def locators_ahead() -> LocatorsAhead:
    """What the next locator would learn from, and what is in use meanwhile."""
    active = selectors.models_in_use(LOCATOR).filter(region=None).select_related("run__data_set").first()
    rows = selectors.ready_imagery().order_by()
    learnt = [one["imagery_id"] for one in active.run.data_set.payload.get("sources", [])] if active else []
    return LocatorsAhead(
        images=rows.count(),
        regions=rows.values("region").distinct().count(),
        new=rows.exclude(pk__in=learnt).count(),
        model=active.pk if active else None,
        in_use=f"model {active.pk}" if active else locator_kind.built_in(),
        weights=active is not None or engine.locator_weights().is_file(),
    )


def tiles_needed() -> int:
    """The fewest mapped tiles that the usual training of a region takes."""
    return engine.tiles_needed(REGION_KIND.config_of(USUAL_PRESET))


def in_use(active: ModelVersion | None) -> str:
    """What matches image and map now, in words."""
    if active is not None:
        return f"model {active.pk}"
    return KIND.built_in() if KIND.built_in is not None else "nothing"
