"""What the next training of a matcher would learn from, in numbers, and what is in use meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.correspondences import selectors as matched
from annotation.correspondences.models import CorrespondencesState
from annotation.learning import engine, selectors
from annotation.learning.models import MATCHER, ModelVersion
from annotation.learning.services.matcher_kind import KIND
from annotation.learning.services.verified import LEAST_LEARNT
from annotation.tiles.engine import TileAddress


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
    """What people verified so far, and how much of it is new."""
    names = ("region", "state", "pair__imagery", "pair__snapshot", "pair__tile__z", "pair__tile__x", "pair__tile__y")
    rows = list(matched.verified_by_people().values_list(*names))
    places = {(imagery, snapshot, z, x, y) for _, _, imagery, snapshot, z, x, y in rows}
    learnt = {place for place in places if engine.is_learnt(TileAddress(*place[2:]))}
    held_out = {place: blocks for place in places if (blocks := engine.held_out(TileAddress(*place[2:])))}
    active = selectors.models_in_use(MATCHER).filter(region=None).select_related("run__data_set").first()
    return MatchersAhead(
        learnt=len(learnt),
        needed=LEAST_LEARNT,
        held_out=len(held_out),
        blocks=len({block for blocks in held_out.values() for block in blocks}),
        corrected=sum(state == CorrespondencesState.CORRECTED for _, state, *_ in rows),
        people=matched.people_who_verified(),
        regions=len({region for region, *_ in rows}),
        gate_alone=matched.passed_gate_alone(),
        model=active.pk if active else None,
        in_use=in_use(active),
        new=len(learnt - engine.places_learnt(active.run.data_set)) if active else len(learnt),
    )


def in_use(active: ModelVersion | None) -> str:
    """What matches image and map now, in words."""
    if active is not None:
        return f"model {active.pk}"
    return KIND.built_in() if KIND.built_in is not None else "nothing"
