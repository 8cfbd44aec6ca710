"""Runs a suite: trains and scores every method, keeps what is finished, and goes on from there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.pair_files import PairFile, content_digest, load_pairs, save_pairs
from mlcore.evaluation.queue import queue_figures
from mlcore.evaluation.readings import Readings
from mlcore.files import whole_file
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.config import RegionConfig
from mlcore.suites.consistency_methods import ABLATIONS
from mlcore.suites.methods import METHODS, REGION_METHODS, UNTAUGHT
from mlcore.suites.region_methods import RegionFamily
from mlcore.suites.suites import Suite
from mlcore.suites.task import Method, Settings, Start, Task

PAIRS_FILE = "pairs.json"
REGION_FIGURES = "region-figures"
FIT_SHARE = 0.8


@dataclass(frozen=True)
class Plan:
    """What is asked of one run: scores of another plan in the same folder are refused.

    Attributes:
        readings: what was seen wrong with the maps of places.
    """

    suite: Suite
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    preset: str
    config: RegionConfig
    start: Start = "own"
    device: str = "cpu"
    readings: tuple[Readings, ...] = ()

    def fingerprint(self, pairs: PairFile, method: str) -> str:
        """Digest of whatever changes a method's score; not the seeds, which may be added later."""
        config: dict[str, Any] = self.config.to_dict()
        if method in ABLATIONS:  # these learn no evidence and no classifiers
            config = {name: config[name] for name in ("folds", "consistency")}
        elif method in UNTAUGHT:
            config = {}
        training = {task.name: [[p.name, len(p.tiles), len(p.source.index)] for p in task.training]
                    for task in self.suite.tasks}  # fmt: skip
        content = [self.suite.name, config, self.start, pairs.sha256, training]
        if method == REGION_FIGURES:
            queued = [self.readings_of(task) for task in self.suite.tasks if task.with_queue]
            content += [readings.sha256 for readings in queued if readings is not None]
        return content_digest({"plan": json.loads(json.dumps(content, default=str))})

    def readings_of(self, task: Task) -> Readings | None:
        """The readings of the task's target, where there are some."""
        return next((one for one in self.readings if one.place == task.target.name), None)


@dataclass(frozen=True)
class Scores:
    """What a run left: everything a report is made of.

    Attributes:
        agreement: by (task, set of pairs, method): (S, N) scores of every seed, in the order of `PairSet`.
        queue, footprints: by task, one record of figures per seed (and edition of the queue set).
    """

    plan: Plan
    pairs: PairFile
    agreement: dict[tuple[str, str, str], np.ndarray]
    queue: dict[str, list[dict[str, float]]]
    footprints: dict[str, list[dict[str, float]]]


def prepare_pairs(suite: Suite, out: Path, given: Path | None = None) -> PairFile:
    """The suite's pairs: of the file given, or of `out` where a run put them before, or made now.

    Raises:
        InvalidInputError: the file holds other pairs than this suite's places allow.
    """
    out.mkdir(parents=True, exist_ok=True)
    maps = {name: place.source.index for name, place in suite.targets.items()}
    own = out / PAIRS_FILE
    path = given or own
    if given is None and not own.is_file():
        return save_pairs(own, suite.name, suite.pairs(), maps)
    pairs = load_pairs(path, suite.name, maps)
    for name, place in suite.targets.items():
        if any(set(one.tiles) != set(place.tiles) for one in pairs.pairs[name].values()):
            raise InvalidInputError(f"{path.name} has pairs of other tiles than {name}'s: leave --pairs out")
    if path.resolve() != own.resolve():
        own.write_bytes(path.read_bytes())
    return pairs


def run_suite(plan: Plan, pairs: PairFile, out: Path, progress: Progress | None = None) -> Scores:
    """Score every method on every task with every seed; what `out` holds already is not done again.

    Raises:
        InvalidInputError: `out` holds scores of another plan.
        StoppedError: asked to stop; the same call goes on.
    """
    progress = progress or SilentProgress()
    work = [(seed, task) for seed in plan.seeds for task in plan.suite.tasks]
    for number, (seed, task) in enumerate(work):
        span = SpanProgress(progress, number / len(work), (number + 1) / len(work))
        _Worker(plan, task, seed, pairs, out).run(span)
    return collect(plan, pairs, out)


def collect(plan: Plan, pairs: PairFile, out: Path) -> Scores:
    """Read the finished scores of a run."""
    agreement, queue, footprints = {}, dict[str, list[dict[str, float]]](), dict[str, list[dict[str, float]]]()
    for task in plan.suite.tasks:
        for method in plan.methods:
            mark = plan.fingerprint(pairs, method)
            records = [_read(_path(out, task, method, seed), mark) for seed in plan.seeds]
            if any(record is None for record in records):
                raise InvalidInputError(f"{method} is not finished on {task.name}: run the suite again to go on")
            for name in scored_sets(pairs, task):
                agreement[task.name, name, method] = np.array([record["scores"][name] for record in records if record])
        mark = plan.fingerprint(pairs, REGION_FIGURES)
        extra = [record for seed in plan.seeds if (record := _read(_path(out, task, REGION_FIGURES, seed), mark))]
        queue[task.name] = [one for record in extra for one in record["queue"]]
        footprints[task.name] = [record["footprints"] for record in extra]
    return Scores(plan, pairs, agreement, queue, footprints)


def scored_sets(pairs: PairFile, task: Task) -> list[str]:
    """Names of the sets whose pairs are scored; the queue's editions are for candidates alone."""
    return [name for name in pairs.pairs[task.target.name] if name != "queue"]


class _Worker:
    """One task with one seed: methods share the editions and the region model."""

    def __init__(self, plan: Plan, task: Task, seed: int, pairs: PairFile, out: Path) -> None:
        self.plan, self.task, self.seed, self.out, self.file = plan, task, seed, out, pairs
        self.pairs, self.sets = pairs.pairs[task.target.name], scored_sets(pairs, task)
        self.settings = Settings(plan.config, plan.start, seed, plan.device, out / "models" / plan.preset)
        self.family = RegionFamily()
        self.sources: dict[str, list[PairSource]] = {}

    def run(self, progress: Progress) -> None:
        methods = [name for name in self.plan.methods if not self._finished(name)]
        figures = set(self.plan.methods) & set(REGION_METHODS) and not self._finished(REGION_FIGURES)
        steps = len(methods) + bool(figures)
        for number, name in enumerate(methods):
            self._score(METHODS[name](self.family), SpanProgress(progress, number / steps, (number + 1) / steps))
        if figures:
            self._figures(SpanProgress(progress, len(methods) / steps, 1.0))
        progress.report(1.0, f"{self.task.name}, seed {self.seed}: done")

    def _finished(self, method: str) -> bool:
        return _read(self._path(method), self.plan.fingerprint(self.file, method)) is not None

    def _score(self, method: Method, progress: Progress) -> None:
        stop_if_asked(progress)
        progress.report(0.0, f"{self.task.name}, seed {self.seed}: {method.name}")
        method.fit(self.task, self.settings, SpanProgress(progress, 0, FIT_SHARE))
        scores: dict[str, list[float]] = {}
        editions = [(name, source) for name in self.sets for source in self._sources(name)]
        for number, (name, source) in enumerate(editions):
            stop_if_asked(progress)
            found = method.score(source, self.task.target.tiles)
            tiles = self.pairs[name].tiles
            scores.setdefault(name, []).extend(round(found[tile], 7) for tile in tiles)
            progress.report(FIT_SHARE + (1 - FIT_SHARE) * (number + 1) / len(editions), f"{method.name}: scoring")
        if not all(math.isfinite(value) for values in scores.values() for value in values):
            raise InvalidInputError(f"{method.name} gave a score that is no number on {self.task.name}: see its losses")
        mark = self.plan.fingerprint(self.file, method.name)
        _write(self._path(method.name), {"fingerprint": mark, "method": method.name, "scores": scores})

    def _figures(self, progress: Progress) -> None:
        """The queue on edited maps and the evidence against footprints."""
        self.family.fit(self.task, self.settings, SpanProgress(progress, 0, 0.5))
        queue = []
        if self.task.with_queue:
            tiles = self.task.target.tiles
            unedited = self.family.candidates(self.task.target.source, tiles)
            readings = self.plan.readings_of(self.task)
            editions = list(zip(self.pairs["queue"].editions, self._sources("queue"), strict=True))
            for number, (edition, source) in enumerate(editions):
                stop_if_asked(progress)
                found, edits = self.family.candidates(source, tiles), edition.edited.edits
                queue.append(queue_figures(found, unedited, edits, readings))
                progress.report(0.5 + 0.5 * (number + 1) / len(editions), "queue of candidates")
        footprints = self.family.footprints(self.task)
        mark = self.plan.fingerprint(self.file, REGION_FIGURES)
        _write(self._path(REGION_FIGURES), {"fingerprint": mark, "queue": queue, "footprints": footprints})

    def _sources(self, name: str) -> list[PairSource]:
        """The target under every edition of a set: made once, so that results are remembered by them."""
        if name not in self.sources:
            source, pairs = self.task.target.source, self.pairs[name]
            self.sources[name] = [source.with_index(MapIndex(one.edited.features)) for one in pairs.editions]
        return self.sources[name]

    def _path(self, method: str) -> Path:
        return _path(self.out, self.task, method, self.seed)


def _path(out: Path, task: Task, method: str, seed: int) -> Path:
    return out / "scores" / task.slug / f"{method}-seed{seed}.json"


def _read(path: Path, mark: str) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found = record["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is damaged ({error}): delete it, and the same command makes it anew"
        ) from error
    if found != mark:
        raise InvalidInputError(f"{path} comes from other settings, pairs or data: choose another --out")
    return record


def _write(path: Path, record: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(record), encoding="utf-8")
