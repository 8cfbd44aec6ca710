"""Between rows of scans and the library: a scan's tiles in, scores and evidence out; alone imports mlcore here."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.conf import settings
from django.db.models import Q

from annotation.common.errors import InvalidError
from annotation.consistency.models import Scan, ShiftOrigin, TileScore
from annotation.consistency.selectors import latest_scan
from annotation.correspondences.decided import known_of, pairs_in_force
from annotation.learning.engine import load_region_model
from annotation.tiles.engine import pair_source, tile_address
from annotation.tiles.models import TilePair
from mlcore.correspondences.dense.region_offset import RegionOffset, region_offset
from mlcore.correspondences.dense.shift import Origin, Shift
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked

if TYPE_CHECKING:
    from mlcore.changes.candidate import Candidate
    from mlcore.region.training import TileResult

__all__ = ["Progress", "SilentProgress", "SpanProgress", "scan_rows", "scan_source", "stop_if_asked", "tile_results"]

SAME_PX = 0.05  # apart, two shifts are the same
UNSEEN_FOLD = -1
"""The library's number for a tile that was in no fold."""


@dataclass(frozen=True)
class Rescored:
    """Unsaved scores of the tiles that were touched, and all that is suggested on them, the surest first."""

    scores: list[TileScore]
    candidates: list[Candidate]


def scan_source(scan: Scan) -> PairSource:
    """The image and map that the scan looks at."""
    return pair_source(scan.imagery, scan.snapshot)


def evidence_file(scan: Scan) -> Path:
    """Where the scan's GeoTIFF of building evidence lies, or will lie."""
    return Path(settings.MEDIA_ROOT) / evidence_path(scan)


def evidence_path(scan: Scan) -> str:
    """The same below the media folder, as rows keep it."""
    return f"regions/{scan.region_id}/consistency/{scan.pk}/evidence.tif"


def candidates_file(scan: Scan) -> Path:
    """Where the scan's list of candidates lies, or will lie."""
    return evidence_file(scan).with_name("candidates.jsonl")


def scan_rows(scan: Scan, pairs: Sequence[TilePair], progress: Progress) -> Iterator[TileScore]:
    """Unsaved scores of the pairs; the files of evidence and candidates are whole before the first one comes.

    Each tile is scored by the models of its fold, which were trained on the other folds alone.
    """
    from mlcore.region.candidate_files import write_candidates  # imports torch, which the web server does without

    model = load_region_model(scan.model)
    # The pairs were chosen already; a tile that no model learnt from, mapped or not, is scored by the mean of all.
    model.config = replace(model.config, include_unmapped=True, least_valid_share=0.0)
    by_tile = {tile_address(pair.tile): pair for pair in pairs}
    path = evidence_file(scan)
    path.parent.mkdir(parents=True, exist_ok=True)
    known = known_of(scan.imagery, scan.snapshot)
    found = model.scan(scan_source(scan), list(by_tile), evidence_path=path, known=known, progress=progress)
    write_candidates(candidates_file(scan), found.candidates)
    for result in found.results.values():
        yield score_row(scan, by_tile[result.tile], result)


def score_row(scan: Scan, pair: TilePair, result: TileResult) -> TileScore:
    """An unsaved row of what the library says of a tile."""
    turned = result.shift_transform
    return TileScore(
        scan=scan,
        pair=pair,
        fold=result.fold if result.fold >= 0 else None,
        disc=result.disc,
        proto=result.proto,
        final=result.final,
        difference=result.difference,
        probability=min(max(result.probability, 0.0), 1.0),
        shift_east_m=result.shift_east_m,
        shift_north_m=result.shift_north_m,
        shift_confidence=result.shift_confidence,
        shift_origin=result.shift_origin,
        shift_transform=None if turned is None else {
            "kind": turned.kind, "parameters": turned.parameters.tolist(), "covariance": turned.covariance.tolist(),
        },
    )  # fmt: skip


def shift_of_row(score: TileScore, tile: TileAddress) -> Shift:
    """A stored shift as the library has it, in pixels of the tile."""
    east_m, north_m, kept = score.shift_east_m or 0.0, score.shift_north_m or 0.0, score.shift_transform
    transform = None
    if kept is not None:
        transform = Transform(kept["kind"], np.array(kept["parameters"]), np.array(kept["covariance"]))
    resolution_m = tile.resolution_m()
    return Shift(
        east_m / resolution_m, -north_m / resolution_m, score.shift_confidence or 0.0,
        cast(Origin, score.shift_origin), transform,
    )  # fmt: skip


def found_candidates(scan: Scan) -> Iterator[Candidate]:
    """What a finished scan found, the surest first.

    Raises:
        InvalidError: the list is missing or damaged.
    """
    from mlcore.region.candidate_files import read_candidates  # imports torch, which the web server does without

    try:
        yield from read_candidates(candidates_file(scan))
    except InvalidInputError as error:
        raise InvalidError(
            f"scan {scan.pk} has no whole list of candidates ({error}): scan the region again"
        ) from error


def offset_of(scan: Scan) -> RegionOffset:
    """The one offset of image and map in the scanned region, from the stored shifts of its tiles."""
    rows = TileScore.objects.filter(scan=scan).values_list(
        "shift_east_m", "shift_north_m", "shift_confidence", "shift_origin"
    )
    shifts = [
        Shift(east_m, -north_m, confidence, cast(Origin, origin))
        for east_m, north_m, confidence, origin in rows
        if east_m is not None and north_m is not None and confidence is not None
    ]
    return region_offset(shifts, resolution_m=1.0)


def shown_offset(scan: Scan, scored: int) -> dict[str, Any] | None:
    """What people are told of a scan's offset of image and map; None where there is nothing worth telling.

    Args:
        scored: tiles of the scan.
    """
    if scan.offset_east_m is None or scan.offset_north_m is None:
        return None
    found = RegionOffset(
        scan.offset_east_m, scan.offset_north_m, scan.offset_confidence or 0.0, scan.offset_tiles or 0, scored
    )
    return {**asdict(found), "metres": found.metres} if found.notable else None


def tile_results(scan: Scan) -> dict[TileAddress, TileResult]:
    """The stored scores of a scan as the library knows them, by tile."""
    from mlcore.region.training import TileResult  # imports torch, which the web server does without

    results = {}
    for score in TileScore.objects.filter(scan=scan).select_related("pair__tile"):
        tile = tile_address(score.pair.tile)
        results[tile] = TileResult(
            tile=tile,
            fold=UNSEEN_FOLD if score.fold is None else score.fold,
            disc=score.disc,
            proto=score.proto,
            final=score.final,
            difference=score.difference,
            probability=score.probability,
            shift_east_m=score.shift_east_m or 0.0,
            shift_north_m=score.shift_north_m or 0.0,
            shift_confidence=score.shift_confidence or 0.0,
            shift_origin=cast(Origin, score.shift_origin),
            shift_transform=shift_of_row(score, tile).transform,
        )
    return results


def changed_tiles(scan: Scan) -> list[TileAddress]:
    """Scored tiles whose transform people, or a matcher, say otherwise by now than when they were scored, in order."""
    lent = Q(shift_origin__in=(ShiftOrigin.VERIFIED, ShiftOrigin.MATCHED))
    now = Q(pair__in=pairs_in_force(scan.imagery, scan.snapshot))
    rows = TileScore.objects.filter(lent | now, scan=scan).select_related("pair__tile")
    stored = {tile_address(row.pair.tile): row for row in rows}
    known = known_of(scan.imagery, scan.snapshot, on={row.pair_id for row in stored.values()})
    said = {**known.matched, **known.verified}
    return sorted(tile for tile, row in stored.items() if _differ(said.get(tile), shift_of_row(row, tile)))


def _differ(said: Shift | None, used: Shift) -> bool:
    if said is None or said.origin != used.origin or said.apart_px(used) > SAME_PX:
        return True
    return _turns(said) != _turns(used)


def _turns(shift: Shift) -> list[float] | None:
    return None if shift.transform is None else shift.transform.parameters.tolist()


def _stored(scan: Scan, tiles: Collection[TileAddress]) -> dict[TileAddress, TileScore]:
    """The scores of these tiles that the scan has."""
    rows = TileScore.objects.filter(
        scan=scan, pair__tile__x__in={tile.x for tile in tiles}, pair__tile__y__in={tile.y for tile in tiles}
    ).select_related("pair__tile")
    wanted = set(tiles)
    found = {tile_address(row.pair.tile): row for row in rows}
    return {tile: row for tile, row in found.items() if tile in wanted}


def rescore(scan: Scan, changed: Collection[TileAddress], progress: Progress) -> Rescored:
    """What the scan's model says, on the scan's evidence, of the tiles that a change of transforms touches.

    The scan's list of candidates is brought up to date with it.

    Raises:
        InvalidError: evidence or candidates of the scan are gone.
    """
    from mlcore.evidence.picture import EvidenceReader  # these import torch, which the web server does without
    from mlcore.region.candidate_files import write_candidates
    from mlcore.region.reassess import NEAR, reassess

    model = load_region_model(scan.model)
    try:
        evidence = EvidenceReader(evidence_file(scan), model.zoom)
    except InvalidInputError as error:
        raise InvalidError(f"scan {scan.pk} has no evidence any more ({error}): scan the region again") from error
    rows = _stored(scan, {near for tile in changed for near in tile.around(NEAR)})
    stored = {tile: shift_of_row(row, tile) for tile, row in rows.items()}
    known = known_of(scan.imagery, scan.snapshot, on={row.pair_id for row in rows.values()})
    found = reassess(model, scan_source(scan), evidence, changed, stored, known, progress)
    kept = (one for one in found_candidates(scan) if one.tile not in found.results)
    merged = heapq.merge(kept, found.candidates, key=lambda one: -one.confidence)
    write_candidates(candidates_file(scan), merged)
    scores = [score_row(scan, rows[tile].pair, result) for tile, result in found.results.items()]
    return Rescored(scores, list(found.candidates))


def offset_of_region(region_id: int) -> dict[str, Any] | None:
    """The offset of image and map that the newest finished scan found, where it is worth telling."""
    scan: Any = latest_scan(region_id)  # annotated with `scored`
    return shown_offset(scan, scan.scored) if scan is not None else None
