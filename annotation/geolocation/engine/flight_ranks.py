"""Which place of each frame of a flight its neighbours speak for: the consistent chain of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.geolocation.models import PlacementCandidate


@dataclass(frozen=True)
class Ranked:
    """The place of a frame that its flight speaks for, and how sure it is with its neighbours."""

    leads: PlacementCandidate
    probability: float


def ranked_flight(frames: Sequence[Sequence[PlacementCandidate]]) -> list[Ranked | None]:
    """Of each frame's places the one in the best chain (`mlcore.geolocation.flight`); None where no neighbour fits it.

    Args:
        frames: places of each frame, in the order it was taken.
    """
    from mlcore.geolocation import flight
    from mlcore.geolocation.calibration import logit_of, probability_of

    rows: dict[str, PlacementCandidate] = {str(row.pk): row for places in frames for row in places}
    chain = flight.best_chain([[_placement(row) for row in places] for places in frames])
    ranked: list[Ranked | None] = []
    for number in range(len(frames)):
        chosen = chain.get(number)
        near = [] if chosen is None else [
            other for other in chain if other != number and abs(other - number) <= flight.LOOK_BACK
            and flight.fits(chosen, chain[other], abs(other - number))
        ]  # fmt: skip
        if chosen is None or not near:
            ranked.append(None)
            continue
        support = min(flight.MOST_SUPPORT, len(near)) * flight.AGREES
        sure = float(probability_of(logit_of(chosen.probability) + support))
        ranked.append(Ranked(rows[chosen.base.name], min(sure, 1.0)))
    return ranked


def _placement(row: PlacementCandidate) -> Any:
    """A row as the library's placement, named by its number; a person's corners or points say where it lies."""
    from affine import Affine

    from annotation.geolocation.engine.places import place_of
    from mlcore.geolocation.bases import Base
    from mlcore.geolocation.placement import Placement
    from mlcore.geolocation.placing import Fit

    place = place_of(row)
    none = np.zeros((0, 2))
    fit = Fit(place.matrix, place.transform.covariance, none, none, np.zeros(0), row.log10_nfa or 0.0)
    # the ground counts metres from the place's own origin: numbers stay small
    base = Base(str(row.pk), Affine.translation(*place.origin.tolist()), 1, 1)
    size = (place.width, place.height)
    return Placement(base, fit, row.score, row.probability, row.log10_nfa or 0.0, size)
