"""The kind `locator`: finds where an image without a place lies; taught by the imagery of all regions."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from annotation.learning import engine, selectors
from annotation.learning.errors import NoGroundError, UnknownPresetError
from annotation.learning.kinds import Commit, Config, ModelKind, Sources
from annotation.learning.models import LOCATOR, DataSet, Evaluation
from annotation.sources.models import Region

DESCRIPTION = (
    "A network that finds which piece of reference imagery shows an image, and where on it. It learnt from imagery, "
    "turned, scaled and in another light; one block of ground in four is kept from it. What it finds is proposed for "
    "people to confirm; no figure holds for other places, dates or sensors."
)
PURPOSE = (
    "A locator finds where an image without a place lies, in the imagery of all regions and in reference sets. It "
    "learns from the imagery of all regions. One block of about 500 m in four is kept from every locator: pictures of "
    "these are looked for when two are compared. A promoted one describes all bases anew; until that is done the one "
    "before answers."
)
FIGURES = {
    "located": "Found, and believed, within 5 m",
    "first_right": "First suggestion within 5 m",
    "located_close": "How near, up to 5 m (AUC)",
    "refused_foreign": "Pictures of ground that is not there refused",
}
PRESETS = {
    "compact": "Compact: made for a GPU, long on a processor",
    "tiny": "Tiny: seconds, to try things out",
}
NO_WEIGHTS = "nothing, for there are no weights here: train one and use it, or set MAPWRIGHT_LOCATOR_WEIGHTS to a file"


def _config_of(preset: str) -> Config:
    if preset not in PRESETS:
        raise UnknownPresetError(f"no preset {preset!r} of a locator: choose from {', '.join(PRESETS)}")
    return engine.locator_config(preset)


@transaction.atomic
def freeze_imagery() -> DataSet:
    """All imagery that is ready, to learn from and to compare on: what is held out of it is said by its place alone.

    Raises:
        NoGroundError: there is none.
    """
    images = list(selectors.ready_imagery())
    if not images:
        raise NoGroundError("no region has imagery that is ready: import some first")
    payload = engine.imagery_payload(images)
    digest = engine.digest_of(payload)
    same = DataSet.objects.filter(kind=LOCATOR, region=None, digest=digest).first()
    return same or DataSet.objects.create(kind=LOCATOR, payload=payload, digest=digest)


def _freeze(*, region: Region | None, config: Config, sources: Sources | None) -> DataSet:
    return freeze_imagery()


def _compare(*, evaluation: Evaluation, progress: engine.Progress, commit: Commit) -> None:
    """Look for pictures of the held-out blocks with both, and keep the figures."""
    figures, counts, digest = engine.evaluate_locators(evaluation, progress)
    with commit():
        evaluation.finish(figures, counts, digest)


def _ground(counts: Mapping[str, int]) -> str:
    queries, blocks, bases = (counts.get(name, 0) for name in ("queries", "blocks", "bases"))
    return f"{queries} pictures of {blocks} blocks that no locator learns, looked for among {bases} bases"


def built_in() -> str:
    """What looks for images while no model of the registry does, in words."""
    if not engine.locator_weights().is_file():
        return NO_WEIGHTS
    if settings.LOCATOR_WEIGHTS:
        return "the locator that the setting MAPWRIGHT_LOCATOR_WEIGHTS names"
    return "the locator that ships"


KIND = ModelKind(
    name=LOCATOR, title="locator", description=DESCRIPTION, per_region=False, config_of=_config_of, freeze=_freeze,
    train=engine.train_locator, compare=_compare, figures=FIGURES, purpose=PURPOSE, ground=_ground, presets=PRESETS,
    built_in=built_in, measure=freeze_imagery, checked=engine.checked_locator,
)  # fmt: skip
