"""What stands in a town: plain records in scene metres (x east, y south, from the north-west corner of the mosaic)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely

Roof = Literal["gable", "hip", "flat", "metal", "saw"]
Zone = Literal["core", "row", "detached", "industrial", "rural"]


@dataclass(frozen=True)
class Part:
    """One rectangular wing of a building in the building's own frame, metres (u along the front, v away from it)."""

    u0: float
    v0: float
    u1: float
    v1: float

    def corners(self) -> list[tuple[float, float]]:
        return [(self.u0, self.v0), (self.u1, self.v0), (self.u1, self.v1), (self.u0, self.v1)]


@dataclass(frozen=True)
class Frame:
    """A right-handed frame on the ground: local (u, v) metres -> scene (x, y) metres."""

    x: float
    y: float
    angle: float

    def to_scene(self, uv: np.ndarray) -> np.ndarray:
        c, s = math.cos(self.angle), math.sin(self.angle)
        uv = np.asarray(uv, dtype=np.float64)
        return uv @ np.array([[c, s], [-s, c]]) + (self.x, self.y)


@dataclass(frozen=True)
class Building:
    """A building as it stands at one date.

    Attributes:
        footprint: outline on the ground, scene metres; may have a courtyard.
        wings: rectangles whose roofs, joined by their maximum, make the roof.
        height: metres from the ground to the eaves.
        tone: 0..1, picks colour and texture offset; stable over the dates.
    """

    footprint: shapely.Polygon
    frame: Frame
    wings: tuple[Part, ...]
    height: float
    roof: Roof
    tone: float
    use: str = "yes"

    @property
    def ground_height(self) -> float:
        """Height of the body that throws the shadow, metres (eaves plus part of the roof)."""
        return self.height + (1.2 if self.roof in ("gable", "hip") else 0.3)


@dataclass
class Site:
    """A place for one building over time: what stood there before, what stands there now."""

    before: Building | None
    now: Building | None
    parcel: np.ndarray
    change: str = ""
    ground: int = 0


@dataclass(frozen=True)
class Patch:
    """A piece of ground of one class; later patches cover earlier ones."""

    ring: np.ndarray
    ground: int
    hole: np.ndarray | None = None


@dataclass(frozen=True)
class Street:
    """A road's centre line with its width and class; `nodes` are stable keys of its vertices."""

    line: np.ndarray
    width: float
    highway: str
    level: int


@dataclass
class Scene:
    """A whole town: everything the renderer and the map are made from."""

    width_m: float
    height_m: float
    resolution_m: float
    streets: list[Street] = field(default_factory=list)
    rails: list[np.ndarray] = field(default_factory=list)
    waters: list[tuple[shapely.Polygon, str]] = field(default_factory=list)
    greens: list[tuple[shapely.Polygon, str]] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    lines: list[tuple[np.ndarray, float, int]] = field(default_factory=list)
    fields: list[tuple[np.ndarray, float]] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    trees: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    cars: np.ndarray = field(default_factory=lambda: np.zeros((0, 5)))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 7)))
