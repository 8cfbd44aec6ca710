"""The kinds of models the registry holds: what a kind is, how it learns, how two of its models are compared.

Training stands below the stages that use its models. A stage names its kind in `settings.MODEL_KINDS`, as queues are
named in `settings.REVIEW_STAGES`; nothing here imports them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from annotation.common.engine import Progress
from annotation.learning.errors import UnknownKindError, WrongScopeError
from annotation.learning.models import DataSet, Evaluation, TrainingRun
from annotation.sources.models import Imagery, MapSnapshot, Region

Commit = Callable[[], AbstractContextManager[object]]
Sources = tuple[Imagery, MapSnapshot]
Config = dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """A model file that was just written: its place below the media folder, its digest, what it measured and says."""

    path: str
    sha256: str
    metrics: dict[str, float]
    about: dict[str, Any]


class Freeze(Protocol):
    """Freezes what a model of these settings would learn from; the same content gives the same data set."""

    def __call__(self, *, region: Region | None, config: Config, sources: Sources | None) -> DataSet: ...


class Compare(Protocol):
    """Fills in figures, counts and the frozen set of an evaluation, through `commit`."""

    def __call__(self, *, evaluation: Evaluation, progress: Progress, commit: Commit) -> None: ...


@dataclass(frozen=True)
class ModelKind:
    """One kind of model.

    Attributes:
        purpose: what its models are for and how they learn, for the head of the page.
        per_region: a model belongs to a region; else one serves all of them.
        description: what a model of this kind is, and is not fit for, as its card says it.
        config_of: the full settings of a preset; raises UnknownPresetError.
        train: goes on from the run's checkpoints and writes the model file, named by its digest.
        compare: None where two models are not held side by side.
        figures: what the card calls the figures of a comparison, by name.
        ground: what a comparison rests on, in words, from its counts.
        presets: what the page says of each preset, the usual one first.
        built_in: what is used while no model of this kind is in use, in words; None where there is nothing. Where there
            is, the first model waits for a promotion as all others do, and a roll-back may lead there.
        measure: freezes what models are compared on, where that is not what they learnt from; raises NoGroundError.
        told: what else its card says of a model, from what is known of where it comes from: (what, value) rows.
        take_in: moves a file from elsewhere to where a run keeps its model, once it is checked; None: none is taken.
        checked: settings that a person changed, as they will be used; raises InvalidSettingError.
    """

    name: str
    title: str
    description: str
    per_region: bool
    config_of: Callable[[str], Config]
    freeze: Freeze
    train: Callable[[TrainingRun, Progress], Trained]
    compare: Compare | None = None
    figures: Mapping[str, str] = field(default_factory=dict)
    purpose: str = ""
    ground: Callable[[Mapping[str, int]], str] = lambda counts: ""
    presets: Mapping[str, str] = field(default_factory=dict)
    built_in: Callable[[], str] | None = None
    measure: Callable[[], DataSet] | None = None
    told: Callable[[Mapping[str, Any]], list[tuple[str, str]]] = lambda about: []
    take_in: Callable[[TrainingRun], Trained] | None = None
    checked: Callable[[Config], Config] = lambda config: config

    @property
    def label(self) -> str:
        """What the page calls its models."""
        return "This region's model" if self.per_region else f"{self.title.capitalize()} of all regions"


def kind_of(name: str) -> ModelKind:
    """The kind of this name.

    Raises:
        UnknownKindError: no stage of this installation has it.
    """
    path = settings.MODEL_KINDS.get(name)
    if path is None:
        raise UnknownKindError(f"there are no models of kind {name!r}; known: {', '.join(settings.MODEL_KINDS)}")
    return import_string(path)


def kind_for(name: str, region: Region | None) -> ModelKind:
    """The kind of this name, which must fit: with a region where its models have one, else without.

    Raises:
        UnknownKindError, WrongScopeError: what to ask for instead.
    """
    kind = kind_of(name)
    if kind.per_region and region is None:
        raise WrongScopeError(f"a {kind.title} belongs to a region: train it there")
    if not kind.per_region and region is not None:
        raise WrongScopeError(f"a {kind.title} serves every region: train it without one")
    return kind
