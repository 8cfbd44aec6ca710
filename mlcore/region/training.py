"""Trains a region's models so that no tile is ever scored by a model that saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlcore.anchors.schema import Anchor
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.decisions import Decision
from mlcore.changes.registration import region_shifts
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.training import MIN_PAIRS, train_consistency
from mlcore.correspondences.dense.neighbours import Known
from mlcore.errors import InvalidInputError
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.held_out import held_out_tiles
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.samples import evidence_samples
from mlcore.evidence.training import train_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.threads import shared_cores
from mlcore.pairs.source import PairSource
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.region.blending import blend_with_start
from mlcore.region.blocks import measured_maps
from mlcore.region.calibrate import Edition, fit_classifiers, make_editions
from mlcore.region.config import RegionConfig
from mlcore.region.decided import Said, decision_counts, fold_source
from mlcore.region.model import RegionModel
from mlcore.region.parts import FoldModel, TileResult
from mlcore.region.registered import on_its_image, registered
from mlcore.region.shipped import shipped_model

__all__ = ["RegionConfig", "RegionModel", "TileResult", "train_region"]

REGISTERED, TRAINING_SHARE, BLENDED = 0.02, 0.83, 0.85
ENOUGH = 100  # tiles for a fold to learn from: more teach little, and take time
EDITED = 72  # tiles, about
EVIDENCE_SHARE = 0.6


def train_region(
    source: PairSource,
    tiles: Sequence[TileAddress],
    anchors: Mapping[TileAddress, Anchor],
    config: RegionConfig | None = None,
    *,
    initial: RegionModel | None = None,
    decisions: Sequence[Decision] = (),
    known: Known | None = None,
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> RegionModel:
    """Train both networks once per fold, then calibrate on simulated edits of the map.

    Args:
        source: image, map and coverage; only mapped tiles are learnt from, their map where the start sees it.
        tiles: of one zoom; those outside the coverage or without image are left out.
        anchors: the anchor of every mapped tile, where `config.consistency.tile_anchors`; else none is needed.
        initial: a general model to start from; None starts from the one that ships with the library, where
            `config.initial` asks for it. A network of other sizes than the config's starts from nothing.
        decisions: what people said of candidates on this map and image. A decision teaches the models of every fold
            but those that score a tile it touches.
        known: what people stand by of the tiles' shifts: the map is learnt from as these have it, also where the start
            sees it elsewhere.
        run_dir: for checkpoints of every fold and stage; call again with the same folder to go on.

    Raises:
        InvalidInputError: too few mapped tiles or buildings to cross-fit; the message says what is needed.
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    config = config or RegionConfig()
    mapped = mapped_tiles(source, tiles, config)
    fold_by_tile = geographic_folds(mapped, fold_count(len(mapped), config.folds), seed=seed)
    count = max(fold_by_tile.values()) + 1
    start = Start.of(initial or (shipped_model() if config.initial else None), config)
    moved = on_its_image(source, known.verified if known else {})
    if start.evidence is not None:
        span = SpanProgress(progress, 0, REGISTERED)
        with shared_cores() as cores:
            moved = registered(source, mapped, start.evidence, Path(run_dir) / "start.tif", span, known, cores)
    folds, metrics = [], {"mapped_tiles": float(len(mapped)), "folds": float(count)}
    for fold in range(count):
        share = (TRAINING_SHARE - REGISTERED) / count
        span = SpanProgress(progress, REGISTERED + share * fold, REGISTERED + share * (fold + 1))
        live, folder = _FoldProgress(span, fold), Path(run_dir) / f"fold-{fold}"
        trained = _train_fold(
            moved, decisions, fold_by_tile, fold, anchors, config, start, folder, seed, device, live
        )  # fmt: skip
        folds.append(trained)
        metrics |= {f"fold_{fold}/{name}": value for name, value in live.last.items()}
    model = RegionModel(config, folds, fold_by_tile, metrics | decision_counts(decisions))
    if start.evidence is not None:
        _blend(model, start.evidence, moved, SpanProgress(progress, TRAINING_SHARE, BLENDED))
    _calibrate(model, source, decisions, known, Path(run_dir), seed, SpanProgress(progress, BLENDED, 1.0))
    progress.report(1.0, "region trained")
    return model


def mapped_tiles(source: PairSource, tiles: Sequence[TileAddress], config: RegionConfig) -> list[TileAddress]:
    """Tiles that can be learnt from: completely mapped, with enough image."""
    mapped = [tile for tile in tiles if source.mapped(tile)]
    if not mapped:
        raise InvalidInputError("no tile lies inside the mapped area: give an area that the map covers completely")
    seen = [tile for tile in mapped if source.reader.read_tile(tile, 64).valid.mean() >= config.least_valid_share]
    if not seen:
        raise InvalidInputError("the image has no data on any mapped tile: check that image and map show one place")
    return seen


def fold_count(tiles: int, wanted: int) -> int:
    """The fewest folds that leave every fold's training ENOUGH tiles, or else as many as asked for; fewer where even
    these would leave it too few.
    """
    if tiles > ENOUGH:
        wanted = min(wanted, max(2, -(-tiles // (tiles - ENOUGH))))
    for folds in range(min(wanted, tiles), 1, -1):
        if tiles - -(-tiles // folds) >= MIN_PAIRS:
            return folds
    raise InvalidInputError(
        f"{tiles} mapped tiles are too few to train on some and score the others: map at least {MIN_PAIRS + 2} tiles, "
        "or choose a larger zoom"
    )


@dataclass(frozen=True)
class Start:
    """The networks that the folds start from; None where a network starts from nothing."""

    evidence: EvidenceNetwork | None = None
    consistency: ConsistencyModel | None = None

    @classmethod
    def of(cls, general: RegionModel | None, config: RegionConfig) -> Start:
        """Those networks of a general model that have the sizes of `config`."""
        if general is None:
            return cls()
        parts = general.folds[0]
        same_evidence = general.config.evidence.architecture == config.evidence.architecture
        same_consistency = parts.consistency.config.architecture() == config.consistency.architecture()
        return cls(parts.evidence.tuned if same_evidence else None, parts.consistency if same_consistency else None)


class _FoldProgress:
    """Names live figures by their fold, each a curve of its own, and remembers the last of each."""

    def __init__(self, whole: Progress, fold: int) -> None:
        self.whole, self.fold, self.last = whole, fold, dict[str, float]()

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        if figures:
            self.last |= {name: value for name, value in figures.items() if "/" in name}
            figures = {f"{name}/fold-{self.fold + 1}" if "/" in name else name: v for name, v in figures.items()}
        self.whole.report(fraction, f"fold {self.fold + 1}: {message}", figures)

    def should_stop(self) -> bool:
        return self.whole.should_stop()


def _train_fold(
    source: PairSource,
    decisions: Sequence[Decision],
    fold_by_tile: Mapping[TileAddress, int],
    fold: int,
    anchors: Mapping[TileAddress, Anchor],
    config: RegionConfig,
    start: Start,
    run_dir: Path,
    seed: int,
    device: str,
    progress: Progress,
) -> FoldModel:
    learnt = sorted(tile for tile, other in fold_by_tile.items() if other != fold)
    scored = [tile for tile, other in fold_by_tile.items() if other == fold]
    limit = config.evidence.max_tiles
    if len(learnt) > limit:
        kept = np.random.default_rng([seed, fold]).choice(len(learnt), limit, replace=False)
        learnt = [learnt[int(i)] for i in sorted(kept)]
    source, verified = fold_source(source, decisions, scored)
    held_out = evidence_samples(source, held_out_tiles(source, scored, config.evidence))
    evidence = train_evidence(
        evidence_samples(source, learnt, avoid=scored, verified=verified), config.evidence,
        initial=start.evidence.state_dict() if start.evidence is not None else None,
        held_out=held_out, run_dir=run_dir, seed=seed, device=device,
        progress=SpanProgress(progress, 0, EVIDENCE_SHARE),
    )  # fmt: skip
    training, validation = _split(learnt)
    consistency = train_consistency(
        source.pairs(training), anchors, config.consistency, validation=source.pairs(validation),
        initial=start.consistency, run_dir=run_dir, seed=seed, device=device,
        progress=SpanProgress(progress, EVIDENCE_SHARE, 1.0),
    )  # fmt: skip
    return FoldModel(EvidenceEnsemble([evidence]), consistency, ChangeClassifier())


def _split(learnt: Sequence[TileAddress]) -> tuple[list[TileAddress], list[TileAddress]]:
    """Training and validation tiles of U-CSA; none to spare for validation in a tiny region."""
    validation = list(learnt[::6]) if len(learnt) >= 2 * MIN_PAIRS else []
    return [tile for tile in learnt if tile not in set(validation)], validation


def _blend(model: RegionModel, start: EvidenceNetwork, source: PairSource, progress: Progress) -> None:
    """Keep as much of the start's evidence as the region's own tiles ask for, and all of it where they show no gain."""
    tuned = [fold.evidence.tuned for fold in model.folds]
    with shared_cores() as cores:
        blend = blend_with_start(tuned, start, model.fold_by_tile, source, progress, cores)
    model.folds = [replace(fold, evidence=network) for fold, network in zip(model.folds, blend.networks, strict=True)]
    model.metrics["tuned_share"] = blend.tuned_share


def _calibrate(
    model: RegionModel,
    source: PairSource,
    decisions: Sequence[Decision],
    known: Known | None,
    run_dir: Path,
    seed: int,
    progress: Progress,
) -> None:
    """Give every fold its classifier, taught on simulated edits and decided candidates of the other folds' tiles."""
    path = run_dir / "evidence.tif"
    edited = edited_tiles(model.fold_by_tile, EDITED)
    decided = {decision.tile for decision in decisions} & set(model.fold_by_tile)
    taught = sorted(decided.union(edited))
    with shared_cores() as cores:
        model.write_evidence(source, taught, path, SpanProgress(progress, 0, 0.3), cores)
        evidence = EvidenceReader(path, model.zoom)
        span = SpanProgress(progress, 0.3, 0.35)
        shifts = region_shifts(evidence, source.index, taught, span, known=known, cores=cores)
        editions = make_editions(
            source.index, evidence, edited, shifts, rounds=model.config.rounds, share=model.config.edit_share,
            least_edits=model.config.least_edits, seed=seed, cores=cores, progress=SpanProgress(progress, 0.35, 0.9),
        )  # fmt: skip
        span = SpanProgress(progress, 0.9, 1.0)
        (base,) = measured_maps(evidence, [source.index], taught, shifts, cores=cores, progress=span)
    said = Said(decisions)
    classifiers = fit_classifiers(editions, model.fold_by_tile, len(model.folds), seed, base, said)
    model.folds = [
        replace(fold, classifier=classifier) for fold, classifier in zip(model.folds, classifiers, strict=True)
    ]
    model.metrics |= {"calibration/tiles": float(len(edited)), **_counts(editions)}


def edited_tiles(fold_by_tile: Mapping[TileAddress, int], most: int) -> list[TileAddress]:
    """The tiles whose map is edited to teach classifiers: all of a small region, a block of every fold of a large one.

    What people decided about is measured as well, once, on the map as it stands; no edition grows by it.
    """
    if len(fold_by_tile) <= most:
        return sorted(fold_by_tile)
    folds = set(fold_by_tile.values())
    chosen: set[TileAddress] = set()
    for fold in folds:
        members = [tile for tile, other in fold_by_tile.items() if other == fold]
        blocks = geographic_folds(members, max(1, round(len(members) * len(folds) / most)))
        chosen |= {tile for tile, block in blocks.items() if block == 0}
    return sorted(chosen)


def _counts(editions: Sequence[Edition]) -> dict[str, float]:
    labels = Counter(label for edition in editions for label in edition.footprint_labels)
    bare = Counter(label for edition in editions for label in edition.ground_labels)
    return {
        "calibration/editions": float(len(editions)),
        "calibration/remove_examples": float(labels[1]),
        "calibration/modify_examples": float(labels[2]),
        "calibration/add_examples": float(bare[1]),
        "calibration/part_examples": float(bare[2]),
    }
