"""What a model says anew of the few tiles whose map is moved otherwise, since a transform of one of them is another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mlcore.changes.diff import blocks_of
from mlcore.changes.registration import region_shifts
from mlcore.changes.usual import Usual
from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import NO_SHIFT, OWN, Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.threads import shared_cores
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.region.assess import Assessment, compare
from mlcore.region.scan import with_counterfactuals

if TYPE_CHECKING:
    from mlcore.region.model import RegionModel

FOLLOWS = 2  # tiles around a changed one that may take its shift
MEASURED = FOLLOWS + 2  # tiles around it whose own shifts decide what those take
NEAR = 7
"""Tiles around a changed one whose stored shifts are asked for: blocks of those that follow and of their neighbours."""
SAME_PX = 0.05
COMPARED = 0.5


def reassess(
    model: RegionModel,
    source: PairSource,
    evidence: EvidenceReader,
    changed: Collection[TileAddress],
    stored: Mapping[TileAddress, Shift],
    known: Known,
    usual: Usual | None,
    progress: Progress | None = None,
) -> Assessment:
    """Scores and candidates of the tiles that a change of transforms touches, with the effect of each candidate.

    These are the changed tiles, those that followed or follow them, and the tiles next to all of them. What no tile
    near a changed one says, such as the region's offset, stays as it was.

    Args:
        evidence: what the scan wrote; nothing is predicted anew.
        changed: tiles whose known transform is another than when they were scored.
        stored: the shift under which each tile was scored, of all that were scored within NEAR tiles of a changed one.
        known: what is known now.
        usual: in the place, as the scan found it (`mlcore.region.usual.load_usual`), where the model asks for it.

    Returns:
        An assessment of the touched tiles alone.
    """
    progress = progress or SilentProgress()
    shifts = {**stored, **_moved(evidence, source, changed, stored, known)}
    others = [tile for tile in shifts if not _same(shifts[tile], stored[tile])]
    touched = {near for tile in (*changed, *others) for near in tile.around(1) if near in stored}
    members = {corner: block for corner, block in blocks_of(stored).items() if touched.intersection(block)}
    with shared_cores() as cores:
        assessment = compare(
            model, source, evidence, sorted(touched), shifts, members, usual, None, cores,
            SpanProgress(progress, 0, COMPARED),
        )  # fmt: skip
        return with_counterfactuals(model, evidence, assessment, SpanProgress(progress, COMPARED, 1.0), cores)


def _moved(
    evidence: EvidenceReader,
    source: PairSource,
    changed: Collection[TileAddress],
    stored: Mapping[TileAddress, Shift],
    known: Known,
) -> dict[TileAddress, Shift]:
    """The shifts of the changed tiles and of those that may follow them, as a scan would choose them now."""
    measured = sorted({near for tile in changed for near in tile.around(MEASURED) if near in stored})
    follow = {near for tile in changed for near in tile.around(FOLLOWS) if near in stored}
    found = region_shifts(evidence, source.index, measured, known=known)
    region = next((shift for shift in stored.values() if shift.origin == "region"), NO_SHIFT)

    def chosen(tile: TileAddress) -> Shift:
        if found[tile].origin in (*OWN, "neighbours"):
            return found[tile]
        # what a neighbour lent is taken back with it; of the region's offset the scan knows more than these tiles
        return stored[tile] if stored[tile].origin == "region" else region

    return {tile: chosen(tile) for tile in follow}


def _same(one: Shift, other: Shift) -> bool:
    return (
        one.apart_px(other) <= SAME_PX
        and one.origin == other.origin
        and (one.transform is None) == (other.transform is None)
    )
