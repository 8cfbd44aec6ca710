"""The kind `region`: a cross-fitted model of one region, taught by its map, its anchors and its reviewers."""

from __future__ import annotations

from collections.abc import Mapping

from annotation.learning import engine, selectors
from annotation.learning.errors import DataSetChangedError, UnknownPresetError
from annotation.learning.kinds import Commit, Config, ModelKind, Sources, Trained
from annotation.learning.models import REGION, DataSet, Evaluation, TrainingRun
from annotation.learning.services.freeze import freeze, thaw
from annotation.sources.models import Region

DESCRIPTION = (
    "A cross-fitted model that scores how well aerial imagery and a map of buildings agree, and suggests changes. "
    "Every tile is scored by networks that did not learn from it. Suggestions are for people to decide; nothing "
    "here is fit to change a map by itself, and no figure holds for other places or imagery."
)
PURPOSE = (
    "Models learn from this region's own tiles and from what people decided, in folds: no tile is ever scored by a "
    "model that saw it."
)
FIGURES = {
    "tile_auroc": "Tiles told apart (AUROC)",
    "first_precision": "Right among the first 40 suggestions",
    "recall_add": "Missing buildings found",
    "recall_remove": "Gone buildings found",
    "recall_modify": "Wrong shapes and places found",
    "agreement": "Agreement with people's decisions (AUROC)",
}
PRESETS = {
    "compact": "Compact: minutes on two cores",
    "quick": "Quick: a first look at an easy place",
    "tiny": "Tiny: seconds, to try things out",
}


def _config_of(preset: str) -> Config:
    try:
        return engine.config_of(preset)
    except engine.ConfigError as error:
        raise UnknownPresetError(str(error)) from error


def _freeze(*, region: Region | None, config: Config, sources: Sources | None) -> DataSet:
    if region is None:
        raise ValueError("the model of a region is asked for without one")
    anchored = engine.anchors_needed(config)
    return freeze(region=region, needed=engine.tiles_needed(config), anchored=anchored, sources=sources)


def _train(run: TrainingRun, progress: engine.Progress) -> Trained:
    pairs, anchors = thaw(run.data_set)
    return engine.train_run(run, pairs, anchors, progress)


def _compare(*, evaluation: Evaluation, progress: engine.Progress, commit: Commit) -> None:
    """Score both models on the frozen set of the data, made by the first comparison."""
    pairs = selectors.frozen_pairs(evaluation.data_set)
    if len(pairs) != len(evaluation.data_set.pairs):
        raise DataSetChangedError("tiles of the model's data set are gone; train again, then compare")
    frozen = engine.frozen_set(evaluation.data_set, pairs)
    with commit():
        DataSet.objects.filter(pk=evaluation.data_set_id).update(frozen_path=frozen.path, frozen_sha256=frozen.sha256)
    figures, counts = engine.evaluate(evaluation, pairs, frozen, progress)
    with commit():
        evaluation.finish(figures, counts, frozen.sha256)


def _ground(counts: Mapping[str, int]) -> str:
    tiles, errors, accepted, rejected = (counts.get(name, 0) for name in ("tiles", "errors", "accepted", "rejected"))
    return f"{tiles} tiles, {errors} known errors, {accepted} accepted and {rejected} rejected suggestions"


KIND = ModelKind(
    name=REGION, title="region's model", description=DESCRIPTION, per_region=True, config_of=_config_of,
    freeze=_freeze, train=_train, compare=_compare, figures=FIGURES, purpose=PURPOSE, ground=_ground, presets=PRESETS,
    checked=engine.checked_region,
)  # fmt: skip
