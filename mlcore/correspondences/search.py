"""Where one picture lies in another, over every rotation, scale and shift: correlation of coarse fields of structure.

The map's fields are turned and scaled in steps, and each is correlated with the image's over all shifts at once: first
at half the resolution, which costs a quarter, then the best of these steps as they are, and the rest of them only where
those convince nobody. What the steps leave over, about half of one, the patches of `refine` take up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.correlate import centred, over_shifts
from mlcore.correspondences.refine import Fields

TURN_STEP_DEG = 7.5
SCALE_STEP = 1.16
AT_ONCE = 48
APART_CELLS = 3
FIRST_POOL, FOLLOWED = 2, 56
"""The first look is so much coarser, and so many of its steps are looked at again: about a third of the full circle's.

On the held-out windows the right step is the best one of all that are looked at again, but not of those at first. In
images of another kind, such as those of a night, it is often not among them at all.
"""
LEAST_CELLS = 24
"""Of a side: less can't be made coarser still."""


@dataclass(frozen=True)
class SearchRange:
    """Where to look.

    Attributes:
        rotation_deg: in +-; 180 for any.
        scale: smallest and largest size at which the image may show the map.
    """

    rotation_deg: float = 180.0
    scale: tuple[float, float] = (0.7, 1.3)

    def turns(self) -> list[float]:
        """Radians; a full circle holds each direction once."""
        if self.rotation_deg >= 180:
            count = math.ceil(360 / TURN_STEP_DEG)
            return [2 * math.pi * number / count for number in range(count)]
        count = math.ceil(self.rotation_deg / TURN_STEP_DEG)
        return [math.radians(self.rotation_deg * number / max(count, 1)) for number in range(-count, count + 1)]

    def scales(self) -> list[float]:
        low, high = self.scale
        count = math.ceil(math.log(high / low) / math.log(SCALE_STEP)) if high > low else 0
        return [low * (high / low) ** ((number + 0.5) / count) for number in range(count)] or [math.sqrt(low * high)]


NEARLY_PLACED = SearchRange(7.5, (0.93, 1.075))
"""What a map with a georeference may be off its image: 5 degrees and 5 %, and half a step."""


@dataclass(frozen=True)
class Guess:
    """A similarity in cells of the fields: x' = scale R(turn) (x - middle of the map) + at."""

    turn: float
    scale: float
    at_x: float
    at_y: float
    score: float

    def matrix(self, maps: Fields) -> np.ndarray:
        """(3, 3) of corner-based pixels. Args: maps: the coarse fields that were searched for."""
        cos, sin = self.scale * math.cos(self.turn), self.scale * math.sin(self.turn)
        middle = np.array([maps.size[1], maps.size[0]]) / 2
        linear = np.array([[cos, -sin], [sin, cos]])
        moved = np.array([self.at_x, self.at_y]) - linear @ middle
        return np.vstack([np.column_stack([linear, moved * maps.stride_px]), [0, 0, 1]])


def guesses(maps: Fields, image: Fields, reach: SearchRange, count: int) -> Iterator[list[Guess]]:
    """The best places, surest first, no two of them the same: of the likeliest steps, then of all the others.

    Args:
        maps, image: coarse fields of one resolution, of sizes of their own.
        count: of places at most, of either.
    """
    steps = [(turn, scale) for scale in reach.scales() for turn in reach.turns()]
    likely = steps
    if len(steps) > FOLLOWED and min(*maps.size, *image.size) >= LEAST_CELLS:
        first = _over_steps(maps.pooled(FIRST_POOL), image.pooled(FIRST_POOL), steps)
        best = sorted(first, key=lambda guess: -guess.score)[:FOLLOWED]
        likely = [(guess.turn, guess.scale) for guess in best]
    yield _best(_over_steps(maps, image, likely), count)
    if rest := [step for step in steps if step not in set(likely)]:
        yield _best(_over_steps(maps, image, rest), count)


def _over_steps(maps: Fields, image: Fields, steps: list[tuple[float, float]]) -> list[Guess]:
    """The best place of each turn and scale."""
    shown = centred(image.values, image.valid)
    found: list[Guess] = []
    for scale, same in groupby(sorted(steps, key=lambda step: step[1]), key=lambda step: step[1]):
        options = list(same)
        side = min(math.ceil(math.hypot(*maps.size) * scale) + 1, max(image.size))
        for start in range(0, len(options), AT_ONCE):
            some = options[start : start + AT_ONCE]
            turned, seen = turned_fields(maps.values, maps.valid, some, side)
            surface = over_shifts(shown, image.valid, centred(turned, seen), seen).score[0]
            found += _peaks(surface, some, side)
    return found


def turned_fields(
    fields: Tensor, valid: Tensor, options: list[tuple[float, float]], side: int
) -> tuple[Tensor, Tensor]:
    """The fields turned and scaled about their middle, each in the middle of (side, side) cells."""
    height, width = fields.shape[2:]
    rows = []
    for turn, scale in options:
        cos, sin = math.cos(turn) / scale, math.sin(turn) / scale  # from the turned cells back to the map's
        rows.append([[cos * side / width, sin * side / width, 0.0], [-sin * side / height, cos * side / height, 0.0]])
    grid = F.affine_grid(torch.tensor(rows, device=fields.device), [len(options), 1, side, side], align_corners=False)
    both = torch.cat([fields, valid], 1).expand(len(options), -1, -1, -1)
    turned = F.grid_sample(both, grid, align_corners=False)
    seen = (turned[:, -1:] > 0.99).to(fields.dtype)
    return turned[:, :-1] * seen, seen


def _peaks(surface: Tensor, options: list[tuple[float, float]], side: int) -> list[Guess]:
    """The top of each option's surface."""
    flat = surface.flatten(1)
    width = surface.shape[2]
    best = flat.argmax(dim=1)
    scores = flat.gather(1, best[:, None])[:, 0]
    places = [
        (float(index % width) - (side - 1) + side / 2, float(index // width) - (side - 1) + side / 2)
        for index in best.tolist()
    ]
    return [
        Guess(turn, scale, x, y, score)
        for (turn, scale), (x, y), score in zip(options, places, scores.tolist(), strict=True)
    ]


def _best(found: list[Guess], count: int) -> list[Guess]:
    """Of guesses that are one place at neighbouring steps, the best one."""
    chosen: list[Guess] = []
    for guess in sorted(found, key=lambda one: -one.score):
        if not any(_same(guess, other) for other in chosen):
            chosen.append(guess)
        if len(chosen) == count:
            break
    return chosen


def _same(one: Guess, other: Guess) -> bool:
    turn = abs((one.turn - other.turn + math.pi) % (2 * math.pi) - math.pi)
    near = math.hypot(one.at_x - other.at_x, one.at_y - other.at_y) <= APART_CELLS
    return near and turn <= math.radians(1.1 * TURN_STEP_DEG) and 1 / 1.2 < one.scale / other.scale < 1.2
