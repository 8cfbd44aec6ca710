"""Fits a locator's calibration to queries of known place, and of no place, on pictures that its training never saw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geolocation.bases import Base
from mlcore.geolocation.calibration import Calibration, Evidence, logit_of
from mlcore.geolocation.extraction import Extractor
from mlcore.geolocation.footprint import through
from mlcore.geolocation.grounds import relit, warped
from mlcore.geolocation.local.level import update_where_possible
from mlcore.geolocation.locator import Locator, LocatorSettings, Place
from mlcore.geolocation.upkeep import build
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked

BASE_PX = 1024
QUERY_PX = (350, 800)
SCALES = (0.5, 2.0)
FOREIGN_SHARE, POOR_SHARE = 0.35, 0.4
"""Of the grounds that no base shows, and of the queries; and of queries that are poor pictures."""
RIGHT_SHARE = 0.05
"""A placement is right where its corners are off by less than this share of the query's diagonal on average."""
LEAST_GROUNDS, PLACED = 6, 3


@dataclass(frozen=True)
class Calibrated:
    """What came of it: the calibration, how many queries and placements it stands on, and how many were right.

    Attributes:
        foreign: queries of no base; accepted: how many of these reached the threshold all the same.
        found: share of the other queries whose first placement is right and reaches the threshold.
        measured: of each placement log10_nfa, margin, covered share, digits of points, and 1 where it is right.
    """

    calibration: Calibration
    queries: int
    foreign: int
    placements: int
    right: int
    found: float
    accepted: int
    measured: tuple[tuple[float, float, float, float, int], ...]


class PictureGrounds:
    """Pictures as bases of no known place; those smaller than a base are laid side by side, each once."""

    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        self.pictures = list(pictures)

    def __iter__(self) -> Iterator[Base]:
        for number, rgb in enumerate(self.pictures):
            yield Base(f"ground/{number}", None, rgb.shape[0], rgb.shape[1])

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        rgb = self.pictures[int(base.name.split("/")[1])]
        return rgb, np.ones(rgb.shape[:2], bool)


def grounds_of(pictures: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """(BASE_PX, BASE_PX, 3) each: larger pictures cut, smaller ones laid side by side in a drawn order, each once."""
    large = [
        rgb[top : top + BASE_PX, left : left + BASE_PX]
        for rgb in pictures
        for top in range(0, rgb.shape[0] - BASE_PX + 1, BASE_PX)
        for left in range(0, rgb.shape[1] - BASE_PX + 1, BASE_PX)
    ]
    small = [rgb for rgb in pictures if min(rgb.shape[:2]) < BASE_PX]
    if not small:
        return large
    patch = min(min(rgb.shape[:2]) for rgb in small)
    side = math.ceil(BASE_PX / patch)
    order = rng.permutation(len(small))
    for start in range(0, len(order) - side**2 + 1, side**2):
        chosen = [small[number][:patch, :patch] for number in order[start : start + side**2]]
        rows = [np.concatenate(chosen[row * side : (row + 1) * side], axis=1) for row in range(side)]
        large.append(np.concatenate(rows)[:BASE_PX, :BASE_PX])
    return large


def calibrate(
    model: Extractor,
    pictures: Sequence[np.ndarray],
    folder: Path,
    *,
    queries: int = 90,
    seed: int = 0,
    threshold: float = 0.5,
    place: Place | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Place queries cut from pictures, at any angle, scale and light, and fit what their evidence is worth.

    A share of the grounds is in no base: every placement of their queries is wrong.

    Args:
        pictures: (H, W, 3) uint8, none of which the model learnt.
        folder: for the features; it need not exist.

    Raises:
        InvalidInputError: too few pictures, or the model finds nothing.
        StoppedError: `progress` asked to stop.
    """
    progress, rng = progress or SilentProgress(), np.random.default_rng(seed)
    grounds = grounds_of(pictures, rng)
    if len(grounds) < LEAST_GROUNDS:
        raise InvalidInputError(f"{len(grounds)} grounds of {BASE_PX} px are too few: give more or larger pictures")
    foreign = max(1, round(FOREIGN_SHARE * len(grounds)))
    source = PictureGrounds(grounds[foreign:])
    database = build(source, model, folder, SpanProgress(progress, 0, 0.15))
    local = update_where_possible(database, source, SpanProgress(progress, 0.15, 0.2))
    careful, few = Calibration(threshold=threshold), LocatorSettings(placed=PLACED)
    locator = Locator(model, database, source, settings=few, calibration=careful, place=place, local=local)
    answers: list[_Answer] = []
    for done in range(queries):
        stop_if_asked(progress)
        known = rng.random() >= FOREIGN_SHARE
        number = int(rng.integers(foreign, len(grounds)) if known else rng.integers(foreign))
        answers.append(_asked(locator, grounds[number], f"ground/{number - foreign}" if known else None, rng))
        progress.report(0.2 + 0.8 * (done + 1) / queries, f"query {done + 1}")
    evidence = [one for answer in answers for one in answer.evidence]
    right = [one for answer in answers for one in answer.right]
    return _summed(Calibration.fit(evidence, right, threshold), answers)


@dataclass(frozen=True)
class _Answer:
    """Placements of one query: what is known of each, and whether it is right; of no base: none is."""

    known: bool
    evidence: tuple[Evidence, ...]
    right: tuple[bool, ...]


def _asked(locator: Locator, ground: np.ndarray, name: str | None, rng: np.random.Generator) -> _Answer:
    rgb, matrix = _query(ground, rng)
    found = [one for one in locator.locate(rgb, count=PLACED, thorough=True) if one.evidence is not None]
    right = [one.base.name == name and _off(one.fit.homography, matrix, rgb) < RIGHT_SHARE for one in found]
    return _Answer(name is not None, tuple(one.evidence for one in found if one.evidence), tuple(right))


def _summed(calibration: Calibration, answers: list[_Answer]) -> Calibrated:
    """How the answers would have been told with the calibration that they gave."""
    found, accepted, least = 0, 0, logit_of(calibration.threshold)
    for answer in answers:
        odds = [calibration.logit(one) for one in answer.evidence]
        best = int(np.argmax(odds)) if odds else -1
        believed = best >= 0 and odds[best] >= least
        found += believed and answer.right[best]
        accepted += believed and not answer.known
    known = sum(answer.known for answer in answers)
    right = [one for answer in answers for one in answer.right]
    measured = tuple(
        (one.log10_nfa, one.margin, one.covered, one.digits, int(true))
        for answer in answers
        for one, true in zip(answer.evidence, answer.right, strict=True)
    )
    share = found / max(known, 1)
    return Calibrated(
        calibration, len(answers), len(answers) - known, len(right), sum(right), share, accepted, measured
    )


def _query(ground: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a ground, and (3, 3) from its pixels to the ground's."""
    side = int(rng.integers(QUERY_PX[0], QUERY_PX[1] + 1))
    scale = float(np.exp(rng.uniform(*np.log(SCALES))))
    scale = max(scale, 1.1 * side / BASE_PX)  # no more than the ground is seen
    reach = max(0.0, BASE_PX - 0.9 * side / scale) / 2
    middle = BASE_PX / 2 + rng.uniform(-reach, reach, 2)
    turn = rng.uniform(0, 2 * np.pi)
    linear = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, side / 2 - linear @ middle
    rgb, _ = warped(ground, np.ones(ground.shape[:2], bool), matrix, side)
    rgb = relit(rgb, rng)
    if rng.random() < POOR_SHARE:
        rgb = _poor(rgb, rng)
    return rgb, np.linalg.inv(matrix)


def _poor(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture as an old camera or a bad scan gives it: blurred, noisy, and a part of it hidden."""
    blurred = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(1.5, 4.0)).astype(np.float32)
    poor = np.clip(blurred + rng.normal(0, rng.uniform(5, 25), rgb.shape), 0, 255).astype(np.uint8)
    side = rgb.shape[0]
    top, left = rng.integers(0, side // 2, 2)
    poor[top : top + side // 2, left : left + side // 2] = rng.integers(0, 255, 3)
    return poor


def _off(found: np.ndarray, true: np.ndarray, rgb: np.ndarray) -> float:
    """How far corners are placed from where they lie, as a share of the diagonal on the ground."""
    height, width = rgb.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    try:
        here = through(found, corners)
    except InvalidInputError:
        return math.inf
    there = through(true, corners)
    return float(np.linalg.norm(here - there, axis=1).mean() / np.linalg.norm(there[2] - there[0]))
