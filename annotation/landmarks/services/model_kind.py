"""The kind `landmarks`: finds tiles and landmarks by words, photos and coordinates; taught by all regions' own maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation.common.engine import Progress
from annotation.landmarks import engine, selectors
from annotation.landmarks.models import LANDMARKS, Landmark, LandmarkPhoto
from annotation.landmarks.services.photos import photo_at
from annotation.learning.errors import NoGroundError, UnknownPresetError
from annotation.learning.kinds import Commit, Config, ModelKind, Sources, Trained
from annotation.learning.models import DataSet, Evaluation, TrainingRun
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use

DESCRIPTION = (
    "Four towers and their heads that bring aerial images, photos from the ground, texts and coordinates into one "
    "space, where each finds the others. Its heads learnt from tiles, what their maps and landmarks say, and where "
    "they lie; one block of ground in four is kept from it. What it finds is likely, never sure; no figure holds for "
    "other places or languages."
)
PURPOSE = (
    "A search model finds tiles and landmarks by words, photos, coordinates or another tile, in every region. It "
    "learns from the tiles of all regions with what their maps and landmarks say of them. One block of ground in four "
    "is kept from every model: there they are compared. A promoted one reads all tiles anew; until that is done the "
    "one before answers."
)
FIGURES = {
    "text_finds_tile": "Words find their tile (first 10)",
    "place_finds_tile": "Coordinates find their tile (first 10)",
    "tile_finds_text": "Tiles find their words (first 10)",
    "photo_finds_tile": "Photos find their tile (first 10)",
}
PRESETS = {
    "compact": "Compact: goes on from the weights that ship",
    "tiny": "Tiny: seconds, to try things out",
}
NO_WEIGHTS = "nothing, for there are no weights here: train a model, or set MAPWRIGHT_LANDMARKS_WEIGHTS to a file"


def _config_of(preset: str) -> Config:
    if preset not in PRESETS:
        raise UnknownPresetError(f"no preset {preset!r} of a search model: choose from {', '.join(PRESETS)}")
    return engine.search_config(preset)


@transaction.atomic
def freeze() -> DataSet:
    """Tiles of all regions in the imagery in use, with their maps, landmarks and photos.

    Raises:
        NoGroundError: no region has tiles.
    """
    sources = []
    for region in Region.objects.order_by("pk"):
        imagery = imagery_in_use(region)
        if imagery is not None and (mark := selectors.mark_of(imagery, None))[1]:
            sources.append((imagery, snapshot_in_use(region), mark))
    if not sources:
        raise NoGroundError("no region has tiles: import imagery and a map, and have the tiles made")
    landmarks = Landmark.objects.order_by("pk")[: engine.MOST_LANDMARKS]
    photos = LandmarkPhoto.objects.exclude(landmark=None).order_by("pk")[: engine.MOST_LANDMARKS]
    payload = engine.payload_of(sources, landmarks, photos)
    digest = engine.digest_of(payload)
    same = DataSet.objects.filter(kind=LANDMARKS, region=None, digest=digest).first()
    return same or DataSet.objects.create(kind=LANDMARKS, payload=payload, digest=digest)


def _freeze(*, region: Region | None, config: Config, sources: Sources | None) -> DataSet:
    return freeze()


def _train(run: TrainingRun, progress: Progress) -> Trained:
    return engine.train_search(run, photo_at, progress)


def _compare(*, evaluation: Evaluation, progress: Progress, commit: Commit) -> None:
    """Ask both about the held-out tiles, and keep the figures."""
    figures, counts, digest = engine.evaluate_search(evaluation, photo_at, progress)
    with commit():
        evaluation.finish(figures, counts, digest)


def _ground(counts: Mapping[str, int]) -> str:
    tiles, places, texts = (counts.get(name, 0) for name in ("tiles", "places", "texts"))
    return f"{tiles} tiles of {places} places that no model learns, with {texts} sentences"


ASKED_WITH = {"text": "Words", "aerial": "Tiles", "ground": "Photos", "gps": "Coordinates"}


def _floors(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Below which likeness a kind of query finds nothing, and on what that rests."""
    rows = []
    for name in (name for name in ASKED_WITH if name in about.get("floors", {})):
        said = about["floors"][name]
        floor = "every one finds something" if said["floor"] is None else f"nothing below {said['floor']:.3f}"
        if "kept" in said:
            why = (
                f"{said['kept']:.0%} of {said['held_out']} that no model learns find something, "
                f"{said['refused']:.0%} of nonsense finds nothing"
            )
        else:
            start = "as before it learnt, for "
            few = f"{said['held_out']} of them are held out, {engine.LEAST_FOR_FLOOR} are needed"
            why = start + (few if said["taught"] else "it learnt none of these")
        rows.append((f"{ASKED_WITH[name]} find", f"{floor}: {why}"))
    return rows


def built_in() -> str:
    """What finds places while no model of the registry does, in words."""
    if not Path(engine.built_in_file()).is_file():
        return NO_WEIGHTS
    if settings.LANDMARKS_WEIGHTS:
        return "the model that the setting MAPWRIGHT_LANDMARKS_WEIGHTS names"
    return "the model that ships"


KIND = ModelKind(
    name=LANDMARKS, title="search model", description=DESCRIPTION, per_region=False, config_of=_config_of,
    freeze=_freeze, train=_train, compare=_compare, figures=FIGURES, purpose=PURPOSE, ground=_ground, presets=PRESETS,
    built_in=built_in, measure=freeze, told=_floors, checked=engine.checked_search,
)  # fmt: skip
