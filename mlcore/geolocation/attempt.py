"""One search for one view of a picture, from what is cheap to what is dear, until a placement convinces.

1. Points: local features propose bases and where on them the view lies (`local`); those that chance does not explain
   are placed. Most pictures with detail end here.
2. Tokens: all bases, or those that the index proposes, are compared coarsely; what points say joins their ranking.
3. More looks: where that convinces nobody the view is looked at again (`looks`), unless it has points enough: then
   their silence says that it lies nowhere here, or shows another day, and more looks are for a thorough search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from mlcore.geolocation.calibration import Evidence, logit_of, probability_of
from mlcore.geolocation.coarse import CoarseMatches
from mlcore.geolocation.footprint import through
from mlcore.geolocation.looks import Look, joined_matches, other_looks
from mlcore.geolocation.parts import read_part
from mlcore.geolocation.placement import Placement, Prior, View, apart_m, of_query
from mlcore.geolocation.placing import fit_by_points, place
from mlcore.geolocation.rough import rough_nfa, rough_similarity
from mlcore.geolocation.search import Ranking, compare_all, compare_proposed, ranked_again
from mlcore.geometry.webmercator import lonlat_to_mercator

if TYPE_CHECKING:
    from mlcore.geolocation.local.level import LocalAnswer
    from mlcore.geolocation.local.matching import LocalMatch
    from mlcore.geolocation.locator import Locator
    from mlcore.geolocation.placing import Fit

PRIOR_ODDS = 4.0
"""So many times as likely is a placement within the prior's circle."""
POINT_CELL_PX = 4.0
"""How well points are known, in the terms of coarse matches."""
PER_DIGIT = 0.3
"""What a power of ten by which points exclude chance is worth beside the logarithm of a coarse score."""
ENOUGH_POINTS, ENOUGH_COVERED = 40, 0.3
"""Points that place a view alone, and the share of it that they must spread over."""
SAME_SHARE = 0.05
"""Points speak for a placement whose corners are off theirs by less than this share of the diagonal."""


class Attempt:
    """A view that is looked for.

    Args:
        among: numbers of the bases that may be found; None: all.
        wanted: bases that are placed finely at most, each time.
        thorough: go on even where a placement is convincing.
    """

    def __init__(
        self, locator: Locator, view: View, among: np.ndarray | None, prior: Prior | None, wanted: int, thorough: bool
    ) -> None:
        self.locator, self.settings, self.view, self.among = locator, locator.settings, view, among
        self.prior, self.wanted, self.thorough = prior, wanted, thorough
        self.points: dict[int, LocalMatch] = {}
        self.answer: LocalAnswer | None = None
        self.found: dict[str, Placement] = {}

    def run(self) -> list[Placement]:
        """Placements, surest first."""
        self._by_points()
        if not self._settled:
            looks = [Look(self._features(), np.eye(3))]
            ranking = self._joined(self._ranked(looks[0].features))
            self._by_tokens(looks, ranking, self.wanted)
            if self._worth_more(ranking):
                looks += other_looks(self.locator.model, self.view.rgb, self.view.valid)
                again = ranked_again(self.locator.model, self.locator.database, looks, ranking.numbers)
                self._by_tokens(looks, self._joined(again), max(self.wanted, self.settings.placed_again))
        return sorted(self.found.values(), key=lambda one: (-one.probability, one.log10_nfa))

    @property
    def _convinced(self) -> bool:
        return any(one.probability >= self.settings.convinced for one in self.found.values())

    @property
    def _settled(self) -> bool:
        return self._convinced and not self.thorough

    def _worth_more(self, ranking: Ranking) -> bool:
        if not self.settings.again or not len(ranking.numbers) or self._convinced:
            return False
        return self.thorough or self.answer is None or not self.answer.telling

    def _features(self) -> Any:
        return self.locator.model.features(self.view.rgb, self.view.valid, role="query")

    def _by_points(self) -> None:
        """Bases on whose points the view's agree, placed from there."""
        if self.locator.local is None:
            return
        self.answer = self.locator.local.find(
            self.view.rgb, self.view.valid, among=self.among, count=self.settings.matched, thorough=self.thorough
        )
        self.points = {one.number: one for one in self.answer.matches}
        convincing = [one for one in self.answer.matches if one.log10_nfa <= -self.settings.point_digits]
        for one in convincing[: self.wanted]:
            if not self._placed_by_points(one):
                self._place(one.number, points_as_matches(one), 0.0, 0.0)
            if self._settled:
                return

    def _placed_by_points(self, match: LocalMatch) -> bool:
        """Whether points alone place the view, precisely enough for who asks; then no pixel of a base is read."""
        if self.settings.refine or self.locator.place is not None or len(match.query_xy) < ENOUGH_POINTS:
            return False
        base = self.locator.database.base(match.number)
        fit = fit_by_points(points_as_matches(match), self._size, float(base.height * base.width))
        if fit is None or self._covered(fit) < ENOUGH_COVERED:
            return False
        self._add(match.number, fit, 0.0, 0.0)
        return True

    @property
    def _size(self) -> tuple[int, int]:
        return self.view.valid.shape[1], self.view.valid.shape[0]

    def _by_tokens(self, looks: Sequence[Look], ranking: Ranking, wanted: int) -> None:
        """The first of ranked bases, placed from their coarse matches."""
        tried = {one.base.name for one in self.found.values()}
        for rank, number in enumerate(ranking.numbers[:wanted].tolist()):
            if not ranking.scores[rank] > 0:
                break
            name = self.locator.database.base(number).name
            score, margin = float(ranking.scores[rank]), _margin(ranking, rank)
            if name in tried and len(looks) == 1:  # placed by its points: what tokens say of it is evidence still
                self._say_more(name, score, margin)
            else:
                self._place(number, self._matches(looks, number), score, margin)
            if self._settled:
                return

    def _matches(self, looks: Sequence[Look], number: int) -> Any:
        features = self.locator.database.features(number)
        if len(looks) == 1:
            return self.locator.model.compare(looks[0].features, features)
        return joined_matches(self.locator.model, looks, features)

    def _place(self, number: int, matches: Any, score: float, margin: float) -> None:
        base = self.locator.database.base(number)
        corners = None
        if self.locator.place is None:
            rough = rough_similarity(matches)
            if rough is None or rough_nfa(matches, rough, float(base.height * base.width)) > 0:
                return
            height, width = self.view.valid.shape
            corners = through(rough, np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64))
        source = self.locator.source
        rgb, valid = source.read(base) if corners is None else read_part(source, base, corners)
        fit = self._fit(rgb, valid, matches)
        if fit is not None:
            self._add(number, fit, score, margin)

    def _add(self, number: int, fit: Fit, score: float, margin: float) -> None:
        base = self.locator.database.base(number)
        evidence = Evidence(fit.log10_nfa, margin, self._covered(fit), self._digits(number, fit))
        self._keep(Placement(base, of_query(fit, self.view), score, 0.0, fit.log10_nfa, self.view.size, evidence))

    def _say_more(self, name: str, score: float, margin: float) -> None:
        one = self.found[name]
        if one.evidence is not None:
            self._keep(replace(one, score=score, evidence=replace(one.evidence, margin=margin)))

    def _keep(self, one: Placement) -> None:
        """A placement with its probability, unless a surer one of its base is known."""
        one = replace(one, probability=self._probability(one))
        before = self.found.get(one.base.name)
        if before is None or one.probability > before.probability or one.score > before.score:
            self.found[one.base.name] = one

    def _fit(self, rgb: np.ndarray, valid: np.ndarray, matches: Any) -> Fit | None:
        model, view = self.locator.model, self.view
        if self.locator.place is not None:
            return self.locator.place(model, view.rgb, view.valid, rgb, valid, matches)
        return place(model, view.rgb, view.valid, rgb, valid, matches)  # type: ignore[arg-type]

    def _ranked(self, query: Any) -> Ranking:
        locator, settings = self.locator, self.settings
        size = len(locator.database) if self.among is None else len(self.among)
        count = max(self.wanted + 1, settings.again)
        if locator.index is None or size <= settings.exhaustive:
            return compare_all(locator.model, locator.database, query, count, self.among)
        return compare_proposed(
            locator.model, locator.database, locator.index, query, count, settings.proposals, self.among
        )

    def _joined(self, ranking: Ranking) -> Ranking:
        """The ranking by tokens with what points say of its bases."""
        digits = np.array([self._said(number) for number in ranking.numbers.tolist()])
        order = np.argsort(-(np.log(np.maximum(ranking.scores, 1e-6)) + PER_DIGIT * digits), kind="stable")
        return Ranking(ranking.numbers[order], ranking.scores[order])

    def _said(self, number: int) -> float:
        """By how many powers of ten points exclude that a base is met by chance."""
        return max(0.0, -self.points[number].log10_nfa) if number in self.points else 0.0

    def _digits(self, number: int, fit: Fit) -> float:
        """The same, where the points lie as the placement has them."""
        if not self._said(number):
            return 0.0
        height, width = self.view.valid.shape
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        with np.errstate(all="ignore"):
            here, there = through(fit.homography, corners), _moved(self.points[number].matrix, corners)
            off = np.linalg.norm(here - there, axis=1).mean() / max(float(np.linalg.norm(here[2] - here[0])), 1e-9)
        return self._said(number) if off < SAME_SHARE else 0.0

    def _covered(self, fit: Fit) -> float:
        """Share of the view that points spread over."""
        if len(fit.points_query) < 3:
            return 0.0
        area = float(cv2.contourArea(cv2.convexHull(np.asarray(fit.points_query, np.float32))))
        return min(1.0, area / max(self.view.valid.size, 1))

    def _probability(self, one: Placement) -> float:
        probability = probability_of(self.locator.calibration.logit(one.evidence or Evidence(one.log10_nfa)))
        if self.prior is None or one.base.transform is None:
            return probability
        there = lonlat_to_mercator(np.array([self.prior.lon, self.prior.lat]))
        if float(apart_m(one.centre_mercator, there)) > self.prior.reach_mercator:
            return probability
        return probability_of(logit_of(probability) + math.log(PRIOR_ODDS))


def points_as_matches(match: LocalMatch) -> CoarseMatches:
    """Points that agree, as matches that are known to a few pixels."""
    count = len(match.query_xy)
    cells = POINT_CELL_PX, POINT_CELL_PX
    return CoarseMatches(match.query_xy, match.base_xy, np.ones(count, np.float32), float(count), cells)


def _margin(ranking: Ranking, place: int) -> float:
    """Log of a base's score over that of the best other one."""
    others = np.delete(ranking.scores, place)
    return math.log(float(ranking.scores[place]) / max(float(others.max()), 1e-6)) if len(others) else 0.0


def _moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    there = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return np.asarray(there[:, :2] / there[:, 2:])
