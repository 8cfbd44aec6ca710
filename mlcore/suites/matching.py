"""The protocols of matching: aligned pairs of held-out places, one side warped, every matcher by the same estimator.

That is the published one, a homography by MAGSAC at 1.5 px. In the working range, which is the product's own, it is
what the product does with any matcher's points: the model that chance explains least, and a failure where that is
refused.
"""

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
    middle_error_px,
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
FALSE_EACH = 6
"""Maps of other ground that each window is held against in *false*."""
SEEDS_APART = 1000
"""Samples have fewer numbers than this, so that no warp of one seed is another's."""


@dataclass(frozen=True)
class Window:
    """A square of SIZE_PX, two tiles a side, of a place."""

    place: Place
    corner: TileAddress

    @property
    def name(self) -> str:
        return f"{self.place.name}/{self.corner.x}/{self.corner.y}"

    def apart_from(self, other: Window) -> bool:
        """Whether the two share no ground."""
        steps = abs(self.corner.x - other.corner.x), abs(self.corner.y - other.corner.y)
        return self.place.name != other.place.name or max(steps) >= 2

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
        ground: the window's name.
    """

    map: np.ndarray
    image: np.ndarray
    truth: np.ndarray | None
    warp: np.ndarray
    variant: str
    ground: str = ""


def windows_of(places: Sequence[Place], count: int, seed: int = 0) -> list[Window]:
    """At most `count` windows of each place, all of whose tiles are mapped and seen.

    Args:
        seed: 0 spreads them evenly over each place, any other draws them.
    """
    found = []
    for place in places:
        there = set(place.tiles)
        whole = [window for tile in sorted(there) if set((window := Window(place, tile)).tiles) <= there]
        if not whole:
            raise InvalidInputError(f"{place.name} has no two by two tiles with image and map: take a larger place")
        chosen = np.unique(np.linspace(0, len(whole) - 1, min(count, len(whole))).round().astype(int))
        if seed:
            chosen = np.sort(np.random.default_rng(seed).choice(len(whole), len(chosen), replace=False))
        found += [whole[number] for number in chosen.tolist()]
    return found


def pairs_of(protocol: Protocol, windows: Sequence[Window], seed: int = 0) -> Iterator[Warped]:
    """The pairs of a protocol; a sample's number, and `seed`, give its warp and its drawing.

    *full* and *working* take the product's style; *style* each style that training never used; *modality* the image as
    each other sensor; *false* maps of other places, and of the same place elsewhere.

    Raises:
        InvalidInputError: *false* of windows that all share their ground.
    """
    styles = sorted(unseen_styles()) if protocol == "style" else ["own"]
    variants = sorted(MODALITIES) if protocol == "modality" else styles
    if protocol == "false" and not any(one.apart_from(other) for one in windows for other in windows):
        raise InvalidInputError("all windows share their ground: take more of them, or another place as well")
    for number, window in enumerate(windows):
        image = window.image()
        sample = number + SEEDS_APART * seed
        rng = np.random.default_rng([number, 11, *([seed] if seed else [])])
        if protocol == "false":
            for turn, other in enumerate(_others(window, windows, rng)):
                warp = random_warp(SIZE_PX, FULL, FALSE_EACH * sample + turn)
                yield Warped(warped(other.map("own", rng), warp, SIZE_PX), image, None, warp, "own", window.name)
            continue
        warp = random_warp(SIZE_PX, _reach(protocol, window), sample)
        for variant in variants:
            rng = np.random.default_rng([number, 11, *([seed] if seed else [])])
            drawn = MODALITIES[variant](image, rng) if protocol == "modality" else window.map(variant, rng)
            yield Warped(warped(drawn, warp, SIZE_PX), image, np.linalg.inv(warp), warp, variant, window.name)


def _others(window: Window, windows: Sequence[Window], rng: np.random.Generator) -> list[Window]:
    """Some windows of other ground; none in the middle of a place so small that it meets them all."""
    apart = [other for other in windows if window.apart_from(other)]
    chosen = rng.choice(len(apart), min(FALSE_EACH, len(apart)), replace=False)
    return [apart[number] for number in chosen.tolist()]


def run_trial(matcher: Matcher, pair: Warped, protocol: Protocol = "full") -> tuple[Trial, Registration]:
    """Match a pair and hold the answer against the truth."""
    start = time.perf_counter()
    found: Matches = matcher.match(pair.map, pair.image)
    seconds = time.perf_counter() - start
    found = found.best(MOST_KEYPOINTS)
    taken = register(found, (SIZE_PX, SIZE_PX))
    chosen, plain = None if taken.transform is None else taken.transform.matrix, magsac_homography(found)
    estimate = chosen if protocol == "working" else plain

    def error_px(matrix: np.ndarray | None) -> float:
        return math.inf if pair.truth is None else corner_error_px(matrix, pair.truth, SIZE_PX)

    trial = Trial(
        error_px=error_px(estimate),
        homography_error_px=error_px(plain),
        middle_px=math.inf if pair.truth is None else middle_error_px(estimate, pair.truth, SIZE_PX),
        angle_deg=180.0 if pair.truth is None else angle_error_deg(estimate, pair.truth, SIZE_PX),
        seconds=seconds,
        accepted=chosen is not None,
        accepted_error_px=error_px(chosen),
        turned_deg=angle_error_deg(pair.warp, np.eye(3), SIZE_PX),
        scale=float(math.sqrt(abs(np.linalg.det(pair.warp[:2, :2])))),
        points=len(found),
        needed=taken.needed_inliers,
        log10_nfa=taken.log10_nfa,
        ground=pair.ground,
    )
    return trial, taken


def run_protocol(
    protocol: Protocol,
    matchers: Sequence[Matcher],
    windows: Sequence[Window],
    progress: Progress | None = None,
    seed: int = 0,
) -> dict[str, dict[str, list[Trial]]]:
    """Trials by matcher and variant, on the same pairs.

    Raises:
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    trials: dict[str, dict[str, list[Trial]]] = {matcher.name: {} for matcher in matchers}
    each = {"style": len(unseen_styles()), "modality": len(MODALITIES), "false": FALSE_EACH}.get(protocol, 1)
    count = len(windows) * each
    for number, pair in enumerate(pairs_of(protocol, windows, seed)):
        for matcher in matchers:
            stop_if_asked(progress)
            trial, _ = run_trial(matcher, pair, protocol)
            trials[matcher.name].setdefault(pair.variant, []).append(trial)
        progress.report((number + 1) / count, f"{protocol}: {number + 1} of {count} pairs")
    return trials


def _reach(protocol: Protocol, window: Window) -> WarpRange:
    if protocol == "working":
        return working_range(SIZE_PX, window.corner.resolution_m())
    return FULL
