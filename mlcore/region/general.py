"""Learns a model of no region: evidence, U-CSA and classifiers from several places, for any place to start from.

Classifiers must be taught on evidence as poor as it will be where the model is used: on a place that its network did
not learn from. So places in turn are left out of evidence networks that serve for nothing else: one by one, or, where a
network takes long to learn, in three groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.pretraining import Place
from mlcore.consistency.training import train_consistency
from mlcore.errors import InvalidInputError
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.many_places import PlaceSamples, balanced, nearest_tiles, place_samples
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.samples import EvidenceSample, background_samples, evidence_samples
from mlcore.evidence.training import train_evidence, train_on_places
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.region.config import RegionConfig
from mlcore.region.lessons import Lesson, lesson_of, taught_by
from mlcore.region.model import RegionModel
from mlcore.region.parts import FoldModel

BLOCKS = 4  # one in so many blocks of a real place is kept from U-CSA: its score is standardised and weighed there
MIN_TILES = 8  # a smaller place is learnt from as a whole
NEAR_DEGREES = 0.05  # about 5 km
EVIDENCE_END, CONSISTENCY_END = 0.5, 0.85
GROUPS = 3  # of towns, each left out together, where the network has a pre-trained encoder
TAUGHT_TILES = 72  # of a place: more teach classifiers little


@dataclass(frozen=True)
class Split:
    """One place of those that are learnt from.

    Attributes:
        learnt, kept: tiles that U-CSA learns from, and those that it does not.
        town: number of the town that it is a part of; patches of one town look alike.
    """

    place: Place
    learnt: list[TileAddress]
    kept: list[TileAddress]
    town: int


def train_general(
    places: Sequence[Place],
    config: RegionConfig | None = None,
    *,
    backgrounds: Sequence[np.ndarray] = (),
    evidence: EvidenceNetwork | None = None,
    consistency: ConsistencyModel | None = None,
    teach_on: Sequence[Collection[str]] = (),
    exact: Collection[str] = (),
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> RegionModel:
    """Train on all `places` at once; the classifiers are taught on each real place by evidence learnt on the others.

    Of a single real place, blocks are kept from its networks instead, and the classifiers are taught on these.

    Args:
        places: of one zoom, each with a map that is complete on its tiles; of several zooms, where the evidence network
            has a pre-trained encoder, which learns all resolutions of regions.
        config: both networks are trained by its full schedules.
        backgrounds: (H, W, 3) uint8 images of about the same resolution on which no building stands.
        evidence: a network of these very places that is to be kept; None learns it.
        consistency: U-CSA as it is to be kept; None learns it on these places.
        teach_on: groups of names of places: one stranger is left without each, and the classifiers are taught on all;
            none: every place, in groups of our own.
        exact: names of places whose map is taken at its word: what looks like a building there and is none teaches
            the classifiers what to leave alone.
        run_dir: for checkpoints; call again with the same folder to go on.

    Returns:
        A model with one fold and no tiles of its own: it scores any place.

    Raises:
        InvalidInputError: no place, places of several zooms, no building in any, or a network of another architecture.
        StoppedError: asked to stop.
    """
    progress, config = progress or SilentProgress(), config or RegionConfig()
    if consistency is not None:
        config = replace(config, consistency=consistency.config)
    if evidence is not None and evidence.config.architecture != config.evidence.architecture:
        raise InvalidInputError("the evidence network to keep is of another architecture: choose the preset it is of")
    zooms = {tile.z for place in places for tile in place.tiles}
    if not zooms or (len(zooms) != 1 and not config.evidence.encoder):
        raise InvalidInputError("a general model learns from places of one zoom, and at least one tile: check the list")
    strange = {*exact, *(name for names in teach_on for name in names)} - {place.name for place in places}
    if strange:
        raise InvalidInputError(f"no place {', '.join(sorted(strange))} among these: name places that are learnt from")
    splits = [_split(place, town, seed) for place, town in zip(places, towns_of(places), strict=True)]
    taught = [tuple(sorted({one.town for one in splits if one.place.name in names})) for names in teach_on]
    wanted = {town for group in taught for town in group}
    towns = sorted({split.town for split in splits if split.kept and (not taught or split.town in wanted)})
    alone = len({split.town for split in splits if split.kept}) < 2
    groups = taught or _groups(towns, config)
    trainings = 1 + (0 if alone else len(groups))

    evidence_config = config.evidence

    def learn(number: int, left_out: Sequence[int]) -> EvidenceNetwork:
        span = SpanProgress(progress, EVIDENCE_END * number / trainings, EVIDENCE_END * (number + 1) / trainings)
        folder = Path(run_dir) / f"without-{'-'.join(map(str, left_out))}" if left_out else Path(run_dir)
        known = [split for split in splits if split.town not in left_out]
        if evidence_config.encoder and not alone:
            settings = evidence_config.halved() if left_out else evidence_config
            return train_on_places(_all_zooms(known), settings, run_dir=folder, seed=seed, device=device, progress=span)
        samples = _samples(known, backgrounds, whole=not alone)
        return train_evidence(samples, evidence_config, run_dir=folder, seed=seed, device=device, progress=span)

    evidence = evidence or learn(0, ())
    strangers = dict.fromkeys(towns, evidence)
    for number, group in enumerate([] if alone else groups, start=1):
        strangers |= dict.fromkeys(group, learn(number, group))
    if consistency is None:
        span = SpanProgress(progress, EVIDENCE_END, CONSISTENCY_END)
        consistency = _consistency(splits, config, run_dir, seed, device, span)
    # where the encoder's first weights lay is of no use to whoever reads the model
    config = replace(config, evidence=replace(config.evidence, encoder_weights=""))
    metrics = {"places": float(len(places)), "tiles": float(sum(len(place.tiles) for place in places))}
    model = RegionModel(
        config,
        [FoldModel(EvidenceEnsemble([evidence]), consistency, ChangeClassifier())],
        {},
        metrics,
        zoom=Counter(place.tiles[0].z for place in places).most_common(1)[0][0],
    )
    classifier = _taught_classifier(
        model, splits, strangers, exact, Path(run_dir), seed, SpanProgress(progress, CONSISTENCY_END, 1.0)
    )
    model.folds = [replace(model.folds[0], classifier=classifier)]
    progress.report(1.0, "general model trained")
    return model


def towns_of(places: Sequence[Place]) -> list[int]:
    """Which places are patches of one town: those within NEAR_DEGREES of one another; every made town is its own."""
    middles = [np.mean([tile.polygon_lonlat.centroid.coords[0] for tile in place.tiles], axis=0) for place in places]
    towns: list[int] = []
    for number, place in enumerate(places):
        near = [
            towns[other]
            for other in range(number)
            if not place.made and not places[other].made
            and np.abs(middles[other] - middles[number]).max() < NEAR_DEGREES
        ]  # fmt: skip
        towns.append(near[0] if near else number)
    return towns


def _split(place: Place, town: int, seed: int) -> Split:
    if place.made or len(place.tiles) < MIN_TILES:
        return Split(place, list(place.tiles), [], town)
    block_of = geographic_folds(place.tiles, BLOCKS, seed=seed)
    learnt = [tile for tile in place.tiles if block_of[tile]]
    return Split(place, learnt, [tile for tile in place.tiles if not block_of[tile]], town)


def _groups(towns: Sequence[int], config: RegionConfig) -> list[tuple[int, ...]]:
    """Towns that one stranger is left without."""
    if not config.evidence.encoder or len(towns) <= GROUPS:
        return [(town,) for town in towns]
    return [tuple(towns[first::GROUPS]) for first in range(GROUPS)]


def _all_zooms(splits: Sequence[Split]) -> list[PlaceSamples]:
    return [balanced(place_samples(one.place.name, one.place.source, one.place.tiles)) for one in splits]


def _samples(splits: Sequence[Split], backgrounds: Sequence[np.ndarray], *, whole: bool) -> list[EvidenceSample]:
    samples: list[EvidenceSample] = []
    for split in splits:
        tiles, avoid = (split.place.tiles, []) if whole else (split.learnt, split.kept)
        samples += evidence_samples(split.place.source, tiles, avoid=avoid)
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


def _taught_classifier(
    model: RegionModel,
    splits: Sequence[Split],
    strangers: Mapping[int, EvidenceNetwork],
    exact: Collection[str],
    run_dir: Path,
    seed: int,
    progress: Progress,
) -> ChangeClassifier:
    """Classifiers taught on simulated edits of places by networks that are `strangers` there; untaught without any."""
    lessons: list[Lesson] = []
    real = [split for split in splits if split.kept and split.town in strangers]
    for number, split in enumerate(real):
        span = SpanProgress(progress, number / len(real), (number + 1) / len(real))
        stranger = strangers[split.town]
        unseen = split.kept if stranger is model.folds[0].evidence.tuned else split.place.tiles
        lesson = lesson_of(
            stranger, model.folds[0].consistency, model.config, split.place.source, nearest_tiles(unseen, TAUGHT_TILES),
            path=run_dir / f"evidence-{number}.tif", seed=seed, exact=split.place.name in exact, progress=span,
        )  # fmt: skip
        lessons.append(lesson)
    return taught_by(lessons, seed)
