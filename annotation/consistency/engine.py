"""Between rows of scans and the library: a scan's tiles in, scores and evidence out; alone imports mlcore here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.conf import settings

from annotation.common.errors import InvalidError
from annotation.consistency.models import Scan, TileScore
from annotation.consistency.selectors import latest_scan, scored_tiles
from annotation.correspondences.decided import known_of
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

__all__ = [
    "InvalidInputError",
    "Progress",
    "SilentProgress",
    "SpanProgress",
    "scan_rows",
    "scan_source",
    "stop_if_asked",
    "tile_results",
]

UNSEEN_FOLD = -1
"""The library's number for a tile that was in no fold."""


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


def shown_offset(scan: Scan, scored: int | None = None) -> dict[str, Any] | None:
    """What people are told of a scan's offset of image and map; None where there is nothing worth telling.

    Args:
        scored: tiles of the scan; None: they are counted, where there is something to tell.
    """
    if scan.offset_east_m is None or scan.offset_north_m is None:
        return None
    found = RegionOffset(
        scan.offset_east_m, scan.offset_north_m, scan.offset_confidence or 0.0, scan.offset_tiles or 0, scored or 0
    )
    if not found.notable:
        return None
    found = replace(found, of=scored_tiles(scan)) if scored is None else found
    return {**asdict(found), "metres": found.metres}


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


def offset_of_region(region_id: int) -> dict[str, Any] | None:
    """The offset of image and map that the newest finished scan found, where it is worth telling."""
    scan = latest_scan(region_id)
    return shown_offset(scan) if scan is not None else None
