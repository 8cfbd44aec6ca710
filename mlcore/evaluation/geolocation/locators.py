"""Our own locator as a placer: as it is, on two levels, without points, and each of its proposers alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.placers import Placer, Ranked
from mlcore.evaluation.geolocation.reference import Reference
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.local.level import LocalLevel, update_where_possible
from mlcore.geolocation.locator import Locator, LocatorSettings
from mlcore.geolocation.model import LocatorModel
from mlcore.geolocation.placing import place
from mlcore.geolocation.search import compare_all
from mlcore.progress import Progress
from mlcore.weights import LOCATOR_FILE

TOP = 10


class LocatorPlacer:
    """The whole locator; its score is the probability that it says."""

    def __init__(self, name: str, locator: Locator, model: LocatorModel) -> None:
        self.name, self.locator, self.model = name, locator, model
        points = "" if locator.local is None else f":{locator.local.store.settings}:{locator.calibration}"
        self.digest = f"{model.digest}:{locator.settings}{points}"

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> list[Ranked]:
        try:
            found = self.locator.locate(rgb, valid, count=TOP)
        except InvalidInputError:  # a blank picture
            return []
        return [Ranked(one.base.name, one.fit.homography, one.probability, one.probability) for one in found]

    def fit(
        self, query_rgb: np.ndarray, query_valid: np.ndarray, base_rgb: np.ndarray, base_valid: np.ndarray
    ) -> np.ndarray | None:
        query = self.model.features(query_rgb, query_valid, role="query")
        base = self.model.features(base_rgb, base_valid, role="base")
        matches = self.model.compare(query, base)
        found = place(self.model, query_rgb, query_valid, base_rgb, base_valid, matches)
        return None if found is None else found.homography


class PointsPlacer:
    """Local features alone: the base and place on which most of a picture's points agree."""

    def __init__(self, local: LocalLevel, name: str = "locator-points") -> None:
        self.name, self.local, self.digest = name, local, str(local.store.settings)

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> list[Ranked]:
        found = self.local.find(rgb, valid, count=TOP, thorough=True).matches
        return [Ranked(self.local.database.base(one.number).name, one.matrix, -one.log10_nfa) for one in found]


class CoarsePlacer:
    """Coarse comparison alone (Eq. 4-11): the base by its score E, and no footprint."""

    def __init__(self, model: LocatorModel, database: FeatureDatabase, name: str = "locator-coarse") -> None:
        self.name, self.model, self.database, self.digest = name, model, database, model.digest

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> list[Ranked]:
        query = self.model.features(rgb, valid, role="query")
        ranking = compare_all(self.model, self.database, query, TOP, None)
        return [
            Ranked(self.database.base(int(number)).name, None, float(score))
            for number, score in zip(ranking.numbers, ranking.scores, strict=True)
        ]


def load_locator(weights: Path | None = None) -> LocatorModel:
    """The locator of a file, else the one that ships.

    Raises:
        InvalidInputError: none ships with this build.
    """
    if weights is None and not LOCATOR_FILE.is_file():
        raise InvalidInputError("no locator ships with this build: train one, and name its file with --weights")
    return LocatorModel.load(weights or LOCATOR_FILE)


def locator_placers(
    model: LocatorModel, reference: Reference, folder: Path, progress: Progress | None = None
) -> list[Placer]:
    """The locator on one database, built in `folder` where it isn't yet: `locator` as it is used, `locator-refined`
    (all is placed finely), `locator-two-level`, `locator-tokens` (without local features), `locator-points` (by these
    alone), and `locator-coarse` (coarse matching alone). Without FAISS there are neither two levels nor points.

    Raises:
        StoppedError: asked to stop; what is built stays.
    """
    database = FeatureDatabase.build(reference.source, model, folder, progress, prune=True)
    source, local = reference.source, update_where_possible(database, reference.source, progress)
    tokens = LocatorPlacer("locator-tokens", Locator(model, database, source), model)
    if local is None:
        tokens.name = "locator"
        return [tokens, CoarsePlacer(model, database)]
    index = DescriptorIndex.update(database)
    two_level = Locator(model, database, source, index, LocatorSettings(exhaustive=0), local=local)
    refined = Locator(model, database, source, settings=LocatorSettings(refine=True), local=local)
    return [
        LocatorPlacer("locator", Locator(model, database, source, local=local), model),
        LocatorPlacer("locator-refined", refined, model),
        LocatorPlacer("locator-two-level", two_level, model), tokens,
        PointsPlacer(local), CoarsePlacer(model, database),
    ]  # fmt: skip
