"""The protocols of matching on sets of pairs as they lie on disk: ours, MapData's, and public multimodal ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from mlcore.suites.matching import SIZE_PX, Warped, run_trial

SetProtocol = Literal["as_is", "working", "full", "false"]
SET_PROTOCOLS: tuple[SetProtocol, ...] = get_args(SetProtocol)
REACH = {"working": WarpRange(5.0, 0.12, (0.95, 1.05)), "full": FULL}
"""How the map of a pair is warped on top of what it is off; of *working*, 20 m at 0.3 m per pixel."""
MOST_PAIRS = 100_000


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


def run_set(
    root: Path, protocol: SetProtocol, matchers: Sequence[Matcher], most: int, progress: Progress | None = None
) -> dict[str, list[Trial]]:
    """Trials by matcher on at most so many pairs of a set, spread over it.

    Raises:
        InvalidInputError: no such set, or not one pair of it has a truth.
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    count = sum(1 for _ in islice(read_set(root), MOST_PAIRS))
    chosen = set(np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist())
    trials: dict[str, list[Trial]] = {matcher.name: [] for matcher in matchers}
    before: np.ndarray | None = None
    for number, pair in enumerate(islice(read_set(root), count)):
        if number not in chosen:
            continue
        stop_if_asked(progress)
        told = trial_of(pair, protocol, number, before)
        before = fitted_in(pair.map_rgb)[0]
        if told is None:
            continue
        for matcher in matchers:
            trials[matcher.name].append(
                run_trial(matcher, told, "working" if protocol in ("as_is", "working") else "full")[0]
            )
        progress.report((number + 1) / count, f"{protocol}: {number + 1} of {count} pairs")
    if not all(trials.values()):
        raise InvalidInputError(f"no pair of {root.name} has a homography or landmarks: put its truth beside it")
    return trials


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
