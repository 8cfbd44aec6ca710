"""Tiles of a finished scan looked at anew, once people say otherwise where the image shows the map."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from annotation.common.errors import InvalidError
from annotation.consistency.engine import candidates_file, evidence_file, scan_source, score_row, shift_of_row
from annotation.consistency.models import Scan, ShiftOrigin, TileScore
from annotation.correspondences.decided import known_of, pairs_in_force
from annotation.learning.engine import load_region_model
from annotation.tiles.engine import TileAddress, tile_address, tiles_at
from mlcore.correspondences.dense.shift import Shift
from mlcore.errors import InvalidInputError
from mlcore.progress import Progress

if TYPE_CHECKING:
    from mlcore.changes.candidate import Candidate

SAME_PX = 0.05  # apart, two shifts are the same


@dataclass(frozen=True)
class Rescored:
    """Unsaved scores of the tiles that were touched, and all that is suggested on them, the surest first."""

    scores: list[TileScore]
    candidates: list[Candidate]


class Rescoring:
    """A scan whose tiles are looked at anew: its model, its sources and its evidence, loaded once.

    Raises:
        ModelFileError: the model's file is gone or another one.
        InvalidError: the scan's evidence is gone.
    """

    def __init__(self, scan: Scan) -> None:
        from mlcore.evidence.picture import EvidenceReader  # imports torch, which the web server does without
        from mlcore.region.usual import load_usual, usual_file

        self.scan, self.model, self.source = scan, load_region_model(scan.model), scan_source(scan)
        try:
            self.evidence = EvidenceReader(evidence_file(scan), scan.region.zoom or self.model.zoom)
        except InvalidInputError as error:
            raise InvalidError(f"scan {scan.pk} has no evidence any more ({error}): scan the region again") from error
        try:
            self.usual = load_usual(usual_file(evidence_file(scan))) if self.model.asks_usual else None
        except InvalidInputError as error:
            raise InvalidError(f"scan {scan.pk} can't be looked at again: {error}") from error

    def of(self, changed: Collection[TileAddress], progress: Progress) -> Rescored:
        """What the model says, on the scan's evidence, of the tiles that a change of these transforms touches.

        The scan's list of candidates is brought up to date with it. What is read grows with the tiles, not with the
        region.

        Raises:
            InvalidError: the list is gone.
        """
        from mlcore.region.candidate_files import renew_candidates
        from mlcore.region.reassess import NEAR, reassess

        scan, near = self.scan, {near for tile in changed for near in tile.around(NEAR)}
        found_rows = TileScore.objects.filter(scan=scan, pair__tile__in=tiles_at(scan.region_id, near))
        rows = {tile_address(row.pair.tile): row for row in found_rows.select_related("pair__tile")}
        stored = {tile: shift_of_row(row, tile) for tile, row in rows.items()}
        known = known_of(scan.imagery, scan.snapshot, on=near)
        found = reassess(self.model, self.source, self.evidence, changed, stored, known, self.usual, progress)
        try:
            renew_candidates(candidates_file(scan), found.results.keys(), found.candidates)
        except InvalidInputError as error:
            raise InvalidError(
                f"scan {scan.pk} has no whole list of candidates ({error}): scan the region again"
            ) from error
        scores = [score_row(scan, rows[tile].pair, result) for tile, result in found.results.items()]
        return Rescored(scores, list(found.candidates))


def changed_tiles(scan: Scan, on: Collection[TileAddress] | None = None) -> list[TileAddress]:
    """Scored tiles whose transform people, or a matcher, say otherwise by now than when they were scored, in order.

    Args:
        on: the tiles that are asked for, of which alone rows are read; None: all.
    """
    lent = Q(shift_origin__in=(ShiftOrigin.VERIFIED, ShiftOrigin.MATCHED))
    now = Q(pair__in=pairs_in_force(scan.imagery, scan.snapshot, on))
    rows = TileScore.objects.filter(lent | now, scan=scan).select_related("pair__tile")
    rows = rows if on is None else rows.filter(pair__tile__in=tiles_at(scan.region_id, on))
    stored = {tile_address(row.pair.tile): row for row in rows}
    known = known_of(scan.imagery, scan.snapshot, on=list(stored))
    said = {**known.matched, **known.verified}
    return sorted(tile for tile, row in stored.items() if _differ(said.get(tile), shift_of_row(row, tile)))


def _differ(said: Shift | None, used: Shift) -> bool:
    if said is None or said.origin != used.origin or said.apart_px(used) > SAME_PX:
        return True
    return _turns(said) != _turns(used)


def _turns(shift: Shift) -> list[float] | None:
    return None if shift.transform is None else shift.transform.parameters.tolist()
