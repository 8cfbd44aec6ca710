"""The move that brings a tile's map onto its image: how far, how surely, and where that comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlcore.geometry.transform import Transform, shift_of
from mlcore.geometry.webmercator import TILE_PX

Origin = Literal["verified", "matched", "measured", "neighbours", "region", "none"]
"""A person or the gate stands by it; a matcher proposed it; measured on the tile itself by dense correlation; what the
tiles around share; what the region shares; nothing is known."""
OWN: tuple[Origin, ...] = ("verified", "matched", "measured")
"""What is known of the tile itself, and not lent by others."""
RIGHT_M = 0.75  # a shift this near the true one is right
LEAST_CONFIDENCE = 0.3  # a tile that is less sure of its own shift follows its neighbours
MIDDLE = np.full((1, 2), TILE_PX / 2)


@dataclass(frozen=True)
class Shift:
    """The move that brings the map onto the image.

    Attributes:
        dx_px, dy_px: of the tile's middle, to the east and to the south, in pixels of the tile at 256 px.
        confidence: 0..1; the probability that it is right within RIGHT_M.
        origin: where it comes from.
        transform: all of it, where the map is turned or scaled as well; None: it is moved alone.
    """

    dx_px: float
    dy_px: float
    confidence: float
    origin: Origin = "measured"
    transform: Transform | None = None

    def apart_px(self, other: Shift) -> float:
        """How far another shift moves the tile's middle otherwise, in pixels."""
        return float(np.hypot(self.dx_px - other.dx_px, self.dy_px - other.dy_px))

    def metres(self, resolution_m: float) -> tuple[float, float]:
        """(east, north) in metres on the ground, for pixels of `resolution_m`."""
        return self.dx_px * resolution_m, -self.dy_px * resolution_m

    def as_transform(self, resolution_m: float) -> Transform:
        """The same with a covariance: the one under which it is right, within RIGHT_M, as likely as it says.

        Args:
            resolution_m: of the shift's pixels, on the ground.
        """
        return self.transform or shift_of(self.dx_px, self.dy_px, variance_px2(self.confidence, resolution_m))


NO_SHIFT = Shift(0.0, 0.0, 0.0, "none")


def variance_px2(confidence: float, resolution_m: float) -> float:
    """Along each axis, of a shift that is right with this probability."""
    sure = min(max(confidence, 0.01), 0.999)
    return (RIGHT_M / resolution_m) ** 2 / (-2 * math.log(1 - sure))  # the errors' length is Rayleigh's


def confidence_of(transform: Transform, resolution_m: float) -> float:
    """The probability that a transform brings the tile's middle right, within RIGHT_M, as its covariance has it.

    The error's length is taken as Rayleigh's with the mean variance of both axes.

    Args:
        transform: in pixels of the tile at 256 px.
        resolution_m: of these, on the ground.
    """
    variance = float(np.trace(transform.point_covariance(MIDDLE)[0])) / 2 * resolution_m**2
    return 1 - math.exp(-(RIGHT_M**2) / (2 * variance)) if variance > 0 else 1.0


def shift_by(transform: Transform, confidence: float, origin: Origin) -> Shift:
    """A transform, in pixels of the tile at 256 px, as the shift of the tile's middle that it makes."""
    dx, dy = (transform.apply(MIDDLE) - MIDDLE)[0]
    return Shift(float(dx), float(dy), confidence, origin, None if transform.kind == "shift" else transform)
