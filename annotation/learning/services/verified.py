"""Freezes the tiles whose transform people stand by, of all regions: those to learn from, and those to compare on."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from annotation.correspondences import selectors as matched
from annotation.correspondences.models import Correspondences, CorrespondencesState
from annotation.learning import engine, selectors
from annotation.learning.decisions import WORDS
from annotation.learning.errors import NoGroundError, TooFewVerifiedError
from annotation.learning.models import MATCHER, DataSet
from annotation.tiles.engine import tile_address

LEAST_LEARNT = 8


@transaction.atomic
def freeze_learnt() -> DataSet:
    """What the next matcher learns from: every verified tile with ground outside the held-out blocks, and its start.

    Raises:
        TooFewVerifiedError: fewer tiles than teach anything.
        ModelFileError, NoWeightsError: the weights to start from are gone.
    """
    rows = [row for row in matched.verified_by_people() if engine.is_learnt(tile_address(row.tile))]
    if len(rows) < LEAST_LEARNT:
        raise TooFewVerifiedError(
            f"a matcher needs at least {LEAST_LEARNT} verified tiles to learn from, there are {len(rows)} outside the "
            "blocks that are kept for comparing: verify more proposals first",
            needed=LEAST_LEARNT,
            found=len(rows),
        )
    start = engine.start_in_use(selectors.active_model(None, MATCHER))
    return _kept(rows, {"start": start})


@transaction.atomic
def freeze_held_out() -> DataSet:
    """What matchers are compared on: every verified tile with ground of a block that no matcher ever learns.

    Raises:
        NoGroundError: there is none yet.
    """
    rows = [row for row in matched.verified_by_people() if engine.held_out(tile_address(row.tile))]
    if not rows:
        raise NoGroundError(
            "nothing is verified on the blocks that are kept for comparing, one in four: verify more proposals first"
        )
    return _kept(rows, {})


def freeze_file(sha256: str, name: str) -> DataSet:
    """The data set of a file from elsewhere, which learnt nothing here."""
    payload = {"file": {"sha256": sha256, "name": name}}
    return _same_or_new(payload, [], {})


def _kept(rows: Sequence[Correspondences], more: engine.Payload) -> DataSet:
    payload = {**engine.payload_of(rows, matched.who_verified(row.pk for row in rows)), **more}
    corrected = sum(row.state == CorrespondencesState.CORRECTED for row in rows)
    counts = {"correspondences": dict(zip(WORDS, (len(rows) - corrected, corrected, 0), strict=True))}
    return _same_or_new(payload, _kept_pairs(rows), counts)


def _kept_pairs(rows: Sequence[Correspondences]) -> list[list[int | None]]:
    """[pair, null] of each, and [null, null, scan, tile] of those whose map is a scan."""
    pairs = sorted(row.pair_id for row in rows if row.pair_id is not None)
    scans = sorted((row.scan_id, row.scan_tile_id) for row in rows if row.scan_id is not None)
    return [*([pair, None] for pair in pairs), *([None, None, scan, tile] for scan, tile in scans)]


def _same_or_new(payload: engine.Payload, pairs: list[list[int | None]], counts: dict[str, dict[str, int]]) -> DataSet:
    digest = engine.digest_of(payload)
    same = DataSet.objects.filter(kind=MATCHER, region=None, digest=digest).first()
    return same or DataSet.objects.create(
        kind=MATCHER, payload=payload, pairs=pairs, decision_counts=counts, digest=digest
    )
