"""Trainings of models that find places, on tiles of all regions, and two of them held side by side."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from annotation.common.engine import compute_device
from annotation.landmarks.engine.floors import floors_after
from annotation.landmarks.engine.learning_data import Payload, TilesOfRegions
from annotation.landmarks.engine.weights import built_in_file
from annotation.learning.engine import check_model_file, checked_by, run_folder, work_folder
from annotation.learning.engine.matchers import LastFigures, kept_model
from annotation.learning.errors import NoGroundError
from annotation.learning.kinds import Trained
from annotation.learning.models import Evaluation, ModelVersion, TrainingRun
from mlcore.digests import sha256_of
from mlcore.progress import Progress, SpanProgress

LEAST_TILES = 8
GOES_ON = ("compact",)
"""Presets that go on from the weights that ship, where these are there."""
PhotoFile = Callable[[int, int], Path]


def search_config(preset: str) -> dict[str, Any]:
    """The full settings of a preset as plain values; an unknown one raises ConfigError."""
    from mlcore.landmarks.config import LandmarkConfig

    return LandmarkConfig.preset(preset).to_dict()


def checked_search(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a search model that a person changed, as they will be used; raises InvalidSettingError."""
    from mlcore.landmarks.config import LandmarkConfig

    return checked_by(LandmarkConfig.from_dict, config)


def train_search(run: TrainingRun, photo_file: PhotoFile, progress: Progress) -> Trained:
    """Learn on the tiles that are not held out, from the run's checkpoints where there are some.

    Raises:
        DataSetChangedError: what was frozen is not there any more.
        NoGroundError: too few tiles may be learnt.
        WeightsUnavailableError: a tower's published weights can't be had.
        StoppedError: asked to stop.
    """
    from mlcore.landmarks.config import LandmarkConfig
    from mlcore.landmarks.training import train_landmarks

    samples = TilesOfRegions(run.data_set, photo_file, kept_out=False)
    if len(samples) < LEAST_TILES:
        raise NoGroundError(
            f"{len(samples)} tiles may be learnt, {LEAST_TILES} are needed: import imagery and a map of more ground"
        )
    figures = LastFigures(SpanProgress(progress, 0.0, 0.9))
    start = built_in_file() if run.preset in GOES_ON and built_in_file().is_file() else None
    model = train_landmarks(
        samples, LandmarkConfig.from_dict(run.config), run_dir=work_folder(run), weights=start, seed=run.seed,
        device=compute_device(), progress=figures,
    )  # fmt: skip
    from mlcore.evaluation.compare_landmarks import describe

    learnt = describe(model, samples, SpanProgress(progress, 0.9, 0.97))
    kept_out = TilesOfRegions(run.data_set, photo_file, kept_out=True)
    floors, told = floors_after(model, learnt, describe(model, kept_out, SpanProgress(progress, 0.97, 1.0)))
    origin = {**about_search(run, len(samples)), "floors": told}
    scratch = run_folder(run) / f"{uuid.uuid4().hex}.safetensors"
    digest = model.save(scratch, {"about": origin, "floors": floors, "floor_shares": told})
    metrics = {name: value for name, value in figures.figures.items() if name != "epoch" and math.isfinite(value)}
    return kept_model(run, scratch, digest, {"tiles": float(len(samples)), **metrics}, origin)


def about_search(run: TrainingRun, tiles: int) -> Payload:
    """What a model's file says of where it comes from: sources with licences."""
    payload = run.data_set.payload
    return {
        "kind": run.kind, "data_digest": run.data_set.digest, "preset": run.preset, "seed": run.seed, "tiles": tiles,
        "images": len(payload["sources"]), "places": len({one["region"] for one in payload["sources"]}),
        "landmarks": len(payload["landmarks"]),
        "sources": [{key: one[key] for key in ("imagery", "map") if key in one} for one in payload["sources"]],
    }  # fmt: skip


def evaluate_search(
    evaluation: Evaluation, photo_file: PhotoFile, progress: Progress
) -> tuple[list[Payload], dict[str, int], str]:
    """Figures of the evaluation's model beside the other one or the built-in one, what they rest on, and its digest.

    Raises:
        DataSetChangedError, ModelFileError: what was frozen, or a model's file, is not there any more.
        NoGroundError: no tile is held out.
        StoppedError: asked to stop.
    """
    from mlcore.evaluation.compare_landmarks import compare_landmarks, describe
    from mlcore.landmarks.model import LandmarkModel

    samples = TilesOfRegions(evaluation.data_set, photo_file, kept_out=True)
    if not len(samples):
        raise NoGroundError("no tile lies on a block that no model learns: import imagery of more ground")
    files = [(check_model_file(evaluation.model), evaluation.model.sha256), *_other(evaluation.against)]
    said = []
    for number, (path, digest) in enumerate(files):
        model = LandmarkModel.load(path, sha256=digest).to(compute_device()).eval()
        said.append(describe(model, samples, SpanProgress(progress, number / len(files), (number + 1) / len(files))))
    figures = compare_landmarks(said[0], said[1] if len(said) > 1 else None)
    counts = {"tiles": len(samples), "places": len(set(said[0].places)), "texts": len(said[0].texts)}
    frozen = hashlib.sha256(json.dumps([evaluation.data_set.digest, said[0].names]).encode()).hexdigest()
    return [one.to_dict() for one in figures], counts, frozen


def _other(version: ModelVersion | None) -> list[tuple[Path, str]]:
    """The other model, or what is used without one; nothing where there is neither."""
    if version is not None:
        return [(check_model_file(version), version.sha256)]
    path = built_in_file()
    return [(path, sha256_of(path))] if path.is_file() else []
