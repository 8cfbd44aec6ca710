"""What a method may learn from and what it is then asked about: the same for every method."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mlcore.consistency.pretraining import Place
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import Progress
from mlcore.region.config import RegionConfig
from mlcore.region.training import fold_count

Start = Literal["own", "scratch", "shipped"]


@dataclass(frozen=True)
class Task:
    """One target place and what may be known before it is scored.

    Attributes:
        name: such as "banepa" or "zanzibar, fine-tuned".
        target: the place whose tiles are scored.
        training: other places to learn from.
        within: also learn from the target's own tiles, each scored by a model that did not see its block.
        with_queue: also measure the queue of candidates.
    """

    name: str
    target: Place
    training: tuple[Place, ...]
    within: bool
    with_queue: bool = False

    @property
    def slug(self) -> str:
        return "".join(letter if letter.isalnum() else "-" for letter in self.name).strip("-")

    def folds(self, config: RegionConfig, seed: int) -> dict[TileAddress, int]:
        """The block of every tile of the target, as a region's cross-fitting draws it; empty where it isn't learnt."""
        if not self.within:
            return {}
        tiles = self.target.tiles
        return geographic_folds(tiles, fold_count(len(tiles), config.folds), seed=seed)


@dataclass(frozen=True)
class Settings:
    """How the methods of one run are trained.

    Attributes:
        config: sizes and schedules of every network.
        start: what within-region training starts from. "own": weights learnt in this run on the task's other places, by
            each variant for itself; "scratch": nothing; "shipped": the weights that come with the library (learnt with
            anchors: unfair to the ablations, and perhaps learnt on the very place).
        models: folder of weights and checkpoints.
    """

    config: RegionConfig
    start: Start
    seed: int
    device: str
    models: Path

    def folder(self, variant: str, places: Sequence[Place], *more: str) -> Path:
        """Where weights of a variant learnt on `places` are kept."""
        names = "+".join(place.name.replace(" ", "") for place in places) or "nothing"
        short = names if len(names) <= 60 else f"{names[:40]}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"
        return self.models.joinpath(f"seed-{self.seed}", short, variant, *more)


class Method(Protocol):
    """One way to say how well image and map of a tile agree."""

    name: str
    probability: bool

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        """Learn what `task` allows, or take up what was learnt before.

        Raises:
            StoppedError: asked to stop; call again to go on.
        """

    def score(self, source: PairSource, tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
        """Agreement of every tile of the target under the map of `source`; higher = agrees."""
