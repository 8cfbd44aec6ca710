"""The suites by name: which places are learnt from, which are measured, and on which pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlcore.consistency.pretraining import Place
from mlcore.errors import InvalidInputError
from mlcore.evaluation.other_map import other_map_set
from mlcore.evaluation.pair_files import SuitePairs
from mlcore.evaluation.pairs import PairSet, protocol_set, queue_set, single_set
from mlcore.progress import Progress
from mlcore.suites.places import REAL_PLACES, real_places, towns
from mlcore.suites.task import Task

PAIRS_SEED = 7301  # of the pairs: the same for every seed of the training
ROUNDS = 8
QUEUE_ROUNDS = 3
HELD_OUT_TOWN = 100
MADE_TOWNS = 5


@dataclass(frozen=True)
class Source:
    """Where a suite's places come from.

    Attributes:
        data: folder of the real places; None where the suite needs none.
        work: folder for made towns.
        towns: made towns that are learnt from beside real places.
        rounds: editions of each place's map.
    """

    data: Path | None
    work: Path
    towns: int = MADE_TOWNS
    rounds: int = ROUNDS
    progress: Progress | None = None

    def real(self) -> list[Place]:
        if self.data is None or not self.data.is_dir():
            raise InvalidInputError("this suite needs real data: say with --data (or MAPWRIGHT_DATA) where it lies")
        return real_places(self.data)

    def made(self, first: int = 0, count: int | None = None, *, as_real: bool = False) -> list[Place]:
        numbers = range(first, first + (self.towns if count is None else count))
        return towns(numbers, self.work / "towns", as_real=as_real, progress=self.progress)


@dataclass(frozen=True)
class Suite:
    """Tasks and how the pairs of a target are made.

    Attributes:
        headline: what it measures, in a sentence for the report.
        given: sets of pairs that come from the data itself, by place.
    """

    name: str
    headline: str
    tasks: tuple[Task, ...]
    make_pairs: Callable[[Place], dict[str, PairSet]]

    @property
    def targets(self) -> dict[str, Place]:
        """The measured places by name."""
        return {task.target.name: task.target for task in self.tasks}

    def pairs(self) -> SuitePairs:
        """Pairs of every measured place."""
        return {name: self.make_pairs(place) for name, place in self.targets.items()}


def banepa_within(source: Source) -> Suite:
    """Banepa's mapped tiles, each scored by models that saw other blocks of it and other places."""
    banepa, *others = source.real()
    task = Task("banepa", banepa, (*others, *source.made()), within=True, with_queue=True)

    def pairs(place: Place) -> dict[str, PairSet]:
        index, tiles, rounds = place.source.index, place.tiles, source.rounds
        queue = queue_set(index, tiles, min(QUEUE_ROUNDS, rounds), PAIRS_SEED)
        return _both(place, rounds) | {"queue": queue}

    headline = "Banepa's mapped tiles; every tile is scored by models that never saw its geographic block."
    return Suite("banepa-within", headline, (task,), pairs)


def cross_place(source: Source) -> Suite:
    """Two places to learn from, the third to measure on, all three ways: unseen, then fine-tuned across its blocks."""
    places = {place.name: place for place in source.real()}
    made = source.made()
    tasks = []
    for name in REAL_PLACES:
        training = (*(place for other, place in places.items() if other != name), *made)
        tasks.append(Task(f"{name}, unseen", places[name], training, within=False))
        tasks.append(Task(f"{name}, fine-tuned", places[name], training, within=True))
    headline = (
        "Learnt on two places (and made towns), measured on the third: `unseen` without any of its tiles, `fine-tuned` "
        "cross-fitted on its own map, so that no tile is scored by a model that saw its block."
    )
    return Suite("cross-place", headline, tuple(tasks), lambda place: _both(place, source.rounds))


def synthetic(source: Source) -> Suite:
    """Made towns alone: needs no data."""
    target = source.made(HELD_OUT_TOWN, 1)[0]
    task = Task(target.name, target, tuple(source.made(as_real=True)), within=False)
    headline = "Made towns only: learnt on some seeds, measured on another. Says nothing about real places."
    return Suite("synthetic", headline, (task,), lambda place: _both(place, source.rounds))


def other_map(source: Source) -> Suite:
    """Banepa again, with the map of another tile as the unmatched pair."""
    banepa, *others = source.real()
    task = Task("banepa", banepa, (*others, *source.made()), within=True)

    def pairs(place: Place) -> dict[str, PairSet]:
        return {"other-map": other_map_set(place.source.index, place.tiles, source.rounds, PAIRS_SEED)}

    headline = "The easy case: the unmatched pair shows the map of another tile of Banepa."
    return Suite("other-map", headline, (task,), pairs)


SUITES: dict[str, Callable[[Source], Suite]] = {
    "banepa-within": banepa_within,
    "cross-place": cross_place,
    "synthetic": synthetic,
    "other-map": other_map,
}
FOLDER_PREFIX = "folder:"


def build_suite(name: str, source: Source) -> Suite:
    """A suite by name; `folder:PATH` reads a published data set from disk.

    Raises:
        InvalidInputError: no such suite, or its data is missing.
    """
    if name.startswith(FOLDER_PREFIX):
        from mlcore.suites.folder import folder_suite

        return folder_suite(Path(name.removeprefix(FOLDER_PREFIX)), source)
    if name not in SUITES:
        raise InvalidInputError(f"no suite {name!r}: choose {', '.join(SUITES)} or {FOLDER_PREFIX}PATH")
    return SUITES[name](source)


def _both(place: Place, rounds: int) -> dict[str, PairSet]:
    """Changes by the protocol, and single buildings in half as many editions again."""
    index, tiles = place.source.index, place.tiles
    return {
        "protocol": protocol_set(index, tiles, rounds, PAIRS_SEED),
        "single": single_set(index, tiles, rounds + rounds // 2, PAIRS_SEED),
    }
