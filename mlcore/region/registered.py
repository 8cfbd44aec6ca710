"""The map of a region brought onto its image, tile by tile, for whoever reads the pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlcore.changes.registration import region_shifts
from mlcore.cores import Cores
from mlcore.correspondences.dense.neighbours import Known, median_shift
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.writing import write_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.threads import batches_at_once
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SpanProgress

MOST_TILES = 64  # on which shifts are measured before a training: the rest follow the region
SEEN = 0.9


def on_its_image(source: PairSource, shifts: Mapping[TileAddress, Shift]) -> PairSource:
    """The same pair, with the map of each of these tiles moved by its shift wherever it is read."""
    moved = {tile: shift.as_transform(tile.resolution_m()) for tile, shift in shifts.items() if shift.origin != "none"}
    return source.with_transforms({**source.transforms, **moved})


def registered(
    source: PairSource, tiles: Sequence[TileAddress], start: EvidenceNetwork, path: Path, progress: Progress,
    known: Known | None = None, cores: Cores | None = None,
) -> PairSource:  # fmt: skip
    """The pair with its map where the image shows it, as a network sees it that never learnt from this map.

    A network taught on a map that is off as a whole would learn the offset with it. What people verified goes before
    what is measured, on all of `tiles` that they looked at.

    Args:
        path: of the start's evidence, written anew.
        cores: what it may work on; None: on one.
    """
    known = known or Known()
    some = sorted(tiles)[:: max(1, -(-len(tiles) // MOST_TILES))]
    whole = EvidenceEnsemble([start])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_evidence(
        path, source.reader, some, lambda _: whole, threads=batches_at_once(cores, whole.device),
        progress=SpanProgress(progress, 0, SEEN),
    )  # fmt: skip
    evidence = EvidenceReader(path, some[0].z)
    shifts = region_shifts(evidence, source.index, some, SpanProgress(progress, SEEN, 1.0), known=known, cores=cores)
    region = median_shift([shift for shift in shifts.values() if shift.origin != "none"])
    return on_its_image(source, {tile: known.verified.get(tile) or shifts.get(tile, region) for tile in tiles})
