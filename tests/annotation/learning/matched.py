"""Places whose matches people verified through the queue, for tests of the kind `matcher`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from annotation.correspondences.models import Correspondences
from annotation.sources.models import Region
from annotation.tiles.models import TilePair
from mlcore.geometry.transform import shift_of
from tests.annotation.correspondences.place import SHIFT_PX, matched_place
from tests.factories import UserFactory
from tests.factories_correspondences import CorrespondencesFactory, adjust, answer, make_batch, take

COLUMNS, ROWS = 6, 4
HELD_OUT = 6
"""Of the 24 tiles from ORIGIN these lie on blocks that no matcher learns."""
TRUE = shift_of(*SHIFT_PX)


def verified_place(
    *, people: Collection[Any] = (), corrected: int = 2, columns: int = COLUMNS, rows: int = ROWS, digest: str = "other"
) -> Region:
    """A made place whose image shows the map moved by a known shift, as people found on every tile.

    Args:
        people: who verified, in turns; one person where none are named.
        corrected: so many get their points by hand, the rest is accepted as it was proposed.
        digest: of the matcher that proposed.
    """
    region, _, _ = matched_place(columns=columns, rows=rows)
    for pair in TilePair.objects.filter(tile__region=region).order_by("pk"):
        propose(pair, digest)
    verify(region, people or [UserFactory()], corrected)
    return region


def propose(pair: TilePair, digest: str = "other") -> Correspondences:
    """A proposal with the true shift."""
    return CorrespondencesFactory(pair=pair, matcher_digest=digest, transform_parameters=list(SHIFT_PX))


def verify(region: Region, people: Collection[Any], corrected: int = 0) -> None:
    """Have people answer everything that waits: points by hand first, then accepted as it is."""
    batch, turns = make_batch(region), list(people)
    for number in range(batch.size):
        person = turns[number % len(turns)]
        item = take(person, batch)
        if number < corrected:
            adjust(person, item, TRUE)
        else:
            answer(person, item)
