"""U-CSA and its ablations: one training, in which nothing differs but what is ablated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.anchors.geometric import describe_tile
from mlcore.anchors.schema import Anchor
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.pretraining import Place, pretrain_consistency
from mlcore.consistency.scan import score_tiles
from mlcore.consistency.training import load_consistency, save_consistency, train_consistency
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SpanProgress
from mlcore.region.shipped import shipped_model
from mlcore.suites.task import Settings, Task

VALIDATION_STEP = 6  # every sixth tile standardises the score (Eq. 10) and is not learnt from
PRETRAINING_SHARE = 0.6
ABLATIONS: dict[str, dict[str, Any]] = {
    "ucsa": {},
    "no_anchors": {"anchors": "none"},
    "no_prototypes": {"prototype_weight": 0.0},
    "no_masking": {"mask_identical": False},
    "global_anchors": {"anchors": "tiles"},
    "cell_anchors": {"anchors": "cells"},
    "shuffled_anchors": {"anchors": "tiles"},
    "mismatched_only": {"edited_negatives": False},
    "mismatched_only_no_anchors": {"edited_negatives": False, "anchors": "none"},
}
"""What each variant changes in the settings; all else, tiles, steps and seeds included, is the same."""
DISCRIMINATOR_ALONE = ("no_prototypes",)
SHUFFLED = ("shuffled_anchors",)
"""Every tile gets another tile's anchor: the control that shows whether anchors carry meaning."""
SCORING = ("views", "alpha")
"""Settings that weights don't depend on."""


@dataclass
class ConsistencyMethod:
    """One variant of U-CSA.

    Attributes:
        name: a key of ABLATIONS.
        models: one per fold of the target; a single one where the target is not learnt from.
    """

    name: str
    probability: bool = False

    def __post_init__(self) -> None:
        if self.name not in ABLATIONS:
            raise InvalidInputError(f"no variant {self.name!r} of U-CSA: choose one of {', '.join(ABLATIONS)}")
        self.models: list[ConsistencyModel] = []
        self.folds: Mapping[TileAddress, int] = {}

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        config = replace(settings.config.consistency, **ABLATIONS[self.name])
        first = None
        if not task.within or settings.start != "scratch":
            first = self._first(task, settings, config, SpanProgress(progress, 0, PRETRAINING_SHARE))
        if not task.within and first is not None:
            self.models, self.folds = [first], {}
            return
        self.folds = task.folds(settings.config, settings.seed)
        count = max(self.folds.values()) + 1
        folder = settings.folder(self.name, task.training, f"{task.target.name}-from-{settings.start}")
        self.models = []
        for fold in range(count):
            start = PRETRAINING_SHARE + (1 - PRETRAINING_SHARE) * fold / count
            span = SpanProgress(progress, start, start + (1 - PRETRAINING_SHARE) / count)
            self.models.append(self._fold(task, settings, config, first, fold, folder / f"fold-{fold}", span))

    def score(self, source: PairSource, tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
        found: dict[TileAddress, float] = {}
        for fold, model in enumerate(self.models):
            members = [tile for tile in tiles if self.folds.get(tile, 0) == fold]
            for views, batch in score_tiles(model, source, members):
                values = batch.disc if self.name in DISCRIMINATOR_ALONE else batch.final
                found |= {view.tile: float(value) for view, value in zip(views, values, strict=True)}
        return found

    def _first(self, task: Task, settings: Settings, config: ConsistencyConfig, progress: Progress) -> ConsistencyModel:
        """The weights before the target: learnt on the other places by this very variant, or those that ship."""
        if settings.start == "shipped":
            general = shipped_model()
            if general is None or general.folds[0].consistency.config.architecture() != config.architecture():
                raise InvalidInputError("no shipped weights fit this preset: use --start own")
            return general.folds[0].consistency.to(settings.device)
        folder = settings.folder(self.name, task.training, "pretraining")
        learnt, kept = split_places(task.training)
        return kept_model(
            folder,
            config,
            lambda: pretrain_consistency(
                learnt, kept, config, anchors=self._anchors(learnt, settings.seed), run_dir=folder, seed=settings.seed,
                device=settings.device, progress=progress,
            ),
            settings.device,
        )  # fmt: skip

    def _fold(
        self,
        task: Task,
        settings: Settings,
        config: ConsistencyConfig,
        first: ConsistencyModel | None,
        fold: int,
        folder: Path,
        progress: Progress,
    ) -> ConsistencyModel:
        source = task.target.source
        tiles = sorted(tile for tile, other in self.folds.items() if other != fold)
        training, validation = split_tiles(tiles)
        anchors = self._anchors([replace(task.target, tiles=training)], settings.seed)
        return kept_model(
            folder,
            config,
            lambda: train_consistency(
                source.pairs(training), anchors, config, validation=source.pairs(validation), initial=first,
                run_dir=folder, seed=settings.seed, device=settings.device, progress=progress,
            ),
            settings.device,
        )  # fmt: skip

    def _anchors(self, places: Sequence[Place], seed: int) -> dict[TileAddress, Anchor]:
        """What geometry says of every tile; of another tile, drawn by chance, in the shuffled control."""
        found = {tile: describe_tile(tile, place.source.index) for place in places for tile in place.tiles}
        if self.name not in SHUFFLED:
            return found
        order = np.random.default_rng([seed, 53]).permutation(len(found))
        given = list(found.values())
        return {tile: given[int(other)] for tile, other in zip(found, order, strict=True)}


def split_tiles(tiles: Sequence[TileAddress]) -> tuple[list[TileAddress], list[TileAddress]]:
    """Tiles to learn from and tiles to standardise on; none of the latter where there are few."""
    validation = list(tiles[::VALIDATION_STEP]) if len(tiles) >= 2 * VALIDATION_STEP else []
    return [tile for tile in tiles if tile not in set(validation)], validation


def split_places(places: Sequence[Place]) -> tuple[list[Place], list[Place]]:
    """The same places twice: with the tiles to learn from, and with those to standardise on."""
    split = [(place, *split_tiles(sorted(place.tiles))) for place in places]
    learnt = [replace(place, tiles=training) for place, training, _ in split]
    return learnt, [replace(place, tiles=validation) for place, _, validation in split if validation]


def kept_model(
    folder: Path, config: ConsistencyConfig, train: Callable[[], ConsistencyModel], device: str
) -> ConsistencyModel:
    """The model of a folder, trained now where it isn't there yet.

    Raises:
        InvalidInputError: the folder holds weights that were learnt with other settings.
    """
    path = folder / "consistency.safetensors"
    if not path.is_file():
        model = train()
        save_consistency(path, model)
        return model
    model = load_consistency(path)
    if _learning(model.config) not in (_learning(config), _learning(config.tuning())):
        raise InvalidInputError(f"{path} was learnt with other settings: choose another --out, or delete {folder}")
    model.config = replace(model.config, **{name: getattr(config, name) for name in SCORING})
    return model.to(device).eval()


def _learning(config: ConsistencyConfig) -> dict[str, Any]:
    """The settings that weights depend on."""
    return {name: value for name, value in config.to_dict().items() if name not in SCORING}
