"""Trainings of matchers and their files, and two matchers held side by side."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from annotation.common.engine import compute_device
from annotation.correspondences.engine import built_in_file
from annotation.learning.engine.matcher_data import Source, about_matcher, by_source, owner_folder, start_file, thawed
from annotation.learning.engine.runs import ModelFileError, check_model_file, run_folder, work_folder
from annotation.learning.errors import NotTakenInError
from annotation.learning.kinds import Trained
from annotation.learning.models import DataSet, Evaluation, ModelVersion, TrainingRun
from mlcore.correspondences.tuning import TuningConfig
from mlcore.digests import sha256_of
from mlcore.errors import CheckpointError
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SpanProgress

if TYPE_CHECKING:
    from mlcore.correspondences.grounds import Ground
    from mlcore.evaluation.compare_matchers import Block, MatcherSaid, Verified

FIRST_TOWN = 101
MOST_BLOCKS = 80
"""Blocks that two matchers are compared on; of more, these are spread over all."""
TAKEN_IN = "import.safetensors"


class LastFigures:
    """A progress that remembers the newest value of every figure."""

    def __init__(self, whole: Progress) -> None:
        self.whole, self.figures = whole, dict[str, float]()

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.figures.update(figures or {})
        self.whole.report(fraction, message, figures)

    def should_stop(self) -> bool:
        return self.whole.should_stop()


def matcher_config(preset: str) -> dict[str, Any]:
    """The full settings of a preset as plain values; an unknown one raises ConfigError."""
    return TuningConfig.preset(preset).to_dict()


def train_matcher(run: TrainingRun, progress: Progress) -> Trained:
    """Go on learning on the run's verified tiles and made towns, from its checkpoints where there are some.

    Raises:
        DataSetChangedError, ModelFileError: what was frozen, or the weights it starts from, are not there any more.
        StoppedError: asked to stop.
    """
    from mlcore.correspondences.structure import StructureModel
    from mlcore.correspondences.training import train_structure

    config = TuningConfig.from_dict(run.config)
    sources, verified = thawed(run.data_set)
    start = StructureModel.load(start_file(run.data_set), sha256=run.data_set.payload["start"]["sha256"])
    told = LastFigures(SpanProgress(progress, 0.05, 1.0))
    model = train_structure(
        grounds_of(config, sources, verified, work_folder(run)), config.of_network(start.config),
        run_dir=work_folder(run), initial=start.state_dict(), seed=run.seed, device=compute_device(), progress=told,
    )  # fmt: skip
    origin = about_matcher(run)
    scratch = run_folder(run) / f"{uuid.uuid4().hex}.safetensors"
    digest = model.save(scratch, {"about": origin})
    metrics = {name: value for name, value in told.figures.items() if name != "epoch" and math.isfinite(value)}
    return kept_model(run, scratch, digest, {"verified_tiles": float(len(verified)), **metrics}, origin)


def grounds_of(
    config: TuningConfig, sources: Sequence[Source], verified: Sequence[Verified], folder: Path
) -> list[tuple[Ground, float]]:
    """Verified places, by how many tiles each has, and made towns, with the weight by which each is drawn."""
    from mlcore.consistency.pretraining import synthetic_place
    from mlcore.correspondences.grounds import MappedGround
    from mlcore.correspondences.verified import ScannedGround, VerifiedGround

    town_share = config.town_share if config.towns else 0.0
    grounds: list[tuple[Ground, float]] = []
    for number, transforms in by_source(verified).items():
        share = (1 - town_share) * len(transforms) / len(verified)
        source = sources[number]
        if isinstance(source, PairSource):
            grounds.append((VerifiedGround(source, transforms), share))
        else:
            grounds.append((ScannedGround(source, transforms), share))
    for number in range(config.towns):
        town = synthetic_place(FIRST_TOWN + number, folder)
        grounds.append((MappedGround(town.source, town.tiles, exact=True), town_share / config.towns))
    return grounds


def take_in_matcher(run: TrainingRun) -> Trained:
    """The file that was given, as the run's model, once every byte of it is checked; it stays as it came.

    Raises:
        NotTakenInError: the file is gone, or is no matcher's.
    """
    from mlcore.correspondences.foreign import read_foreign

    path, digest = work_folder(run) / TAKEN_IN, run.data_set.payload["file"]["sha256"]
    try:
        if not path.is_file() or sha256_of(path) != digest:
            raise NotTakenInError("the file that was given is gone; give it again")
        read_foreign(path)
    except CheckpointError as error:
        raise NotTakenInError(str(error).replace(str(path), "the file")) from error
    scratch = run_folder(run) / f"{uuid.uuid4().hex}.safetensors"
    shutil.copyfile(path, scratch)
    return kept_model(run, scratch, digest, {}, about_matcher(run))


def evaluate_matchers(evaluation: Evaluation, progress: Progress) -> tuple[list[dict[str, Any]], dict[str, int], str]:
    """Figures of the evaluation's model beside the other one or the built-in one, what they rest on, and its digest.

    What was scored before a stop is on the disk and is not scored again.

    Raises:
        DataSetChangedError, ModelFileError: what was frozen, or a model's file, is not there any more.
        StoppedError: asked to stop.
    """
    from mlcore.correspondences.verified import BLOCK_PX
    from mlcore.evaluation.compare_matchers import blocks_of, compare_matchers

    sources, verified = thawed(evaluation.data_set)
    seen = [_sized(one, BLOCK_PX) for one in sources]
    blocks = _spread(blocks_of(verified))
    files = [_registered(evaluation.model), _other(evaluation.against)]
    first, second = (
        _scored(*file, evaluation.data_set, seen, blocks, SpanProgress(progress, number / 2, (number + 1) / 2))
        for number, file in enumerate(files)
    )
    digests = [digest for _, digest in files]
    figures = compare_matchers(first, second, blocks, digests)
    tiles = [one for block in blocks for one in block]
    counts = {
        "blocks": len(blocks), "tiles": len(tiles), "corrected": sum(not one.proposed_by for one in tiles),
        "own": sum(one.proposed_by in digests for one in tiles),
    }  # fmt: skip
    return [one.to_dict() for one in figures], counts, _digest(blocks)


def _scored(
    path: Path, digest: str, data_set: DataSet, sources: Sequence[Source], blocks: Sequence[Block], span: Progress
) -> list[MatcherSaid]:
    """What the matcher of a file makes of the blocks: as it said before, or matched now."""
    from mlcore.correspondences.matcher import StructureMatcher
    from mlcore.correspondences.search import NEARLY_PLACED
    from mlcore.evaluation.compare_matchers import MatcherSaid, score_matcher

    kept = owner_folder(data_set.kind) / f"frozen-{data_set.pk}" / f"{_digest(blocks)[:16]}-{digest[:16]}.json"
    if kept.is_file():
        return [MatcherSaid.from_dict(one) for one in json.loads(kept.read_text(encoding="utf-8"))]
    said = score_matcher(
        StructureMatcher.load(path, NEARLY_PLACED, sha256=digest, device=compute_device()), sources, blocks, span
    )
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = kept.with_name(f"{uuid.uuid4().hex}.part")
    scratch.write_text(json.dumps([one.to_dict() for one in said]), encoding="utf-8")
    scratch.replace(kept)
    return said


def _sized(source: Source, size_px: int) -> Source:
    if isinstance(source, PairSource):
        return PairSource(source.reader, source.index, source.coverage, size_px=size_px)
    return source.sized(size_px)


def _registered(version: ModelVersion) -> tuple[Path, str]:
    return check_model_file(version), version.sha256


def _other(version: ModelVersion | None) -> tuple[Path, str]:
    """The other model, or what is used without one."""
    if version is not None:
        return _registered(version)
    path = built_in_file()
    if not path.is_file():
        raise ModelFileError(f"{path.name} is no file: correct or unset MAPWRIGHT_MATCHER_WEIGHTS, then compare again")
    return path, sha256_of(path)


def _spread(blocks: list[Block]) -> list[Block]:
    chosen = np.unique(np.linspace(0, len(blocks) - 1, min(MOST_BLOCKS, len(blocks))).round().astype(int))
    return [blocks[number] for number in chosen.tolist()]


def _digest(blocks: Sequence[Block]) -> str:
    """SHA-256 of the places and transforms that matchers are held against."""
    said = [
        [one.source, one.tile.z, one.tile.x, one.tile.y, one.transform.kind, one.transform.parameters.tolist()]
        for block in blocks
        for one in block
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def kept_model(
    run: TrainingRun, scratch: Path, digest: str, metrics: dict[str, float], origin: dict[str, Any]
) -> Trained:
    """The model's file under a name by its digest: a run that was given up can never overwrite another one's."""
    target = run_folder(run) / f"model-{digest[:16]}.safetensors"
    scratch.replace(target)
    return Trained(target.relative_to(settings.MEDIA_ROOT).as_posix(), digest, metrics, origin)
