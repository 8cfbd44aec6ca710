"""The map of a region brought onto its image, tile by tile, for whoever reads the pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlcore.changes.diff import region_shifts
from mlcore.changes.registration import RIGHT_M, Shift, median_shift
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader, write_evidence
from mlcore.geometry.transform import Transform, shift_of
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SpanProgress

MOST_TILES = 64  # on which shifts are measured before a training: the rest follow the region
SEEN = 0.9


def on_its_image(source: PairSource, shifts: Mapping[TileAddress, Shift]) -> PairSource:
    """The same pair, with the map of each of these tiles moved by its shift wherever it is read."""
    moved = {tile: transform_of(shift, tile.resolution_m()) for tile, shift in shifts.items() if shift.origin != "none"}
    return source.with_transforms({**source.transforms, **moved})


def transform_of(shift: Shift, resolution_m: float) -> Transform:
    """A shift as a transform; its covariance is the one under which it is right, within RIGHT_M, as likely as it says.

    Args:
        resolution_m: of the shift's pixels, on the ground.
    """
    sure = min(max(shift.confidence, 0.01), 0.999)
    spread_px = RIGHT_M / resolution_m / math.sqrt(-2 * math.log(1 - sure))  # the errors' length is Rayleigh's
    return shift_of(shift.dx_px, shift.dy_px, spread_px**2)


def registered(
    source: PairSource, tiles: Sequence[TileAddress], start: EvidenceModel, path: Path, progress: Progress
) -> PairSource:
    """The pair with its map where the image shows it, as a network sees it that never learnt from this map.

    A network taught on a map that is off as a whole would learn the offset with it.

    Args:
        path: of the start's evidence, written anew.
    """
    some = sorted(tiles)[:: max(1, -(-len(tiles) // MOST_TILES))]
    whole = EvidenceEnsemble([start])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_evidence(path, source.reader, some, lambda _: whole, progress=SpanProgress(progress, 0, SEEN))
    evidence = EvidenceReader(path, some[0].z)
    shifts = region_shifts(evidence, source.index, some, SpanProgress(progress, SEEN, 1.0))
    region = median_shift([shift for shift in shifts.values() if shift.origin != "none"])
    return on_its_image(source, {tile: shifts.get(tile, region) for tile in tiles})
