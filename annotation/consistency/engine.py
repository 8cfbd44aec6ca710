"""Between rows of scans and the library: a scan's tiles in, scores and evidence out; alone imports mlcore here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from annotation.consistency.models import Scan, TileScore
from annotation.tiles.engine import pair_source, tile_address
from annotation.tiles.models import TilePair
from annotation.training.engine import load_region_model
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.tiles.pairs import PairSource

if TYPE_CHECKING:
    from mlcore.training.region import TileResult

__all__ = ["Progress", "SilentProgress", "SpanProgress", "scan_rows", "scan_source", "stop_if_asked", "tile_results"]

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


def scan_rows(scan: Scan, pairs: Sequence[TilePair], progress: Progress) -> Iterator[TileScore]:
    """Unsaved scores of the pairs as they come; the evidence file is whole once the last one came.

    Each tile is scored by the models of its fold, which were trained on the other folds alone.
    """
    model = load_region_model(scan.model)
    # The pairs were chosen already; a tile that no model learnt from, mapped or not, is scored by the mean of all.
    model.config = replace(model.config, include_unmapped=True, least_valid_share=0.0)
    by_tile = {tile_address(pair.tile): pair for pair in pairs}
    path = evidence_file(scan)
    path.parent.mkdir(parents=True, exist_ok=True)
    for result in model.scan(scan_source(scan), list(by_tile), evidence_path=path, progress=progress):
        yield TileScore(
            scan=scan,
            pair=by_tile[result.tile],
            fold=result.fold if result.fold >= 0 else None,
            disc=result.disc,
            proto=result.proto,
            final=result.final,
            difference=result.difference,
            probability=min(max(result.probability, 0.0), 1.0),
        )


def tile_results(scan: Scan) -> dict[TileAddress, TileResult]:
    """The stored scores of a scan as the library knows them, by tile."""
    from mlcore.training.region import TileResult  # imports torch, which the web server does without

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
        )
    return results
