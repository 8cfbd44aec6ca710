"""Finds where a picture lies: one look at it, all bases compared, the best few placed finely, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from mlcore.errors import ConfigError, InvalidInputError, OtherModelError
from mlcore.geolocation.bases import Base, BaseSource
from mlcore.geolocation.calibration import Calibration, Evidence, logit_of, probability_of
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.extraction import Extractor
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.looks import Look, joined_matches, other_looks
from mlcore.geolocation.placement import Placement, Prior, View, apart_m, as_expected, of_query
from mlcore.geolocation.search import Ranking, compare_all, compare_proposed, ranked_again
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.progress import Progress, SilentProgress

if TYPE_CHECKING:
    from mlcore.geolocation.flight import Frame
    from mlcore.geolocation.model import LocatorModel
    from mlcore.geolocation.placing import Fit

Place = Callable[[Any, np.ndarray, np.ndarray, np.ndarray, np.ndarray, Any], "Fit | None"]
Allowed = Callable[[str], bool]
PRIOR_ODDS = 4.0
"""So many times as likely is a placement within the prior's circle."""
BLANK_RANGE = 8
"""A picture all of whose values lie within so many steps shows nothing."""


@dataclass(frozen=True)
class LocatorSettings:
    """How a locator searches.

    Attributes:
        exhaustive: up to so many bases are all compared; of more the index proposes some, where there is one.
        proposals: how many it proposes, for each scale of the query.
        placed: so many of the best are placed finely at most; the first that is convincing ends that, unless all are
            asked for.
        again: where none of these is convincing, so many of the best are ranked once more by other looks at the query
            (`looks`), and the best of them placed; 0: never.
        placed_again: how many of them at most.
        convinced: probability from which a placement needs no rival.
    """

    exhaustive: int = 2000
    proposals: int = 200
    placed: int = 3
    again: int = 256
    placed_again: int = 8
    convinced: float = 0.95

    def __post_init__(self) -> None:
        if min(self.proposals, self.placed, self.placed_again) < 1 or min(self.exhaustive, self.again) < 0:
            raise ConfigError("proposals and placed must be positive, exhaustive and again not negative")
        if not 0 < self.convinced < 1:
            raise ConfigError("convinced must lie within 0..1")


class Locator:
    """A model, the features that it made of bases, and the bases' pixels.

    Args:
        model: a LocatorModel.
        source: gives the pixels of the database's bases.
        index: of the database; None: all bases are compared, however many there are.
        calibration: None: the model's own (`model.about["calibration"]`), else a careful one.
        place: how a query is placed finely on a base; None: `placing.place`.

    Raises:
        OtherModelError: another model built the database.
    """

    def __init__(
        self,
        model: Extractor,
        database: FeatureDatabase,
        source: BaseSource,
        index: DescriptorIndex | None = None,
        settings: LocatorSettings | None = None,
        calibration: Calibration | None = None,
        place: Place | None = None,
    ) -> None:
        if database.model != model.digest:
            raise OtherModelError(
                f"the database {database.folder.name} was built by the model {database.model[:12]}, not by "
                f"{model.digest[:12]}: use that model, or build a database of this one in another folder"
            )
        self.model, self.database, self.source, self.index = model, database, source, index
        self.settings, self._place = settings or LocatorSettings(), place
        stored = getattr(model, "about", {}).get("calibration")
        self.calibration = calibration or (Calibration.from_dict(stored) if stored else Calibration())

    @property
    def threshold(self) -> float:
        """A picture none of whose placements is as probable lies nowhere here."""
        return self.calibration.threshold

    def is_here(self, placements: Sequence[Placement]) -> bool:
        """Whether the best of ranked placements is to be believed."""
        return bool(placements) and placements[0].probability >= self.threshold

    def locate(
        self,
        rgb: np.ndarray,
        valid: np.ndarray | None = None,
        *,
        prior: Prior | None = None,
        count: int = 5,
        allowed: Allowed | None = None,
        thorough: bool = False,
    ) -> list[Placement]:
        """Where a picture lies.

        With a prior, bases near it are compared first, with the picture turned and scaled as it says; where none of
        them is convincing, all are compared with the picture as it is.

        Args:
            rgb: (H, W, 3) uint8; valid: (H, W) bool, None: everywhere.
            count: of placements at most.
            allowed: of a base's name, whether it may be found; applied before anything is compared.
            thorough: place `count` bases finely even where the first is convincing.

        Returns:
            Those that chance does not explain, surest first; `is_here` says whether the first is to be believed.

        Raises:
            InvalidInputError: no picture, a blank one, or a base whose pixels the source can't give.
        """
        rgb, valid = _checked(rgb, valid)
        among = self.allowed_numbers(allowed)
        found: list[Placement] = []
        if prior is not None:
            found = self.near(rgb, valid, prior, among=among, count=count, thorough=thorough)
            if found and found[0].probability >= self.settings.convinced:
                return found[:count]
        plain = View.plain(rgb, valid)
        known = {one.base.name: one for one in found}
        for one in self._placed(plain, among, prior, count, thorough):
            before = known.get(one.base.name)
            known[one.base.name] = one if before is None or one.probability > before.probability else before
        return sorted(known.values(), key=lambda one: (-one.probability, one.log10_nfa))[:count]

    def near(
        self,
        rgb: np.ndarray,
        valid: np.ndarray,
        prior: Prior,
        *,
        among: np.ndarray | None = None,
        count: int = 5,
        thorough: bool = False,
    ) -> list[Placement]:
        """As `locate`, of bases that meet the prior's circle alone; `among`: numbers of those that may be found."""
        near = prior.nearby(self.database.transforms, self.database.sizes)
        if among is not None:
            near &= np.isin(self.database.numbers, among)
        numbers = self.database.numbers[near]
        if not len(numbers):
            return []
        resolution = float(np.median([self.database.base(int(number)).resolution_m for number in numbers[:64]]))
        return self._placed(as_expected(rgb, valid, prior, resolution), numbers, prior, count, thorough)

    def locate_flight(
        self,
        frames: Sequence[Frame],
        *,
        count: int = 5,
        allowed: Allowed | None = None,
        progress: Progress | None = None,
    ) -> list[list[Placement]]:
        """Where the frames of one flight lie, in the order they were taken: see `flight.locate_flight`."""
        from mlcore.geolocation.flight import locate_flight

        return locate_flight(self, frames, count=count, allowed=allowed, progress=progress or SilentProgress())

    def allowed_numbers(self, allowed: Allowed | None) -> np.ndarray | None:
        """Numbers of the bases that may be found; None: all."""
        if allowed is None:
            return None
        chosen = [allowed(name) for name in self.database.names]
        return self.database.numbers[np.array(chosen, bool)] if chosen else self.database.numbers

    def _placed(
        self, view: View, among: np.ndarray | None, prior: Prior | None, count: int, thorough: bool
    ) -> list[Placement]:
        """The best bases with the view placed finely on them, surest first."""
        settings, looks = self.settings, [Look(self.model.features(view.rgb, view.valid, role="query"), np.eye(3))]
        wanted = max(count, settings.placed) if thorough else settings.placed
        ranking = self._ranked(looks[0].features, max(wanted + 1, settings.again), among)
        found = self._on_best(view, looks, ranking, wanted, prior, thorough)
        if settings.again and len(ranking.numbers) and not self._convinced(found.values()):
            looks += other_looks(self.model, view.rgb, view.valid)
            ranking = ranked_again(self.model, self.database, looks, ranking.numbers)
            again = self._on_best(view, looks, ranking, max(wanted, settings.placed_again), prior, thorough)
            for name, one in again.items():
                if name not in found or one.probability > found[name].probability:
                    found[name] = one
        return sorted(found.values(), key=lambda one: (-one.probability, one.log10_nfa))

    def _convinced(self, found: Iterable[Placement]) -> bool:
        return any(one.probability >= self.settings.convinced for one in found)

    def _on_best(
        self, view: View, looks: Sequence[Look], ranking: Ranking, wanted: int, prior: Prior | None, thorough: bool
    ) -> dict[str, Placement]:
        """The view placed finely on the first of ranked bases, by their names."""
        found: dict[str, Placement] = {}
        for place, number in enumerate(ranking.numbers[:wanted]):
            if not ranking.scores[place] > 0:
                break
            base = self.database.base(int(number))
            rgb, valid = self.source.read(base)
            features = self.database.features(int(number))
            matches = (
                self.model.compare(looks[0].features, features) if len(looks) == 1
                else joined_matches(self.model, looks, features)
            )  # fmt: skip
            fit = self._fit(view, rgb, valid, matches)
            if fit is None:
                continue
            score, margin = float(ranking.scores[place]), _margin(ranking, place)
            one = self._placement(base, of_query(fit, view), view, margin, score, prior)
            found[base.name] = one
            if one.probability >= self.settings.convinced and not thorough:
                break
        return found

    def _fit(self, view: View, rgb: np.ndarray, valid: np.ndarray, matches: Any) -> Fit | None:
        if self._place is not None:
            return self._place(self.model, view.rgb, view.valid, rgb, valid, matches)
        from mlcore.geolocation.placing import place

        return place(cast("LocatorModel", self.model), view.rgb, view.valid, rgb, valid, matches)

    def _ranked(self, query: Any, count: int, among: np.ndarray | None) -> Ranking:
        size = len(self.database) if among is None else len(among)
        if self.index is None or size <= self.settings.exhaustive:
            return compare_all(self.model, self.database, query, count, among)
        return compare_proposed(self.model, self.database, self.index, query, count, self.settings.proposals, among)

    def _placement(
        self, base: Base, fit: Fit, view: View, margin: float, score: float, prior: Prior | None
    ) -> Placement:
        width, height = view.size
        evidence = Evidence(fit.log10_nfa, margin, _covered(fit.points_query, width * height))
        probability = probability_of(self.calibration.logit(evidence))
        found = Placement(base, fit, score, probability, fit.log10_nfa, (width, height), evidence)
        if prior is None or base.transform is None:
            return found
        there = lonlat_to_mercator(np.array([prior.lon, prior.lat]))
        if float(apart_m(found.centre_mercator, there)) > prior.reach_mercator:
            return found
        return replace(found, probability=probability_of(logit_of(probability) + math.log(PRIOR_ODDS)))


def _checked(rgb: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise InvalidInputError(f"a picture must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    seen = np.ones(rgb.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    if seen.shape != rgb.shape[:2]:
        raise InvalidInputError(f"valid must be {rgb.shape[:2]} as the picture, not {seen.shape}")
    shown = rgb[seen]
    if not len(shown) or (np.ptp(shown, axis=0) <= BLANK_RANGE).all():
        raise InvalidInputError("the picture is blank: choose one that shows ground")
    return rgb, seen


def _margin(ranking: Ranking, place: int) -> float:
    """Log of a base's score over that of the best other one."""
    others = np.delete(ranking.scores, place)
    return math.log(float(ranking.scores[place]) / max(float(others.max()), 1e-6)) if len(others) else 0.0


def _covered(points: np.ndarray, area: float) -> float:
    """Share of a picture that points spread over."""
    if len(points) < 3:
        return 0.0
    return min(1.0, float(cv2.contourArea(cv2.convexHull(np.asarray(points, np.float32)))) / max(area, 1.0))
