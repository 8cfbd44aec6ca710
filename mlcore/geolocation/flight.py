"""Places the frames of one flight together: neighbours are a prior for each other, and the consistent chain wins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlcore.geolocation.calibration import logit_of, probability_of
from mlcore.geolocation.placement import Placement, Prior, apart_m
from mlcore.geometry.webmercator import WORLD_M, mercator_to_lonlat
from mlcore.progress import Progress, stop_if_asked

if TYPE_CHECKING:
    from mlcore.geolocation.locator import Locator

LOOK_BACK = 5
"""Frames between two placements that still speak for each other, at most."""
STEP_SIZES = 3.0
"""From one frame to the next a flight goes on by no more of the frames' own sizes."""
SCALE_RATIO = 1.5
AGREES, DISAGREES = 2.0, -5.0
"""Log-odds that a neighbour which fits, or does not, adds."""
MOST_SUPPORT = 2
"""Neighbours that add to a placement's probability: more of them tell nothing new."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a flight: rgb (H, W, 3) uint8, valid (H, W) bool or None, and what is known of its place."""

    rgb: np.ndarray
    valid: np.ndarray | None = None
    prior: Prior | None = None


def locate_flight(
    locator: Locator,
    frames: Sequence[Frame],
    *,
    count: int,
    allowed: Callable[[str], bool] | None,
    progress: Progress,
) -> list[list[Placement]]:
    """Where the frames of one flight lie.

    Each is located alone; the chain of placements that agree most surely is found; frames without a place in it are
    looked for around their neighbours; then each frame's placement of the chain comes first, as sure as its neighbours
    make it.

    Returns:
        Ranked placements of each frame, as of `Locator.locate`.
    """
    found: list[list[Placement]] = []
    for number, frame in enumerate(frames):
        stop_if_asked(progress)
        prior = frame.prior
        found.append(locator.locate(frame.rgb, frame.valid, prior=prior, count=count, allowed=allowed, thorough=True))
        progress.report(0.8 * (number + 1) / len(frames), f"frame {number + 1}")
    chain = best_chain(found)
    for number, frame in enumerate(frames):
        expected = expected_place(number, chain)
        if chain.get(number) is not None or expected is None:
            continue
        stop_if_asked(progress)
        valid = np.ones(frame.rgb.shape[:2], bool) if frame.valid is None else frame.valid
        among = locator.allowed_numbers(allowed)
        closer = [
            one
            for one in locator.near(frame.rgb, valid, expected, among=among, count=count, thorough=True)
            if one.base.name not in {other.base.name for other in found[number]}
        ]
        found[number] = sorted([*closer, *found[number]], key=lambda one: -one.probability)
        progress.report(0.8 + 0.2 * (number + 1) / len(frames), f"frame {number + 1} beside its neighbours")
    chain = best_chain(found)
    return [_led(found[number], chain.get(number), _support(number, chain), count) for number in range(len(frames))]


def best_chain(found: Sequence[Sequence[Placement]]) -> dict[int, Placement]:
    """Frame -> placement of the chain with the greatest sum of log-odds.

    Two neighbours in it that fit each other add AGREES, two that don't cost more than a placement that is a little
    doubtful alone; frames may be left out. Pictures of no known place are in no chain.
    """
    nodes = [
        (frame, one) for frame, placements in enumerate(found) for one in placements if one.base.transform is not None
    ]
    worth = np.zeros(len(nodes))
    before = np.full(len(nodes), -1)
    first = 0
    for here, (frame, one) in enumerate(nodes):
        while nodes[first][0] < frame - LOOK_BACK:
            first += 1
        worth[here] = logit_of(one.probability)
        best = 0.0
        for there in range(first, here):
            other_frame, other = nodes[there]
            if other_frame == frame:
                break
            gain = worth[there] + (AGREES if fits(other, one, frame - other_frame) else DISAGREES)
            if gain > best:
                best, before[here] = gain, there
        worth[here] += best
    if not len(nodes) or worth.max() <= 0:
        return {}
    chain, here = {}, int(worth.argmax())
    while here >= 0:
        chain[nodes[here][0]] = nodes[here][1]
        here = int(before[here])
    return chain


def fits(one: Placement, other: Placement, frames: int) -> bool:
    """Whether one flight may have taken both, so many frames apart: near by, and from about the same height."""
    ratio = one.resolution_m / other.resolution_m
    if not 1 / SCALE_RATIO <= ratio <= SCALE_RATIO:
        return False
    size = max(_side_mercator(one), _side_mercator(other))
    return float(apart_m(one.centre_mercator, other.centre_mercator)) <= STEP_SIZES * size * frames


def expected_place(frame: int, chain: dict[int, Placement]) -> Prior | None:
    """Where a frame lies by its nearest neighbours in the chain; None where none is within LOOK_BACK frames."""
    earlier = max((number for number in chain if number < frame), default=None)
    later = min((number for number in chain if number > frame), default=None)
    near = [number for number in (earlier, later) if number is not None and abs(number - frame) <= LOOK_BACK]
    if not near:
        return None
    closest = chain[min(near, key=lambda number: abs(number - frame))]
    middle, gap = closest.centre_mercator, min(abs(number - frame) for number in near)
    if len(near) == 2:
        share = (frame - near[0]) / (near[1] - near[0])
        one, other = (chain[number].centre_mercator for number in near)
        across = np.array([np.rint((one[0] - other[0]) / WORLD_M) * WORLD_M, 0])  # both on one turn of the Earth
        middle = one + (other + across - one) * share
    lon, lat = (float(number) for number in mercator_to_lonlat(middle))
    radius = STEP_SIZES * _side_mercator(closest) * gap * math.cos(math.radians(lat))
    return Prior((lon + 180) % 360 - 180, lat, radius, closest.heading_deg, closest.resolution_m)


def _support(frame: int, chain: dict[int, Placement]) -> int:
    """How many neighbours in the chain fit a frame's placement, up to MOST_SUPPORT."""
    if frame not in chain:
        return 0
    others = [number for number in chain if number != frame and abs(number - frame) <= LOOK_BACK]
    return min(MOST_SUPPORT, sum(fits(chain[frame], chain[number], abs(number - frame)) for number in others))


def _led(placements: list[Placement], chosen: Placement | None, support: int, count: int) -> list[Placement]:
    """The chain's placement first, with its neighbours' odds; the others as they were, none surer than it."""
    if chosen is None or not support:
        return placements[:count]
    surer = replace(chosen, probability=probability_of(logit_of(chosen.probability) + support * AGREES))
    others = [
        replace(one, probability=min(one.probability, surer.probability)) for one in placements if one is not chosen
    ]
    return [surer, *others][:count]


def _side_mercator(one: Placement) -> float:
    """The longer side of a placement's footprint, in metres of EPSG:3857."""
    _, lat = one.centre_lonlat
    return max(one.query_size) * one.resolution_m / max(math.cos(math.radians(lat)), 0.02)
