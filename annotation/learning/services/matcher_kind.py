"""The kind `matcher`: finds the map in the image, in every region; taught by what people verified in all of them."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from annotation.learning import engine
from annotation.learning.errors import UnknownPresetError
from annotation.learning.kinds import Commit, Config, ModelKind, Sources
from annotation.learning.models import MATCHER, DataSet, Evaluation
from annotation.learning.services.verified import freeze_held_out, freeze_learnt
from annotation.sources.models import Region

DESCRIPTION = (
    "A network that finds where an aerial image shows the points of a map. It went on from earlier weights and learnt "
    "from tiles whose match people verified, and from made towns; one block of ground in four is kept from it. Matches "
    "are proposals for people to verify; no figure holds for other places or imagery."
)
PURPOSE = (
    "A matcher finds where the image shows the map, in every region, and learns from the matches that people verified "
    "in all of them. One block of ground in four is kept from every matcher: there they are compared."
)
FIGURES = {
    "placed": "Tiles brought within 1 m",
    "close": "How near, up to 3 px (AUC)",
    "moved_placed": "Brought within 1 m, map moved and turned",
    "moved_close": "How near, map moved and turned (AUC)",
    "refused_elsewhere": "Maps of other places refused",
}
PRESETS = {
    "compact": "Compact: about half an hour on two cores",
    "quick": "Quick: minutes, for a first look",
    "tiny": "Tiny: seconds, to try things out",
}


def _config_of(preset: str) -> Config:
    try:
        return engine.matcher_config(preset)
    except engine.ConfigError as error:
        raise UnknownPresetError(str(error)) from error


def _freeze(*, region: Region | None, config: Config, sources: Sources | None) -> DataSet:
    return freeze_learnt()


def _compare(*, evaluation: Evaluation, progress: engine.Progress, commit: Commit) -> None:
    """Match the held-out blocks by both, and keep the figures."""
    figures, counts, digest = engine.evaluate_matchers(evaluation, progress)
    with commit():
        evaluation.finish(figures, counts, digest)


def _ground(counts: Mapping[str, int]) -> str:
    blocks, tiles = counts.get("blocks", 0), counts.get("tiles", 0)
    return f"{tiles} verified tiles on {blocks} blocks that no matcher learns"


def _built_in() -> str:
    if settings.MATCHER_WEIGHTS:
        return "the matcher that the setting MAPWRIGHT_MATCHER_WEIGHTS names"
    return "the matcher that ships"


KIND = ModelKind(
    name=MATCHER, title="matcher", description=DESCRIPTION, per_region=False, config_of=_config_of, freeze=_freeze,
    train=engine.train_matcher, compare=_compare, figures=FIGURES, purpose=PURPOSE, ground=_ground, presets=PRESETS,
    built_in=_built_in, measure=freeze_held_out, take_in=engine.take_in_matcher, checked=engine.checked_matcher,
)  # fmt: skip
