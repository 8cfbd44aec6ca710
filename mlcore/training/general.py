"""Learns a model of no region: evidence, U-CSA and verdicts from several places, for any place to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.diff import Measures, iter_measures, region_shifts
from mlcore.changes.evidence import EvidenceReader
from mlcore.changes.verdicts import Judge
from mlcore.consistency.model import ConsistencyModel
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.tiles.index import MapIndex
from mlcore.tiles.splits import geographic_folds
from mlcore.training.calibrate import Edition, fit_judges, make_editions
from mlcore.training.consistency import train_consistency
from mlcore.training.evidence import train_evidence
from mlcore.training.pretraining import Place
from mlcore.training.region_config import RegionConfig
from mlcore.training.region_model import UNMAPPED_FOLD, RegionModel
from mlcore.training.region_parts import FoldModel
from mlcore.training.samples import EvidenceSample, background_samples, evidence_samples

BLOCKS = 4  # one in so many blocks of a real place teaches the verdicts instead of the networks
MIN_TILES = 8  # a smaller place is learnt from as a whole
EVIDENCE_END, CONSISTENCY_END = 0.5, 0.85


@dataclass(frozen=True)
class Split:
    """The tiles of a place that the networks learn from, and those that were kept from them."""

    place: Place
    learnt: list[TileAddress]
    kept: list[TileAddress]


def train_general(
    places: Sequence[Place],
    config: RegionConfig | None = None,
    *,
    backgrounds: Sequence[np.ndarray] = (),
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> RegionModel:
    """Train on all `places` at once; the verdicts are taught on blocks of them that the networks did not see.

    Args:
        places: of one zoom, each with a map that is complete on its tiles.
        config: both networks are trained by its full schedules.
        backgrounds: (H, W, 3) uint8 images of about the same resolution on which no building stands.
        run_dir: for checkpoints; call again with the same folder to go on.

    Returns:
        A model with one fold and no tiles of its own: it scores any place.

    Raises:
        InvalidInputError: no place, places of several zooms, or no building in any.
        StoppedError: asked to stop.
    """
    progress, config = progress or SilentProgress(), config or RegionConfig()
    zooms = {tile.z for place in places for tile in place.tiles}
    if len(zooms) != 1:
        raise InvalidInputError("a general model learns from places of one zoom, and at least one tile: check the list")
    splits = [_split(place, seed) for place in places]
    evidence = train_evidence(
        _samples(splits, backgrounds), config.evidence, run_dir=run_dir, seed=seed, device=device,
        progress=SpanProgress(progress, 0, EVIDENCE_END),
    )  # fmt: skip
    consistency = _consistency(
        splits, config, run_dir, seed, device, SpanProgress(progress, EVIDENCE_END, CONSISTENCY_END)
    )
    metrics = {"places": float(len(places)), "tiles": float(sum(len(split.learnt) for split in splits))}
    model = RegionModel(config, [FoldModel(evidence, consistency, Judge())], {}, metrics, zoom=zooms.pop())
    judge = _judge(model, splits, Path(run_dir), seed, SpanProgress(progress, CONSISTENCY_END, 1.0))
    model.folds = [FoldModel(evidence, consistency, judge)]
    progress.report(1.0, "general model trained")
    return model


def _split(place: Place, seed: int) -> Split:
    if place.made or len(place.tiles) < MIN_TILES:
        return Split(place, list(place.tiles), [])
    block_of = geographic_folds(place.tiles, BLOCKS, seed=seed)
    return Split(
        place, [tile for tile in place.tiles if block_of[tile]], [tile for tile in place.tiles if not block_of[tile]]
    )


def _samples(splits: Sequence[Split], backgrounds: Sequence[np.ndarray]) -> list[EvidenceSample]:
    samples = [
        sample for split in splits for sample in evidence_samples(split.place.source, split.learnt, avoid=split.kept)
    ]
    return samples + background_samples(backgrounds, samples[0].image.shape[0])


def _consistency(
    splits: Sequence[Split], config: RegionConfig, run_dir: Path, seed: int, device: str, progress: Progress
) -> ConsistencyModel:
    pairs = [pair for split in splits for pair in split.place.source.pairs(split.learnt)]
    validation = [pair for split in splits for pair in split.place.source.pairs(split.kept)]
    anchors = {tile: describe_tile(tile, split.place.source.index) for split in splits for tile in split.learnt}
    return train_consistency(
        pairs, anchors, config.consistency, validation=validation, run_dir=run_dir, seed=seed, device=device,
        progress=progress,
    )  # fmt: skip


def _judge(model: RegionModel, splits: Sequence[Split], run_dir: Path, seed: int, progress: Progress) -> Judge:
    """Verdicts taught on simulated edits of what the networks did not see; untaught where nothing was kept."""
    editions: list[Edition] = []
    base: list[Measures] = []
    real = [split for split in splits if split.kept]
    for number, split in enumerate(real):
        span = SpanProgress(progress, number / len(real), (number + 1) / len(real))
        found, unedited = _editions(model, split, run_dir / f"evidence-{number}.tif", seed, span)
        editions += found
        base += unedited
    fold_of = {tile: UNMAPPED_FOLD for split in real for tile in split.kept}
    return fit_judges(editions, fold_of, 1, seed, base)[0] if editions else Judge()


def _editions(
    model: RegionModel, split: Split, path: Path, seed: int, progress: Progress
) -> tuple[list[Edition], list[Measures]]:
    source, tiles = split.place.source, split.kept
    model.write_evidence(source, tiles, path, SpanProgress(progress, 0, 0.3))
    evidence = EvidenceReader(path, model.zoom)
    shifts = region_shifts(evidence, source.index, tiles)

    def score(index: MapIndex, scored: Sequence[TileAddress]) -> Mapping[TileAddress, float]:
        found = model.consistency_scores(source.with_index(index), scored)
        return {tile: final for tile, (_, _, final) in found.items()}

    editions = make_editions(
        source.index, evidence, tiles, shifts, score, rounds=model.config.rounds, share=model.config.edit_share,
        seed=seed, progress=SpanProgress(progress, 0.3, 1.0),
    )  # fmt: skip
    return editions, list(iter_measures(evidence, source.index, tiles, shifts))
