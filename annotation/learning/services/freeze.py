"""Freezes what a run learns from: the exact pairs, anchors where they are learnt, and decisions, with a digest."""

from django.db import transaction

from annotation.anchors.models import Anchor
from annotation.anchors.selectors import anchors_for_training
from annotation.correspondences.decided import frozen_of
from annotation.learning import engine, selectors
from annotation.learning.decisions import count_by_kind, people_said
from annotation.learning.errors import DataSetChangedError, NoAnchorsError, NoPairsError, TooFewTilesError
from annotation.learning.models import TRANSFORMS, DataSet
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources
from annotation.tiles.models import TilePair


@transaction.atomic
def freeze(
    *, region: Region, needed: int, anchored: bool, sources: tuple[Imagery, MapSnapshot] | None = None
) -> DataSet:
    """The data set of the sources, or of those in use: every mapped pair with enough image.

    With it go the decisions of people that are in force on this image, and the transforms that they stand by. The same
    content gives the same data set.

    Args:
        anchored: the pairs are learnt with their anchors, and only those that have one: a verified anchor goes before a
            generated one, a rejected one is never used.

    Raises:
        NoPairsError, NoAnchorsError, TooFewTilesError: what to do first, and how many tiles are needed.
    """
    imagery, snapshot = sources or current_sources(region)
    pairs = list(selectors.trainable_pairs(imagery, snapshot))
    anchors, counts = anchors_for_training(pair.pk for pair in pairs) if anchored else ({}, {})
    usable = [pair for pair in pairs if pair.pk in anchors] if anchored else pairs
    _check_enough(len(pairs), len(usable), needed)
    decisions = [one.to_dict() for one in people_said(imagery, snapshot).decisions]
    transforms = frozen_of(imagery, snapshot)
    digest = engine.data_digest(imagery, snapshot, usable, anchors, decisions, transforms)
    frozen = [[pair.pk, anchors[pair.pk].pk if anchored else None] for pair in usable]
    same = DataSet.objects.filter(region=region, digest=digest, pairs=frozen).first()
    if same is not None:
        return same
    return DataSet.objects.create(
        region=region, imagery=imagery, snapshot=snapshot, pairs=frozen, decisions=decisions, digest=digest,
        decision_counts=count_by_kind(decisions), anchor_counts=counts, payload={TRANSFORMS: transforms},
    )  # fmt: skip


def thaw(data_set: DataSet) -> tuple[list[TilePair], dict[int, Anchor]]:
    """The pairs of a data set and their anchors by pair id, proven to be what was frozen."""
    pairs = selectors.frozen_pairs(data_set)
    named = [(pair_id, anchor_id) for pair_id, anchor_id in data_set.pairs if anchor_id is not None]
    stored = Anchor.objects.in_bulk([anchor_id for _, anchor_id in named])
    anchors = {pair_id: stored[anchor_id] for pair_id, anchor_id in named if anchor_id in stored}
    whole = len(pairs) == len(data_set.pairs) and len(anchors) == len(named)
    if not whole or _digest(data_set, pairs, anchors) != data_set.digest:
        raise DataSetChangedError("pairs or anchors were altered since the run was started; start a new training")
    return pairs, anchors


def _digest(data_set: DataSet, pairs: list[TilePair], anchors: dict[int, Anchor]) -> str:
    return engine.data_digest(
        *data_set.sources, pairs, anchors, data_set.decisions, data_set.payload.get(TRANSFORMS, [])
    )


def _check_enough(mapped: int, described: int, needed: int) -> None:
    if mapped == 0:
        raise NoPairsError(
            "no tile has both enough image and a complete map; wait for the imports, or widen the mapped area",
            needed=needed,
            found=0,
        )
    if described == 0:
        raise NoAnchorsError("no mapped tile has an anchor; generate anchors first", needed=needed, found=0)
    if mapped < needed:
        raise TooFewTilesError(
            f"training needs at least {needed} mapped tiles and the region has {mapped}: "
            "map more of it, or add imagery where the map is complete",
            needed=needed,
            found=mapped,
        )
    if described < needed:
        raise NoAnchorsError(
            f"training needs at least {needed} mapped tiles with an anchor, {described} have one; generate them first",
            needed=needed,
            found=described,
        )
