"""The protocols of matching: aligned pairs of held-out places, one side warped, every matcher by the same estimator."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mlcore.consistency.pretraining import Place
from mlcore.correspondences.matches import Matcher, Matches
from mlcore.correspondences.modalities import MODALITIES
from mlcore.correspondences.robust import Registration, magsac_homography, register
from mlcore.correspondences.styles import own_style, unseen_styles
from mlcore.correspondences.warps import (
    FULL,
    WarpRange,
    angle_error_deg,
    corner_error_px,
    random_warp,
    warped,
    working_range,
)
from mlcore.errors import InvalidInputError
from mlcore.evaluation.matching import Trial
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.progress import Progress, SilentProgress, stop_if_asked

Protocol = Literal["full", "working", "style", "modality", "false"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
SIZE_PX = 2 * TILE_PX
MOST_KEYPOINTS = 2048


@dataclass(frozen=True)
class Window:
    """A square of SIZE_PX, two tiles a side, of a place."""

    place: Place
    corner: TileAddress

    @property
    def tiles(self) -> list[TileAddress]:
        return [TileAddress(self.corner.z, self.corner.x + dx, self.corner.y + dy) for dy in (0, 1) for dx in (0, 1)]

    def image(self) -> np.ndarray:
        """(SIZE_PX, SIZE_PX, 3) uint8."""
        return self._joined(lambda tile: self.place.source.reader.read_tile(tile, TILE_PX).rgb)

    def map(self, style: str, rng: np.random.Generator) -> np.ndarray:
        """The same ground drawn in a style, "own" or one of `unseen_styles`."""
        drawn = own_style() if style == "own" else unseen_styles()[style]
        return self._joined(lambda tile: drawn.draw(tile, self.place.source.index, TILE_PX, rng))

    def _joined(self, read: Callable[[TileAddress], np.ndarray]) -> np.ndarray:
        upper, lower = self.tiles[:2], self.tiles[2:]
        return np.vstack([np.hstack([read(tile) for tile in row]) for row in (upper, lower)])


@dataclass(frozen=True)
class Warped:
    """A pair to be matched: what is warped, what is not, and the truth.

    Attributes:
        truth: (3, 3) from the warped picture to the other; None: they show different places.
    """

    map: np.ndarray
    image: np.ndarray
    truth: np.ndarray | None
    warp: np.ndarray
    variant: str


def windows_of(places: Sequence[Place], count: int) -> list[Window]:
    """At most `count` windows of each place, spread over it, all of whose tiles are mapped and seen."""
    found = []
    for place in places:
        there = set(place.tiles)
        whole = [window for tile in sorted(there) if set((window := Window(place, tile)).tiles) <= there]
        if not whole:
            raise InvalidInputError(f"{place.name} has no two by two tiles with image and map: take a larger place")
        chosen = np.unique(np.linspace(0, len(whole) - 1, min(count, len(whole))).round().astype(int))
        found += [whole[number] for number in chosen.tolist()]
    return found


def pairs_of(protocol: Protocol, windows: Sequence[Window]) -> Iterator[Warped]:
    """The pairs of a protocol; a sample's number is the seed of its warp and its drawing.

    *full* and *working* take the product's style; *style* each style that training never used; *modality* the image as
    each other sensor; *false* the map of another place, or of the same place far away.
    """
    styles = sorted(unseen_styles()) if protocol == "style" else ["own"]
    variants = sorted(MODALITIES) if protocol == "modality" else styles
    for number, window in enumerate(windows):
        image = window.image()
        for variant in variants:
            rng = np.random.default_rng([number, 11])
            if protocol == "modality":
                other = MODALITIES[variant](image, rng)
            elif protocol == "false":
                other = windows[(number + len(windows) // 2) % len(windows)].map("own", rng)
            else:
                other = window.map(variant, rng)
            warp = random_warp(SIZE_PX, _reach(protocol, window), number)
            truth = None if protocol == "false" else np.linalg.inv(warp)
            yield Warped(warped(other, warp, SIZE_PX), image, truth, warp, variant)


def run_trial(matcher: Matcher, pair: Warped) -> tuple[Trial, Registration]:
    """Match a pair and hold the answer against the truth."""
    start = time.perf_counter()
    found: Matches = matcher.match(pair.map, pair.image)
    seconds = time.perf_counter() - start
    found = found.best(MOST_KEYPOINTS)
    estimate = magsac_homography(found)
    taken = register(found, (SIZE_PX, SIZE_PX))
    matrix = None if taken.transform is None else taken.transform.matrix
    truth = pair.truth
    turned = angle_error_deg(pair.warp, np.eye(3), SIZE_PX)
    trial = Trial(
        error_px=math.inf if truth is None else corner_error_px(estimate, truth, SIZE_PX),
        angle_deg=180.0 if truth is None else angle_error_deg(estimate, truth, SIZE_PX),
        seconds=seconds,
        accepted=matrix is not None,
        accepted_error_px=math.inf if truth is None else corner_error_px(matrix, truth, SIZE_PX),
        turned_deg=turned,
        scale=float(math.sqrt(abs(np.linalg.det(pair.warp[:2, :2])))),
    )
    return trial, taken


def run_protocol(
    protocol: Protocol, matchers: Sequence[Matcher], windows: Sequence[Window], progress: Progress | None = None
) -> dict[str, dict[str, list[Trial]]]:
    """Trials by matcher and variant, on the same pairs.

    Raises:
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    trials: dict[str, dict[str, list[Trial]]] = {matcher.name: {} for matcher in matchers}
    count = len(windows) * {"style": len(unseen_styles()), "modality": len(MODALITIES)}.get(protocol, 1)
    for number, pair in enumerate(pairs_of(protocol, windows)):
        for matcher in matchers:
            stop_if_asked(progress)
            trial, _ = run_trial(matcher, pair)
            trials[matcher.name].setdefault(pair.variant, []).append(trial)
        progress.report((number + 1) / count, f"{protocol}: {number + 1} of {count} pairs")
    return trials


def _reach(protocol: Protocol, window: Window) -> WarpRange:
    if protocol == "working":
        return working_range(SIZE_PX, window.corner.resolution_m())
    return FULL
