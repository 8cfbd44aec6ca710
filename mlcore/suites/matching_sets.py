"""The protocols of matching on sets of pairs as they lie on disk: ours, MapData's, and public multimodal ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np

from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.warps import FULL, WarpRange, random_warp, warped
from mlcore.errors import InvalidInputError
from mlcore.evaluation.matching import Trial
from mlcore.evaluation.readers.mapdata import read_mapdata
from mlcore.evaluation.readers.matching_pairs import MatchingPair
from mlcore.evaluation.readers.multimodal import read_multimodal
from mlcore.geometry.transform import fit
from mlcore.progress import Progress, SilentProgress, stop_if_asked
from mlcore.suites.matching import SIZE_PX, Protocol, Warped, run_trial
from mlcore.suites.other_places import ground_of, partners, told_of_choice, told_windows

SetProtocol = Literal["as_is", "working", "full", "false"]
SET_PROTOCOLS: tuple[SetProtocol, ...] = get_args(SetProtocol)
REACH = {"working": WarpRange(5.0, 0.12, (0.95, 1.05)), "full": FULL}
"""How the map of a pair is warped on top of what it is off; of *working*, 20 m at 0.3 m per pixel."""
MOST_PAIRS = 100_000
NO_OTHER_PLACE = (
    "does not tell which of its pairs show different places: leave false out, or put each place's pairs into a folder "
    "of its own"
)


def read_set(root: Path) -> Iterator[MatchingPair]:
    """The pairs of a folder, one by one, in whichever of the known layouts it is.

    Raises:
        InvalidInputError: it is in none of them.
    """
    pairs = read_mapdata(root)
    try:
        first = next(pairs)
    except InvalidInputError as unlike:
        pairs = read_multimodal(root)
        try:
            first = next(pairs)
        except (InvalidInputError, StopIteration):
            raise unlike from None
    yield first
    yield from pairs


@dataclass(frozen=True)
class SetPlan:
    """Which pairs of a set are measured.

    Attributes:
        count: how many the set has; chosen: numbers of those that are measured, spread over it.
        others: for *false* the number of the pair whose map takes the place of each one's own.
        told: how these were chosen, or why there are none.
    """

    root: Path
    count: int
    chosen: tuple[int, ...]
    others: dict[int, int]
    told: str

    def read(self) -> Iterator[tuple[int, MatchingPair]]:
        """The chosen pairs with their numbers."""
        chosen = set(self.chosen)
        yield from (
            (number, pair) for number, pair in enumerate(islice(read_set(self.root), self.count)) if number in chosen
        )


def plan_set(root: Path, most: int) -> SetPlan:
    """Look a set over, and choose at most so many of its pairs, and to each the map of another place.

    Raises:
        InvalidInputError: no such set.
    """
    windows = told_windows(root)
    grounds = [ground_of(pair, windows) for pair in islice(read_set(root), MOST_PAIRS)]
    spread = np.linspace(0, len(grounds) - 1, min(most, len(grounds))).round().astype(int)
    chosen = [int(number) for number in np.unique(spread)]
    taken = [grounds[number] for number in chosen]
    others = partners(taken)
    told = told_of_choice(taken, others) if others else f"{root.name} {NO_OTHER_PLACE}"
    numbered = {chosen[one]: chosen[other] for one, other in others.items()}
    return SetPlan(root, len(grounds), tuple(chosen), numbered, told)


def run_set(
    plan: SetPlan, protocol: SetProtocol, matchers: Sequence[Matcher], progress: Progress | None = None
) -> dict[str, list[Trial]]:
    """Trials by matcher.

    Raises:
        InvalidInputError: not one pair has a truth, or, of *false*, none is told to show another place than another.
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    if protocol == "false" and not plan.others:
        raise InvalidInputError(plan.told)
    trials: dict[str, list[Trial]] = {matcher.name: [] for matcher in matchers}
    like: Protocol = "working" if protocol in ("as_is", "working") else "full"
    for done, told in enumerate(_false_pairs(plan) if protocol == "false" else _true_pairs(plan, protocol), 1):
        stop_if_asked(progress)
        for matcher in matchers:
            trials[matcher.name].append(run_trial(matcher, told, like)[0])
        progress.report(done / len(plan.chosen), f"{protocol}: {done} of {len(plan.chosen)} pairs")
    if not all(trials.values()):
        raise InvalidInputError(f"no pair of {plan.root.name} has a homography or landmarks: put its truth beside it")
    return trials


def _true_pairs(plan: SetPlan, protocol: SetProtocol) -> Iterator[Warped]:
    for number, pair in plan.read():
        told = trial_of(pair, protocol, number, None)
        if told is not None:
            yield told


def _false_pairs(plan: SetPlan) -> Iterator[Warped]:
    """Each image with the map of another place, as soon as both are read; no picture is held for longer."""
    wanted = Counter(plan.others.values())
    waiting: dict[int, MatchingPair] = {}
    maps: dict[int, np.ndarray] = {}
    for last, pair in plan.read():
        if last in plan.others:
            waiting[last] = pair
        if last in wanted:
            maps[last] = fitted_in(pair.map_rgb)[0]
        for number in [one for one in waiting if plan.others[one] in maps]:
            other = plan.others[number]
            told = trial_of(waiting.pop(number), "false", number, maps[other])
            wanted[other] -= 1
            if not wanted[other]:
                del maps[other]
            if told is not None:
                yield told


def trial_of(pair: MatchingPair, protocol: SetProtocol, number: int, other: np.ndarray | None) -> Warped | None:
    """What is to be matched of a pair, at 512 px; None where it has no truth.

    Args:
        number: gives its warp.
        other: the map of another pair, which *false* puts in the place of its own.
    """
    (image, to_image), (drawn, to_map) = fitted_in(pair.image_rgb), fitted_in(pair.map_rgb)
    if protocol == "false":
        return None if other is None else Warped(other, image, None, np.eye(3), "own")
    truth = _truth(pair)
    if truth is None:
        return None
    whole = to_image @ truth @ np.linalg.inv(to_map)
    warp = random_warp(SIZE_PX, REACH[protocol], number) if protocol in REACH else np.eye(3)
    return Warped(warped(drawn, warp, SIZE_PX), image, whole @ np.linalg.inv(warp), warp, "own")


def fitted_in(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture in the corner of a square of SIZE_PX as large as it fits, and the (3, 3) that brings it there."""
    height, width = picture.shape[:2]
    grow = SIZE_PX / max(height, width)
    if grow == 1 and height == width:
        return picture, np.eye(3)
    wide, high = max(1, round(width * grow)), max(1, round(height * grow))
    small = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA if grow < 1 else cv2.INTER_LINEAR)
    square = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)
    square[:high, :wide] = small
    return square, np.diag([wide / width, high / height, 1.0])


def _truth(pair: MatchingPair) -> np.ndarray | None:
    if pair.truth is not None:
        return pair.truth
    if pair.map_xy is None or pair.image_xy is None or len(pair.map_xy) < 4:
        return None
    return fit("homography", pair.map_xy, pair.image_xy, 1.0).matrix
