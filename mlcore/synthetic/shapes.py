"""Plots and the buildings on them: clipping with street edges remembered, and the common ground plans."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely

from mlcore.synthetic.scene import Building, Frame, Part, Roof


@dataclass(frozen=True)
class Plot:
    """A parcel: its ring and, per edge i -> i + 1, whether that edge lies on the street."""

    ring: np.ndarray
    street: np.ndarray

    @property
    def area(self) -> float:
        x, y = self.ring[:, 0], self.ring[:, 1]
        return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


@dataclass(frozen=True)
class Front:
    """A plot seen from its street: frame at the middle of the front (v points inwards), width and depth in metres."""

    frame: Frame
    width: float
    depth: float


def clip(plot: Plot, point: np.ndarray, normal: np.ndarray) -> Plot | None:
    """The part of `plot` on the side that `normal` points to; the new edge is no street."""
    side = (plot.ring - point) @ normal
    if (side >= 0).all():
        return plot
    ring: list[np.ndarray] = []
    street: list[bool] = []
    n = len(side)
    for i in range(n):
        j = (i + 1) % n
        if side[i] >= 0:
            ring.append(plot.ring[i])
            street.append(bool(plot.street[i]))
        if (side[i] >= 0) != (side[j] >= 0):
            ring.append(plot.ring[i] + (plot.ring[j] - plot.ring[i]) * side[i] / (side[i] - side[j]))
            street.append(False if side[i] >= 0 else bool(plot.street[i]))
    return Plot(np.array(ring), np.array(street)) if len(ring) >= 3 else None


def subdivide(rng: np.random.Generator, block: Plot, width_m: float) -> list[Plot]:
    """Cut a block into plots about `width_m` wide: two rows back to back where it is deep enough, else one."""
    (cx, cy), (w, h), angle = cv2.minAreaRect(block.ring.astype(np.float32))
    turn = np.radians(angle if w >= h else angle + 90)
    length, depth = max(w, h), min(w, h)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array([cx, cy])
    rows: list[Plot | None] = [block]
    if depth > 38:
        spine = middle + across * depth * rng.uniform(-0.05, 0.05)
        rows = [clip(block, spine, across), clip(block, spine, -across)]
    plots = []
    for row in rows:
        rest, s = row, -length / 2
        while rest is not None:
            s += width_m * rng.uniform(0.8, 1.3)
            if s > length / 2 - 0.6 * width_m:
                plots.append(rest)
                break
            plot, rest = clip(rest, middle + along * s, -along), clip(rest, middle + along * s, along)
            if plot is not None:
                plots.append(plot)
    return [plot for plot in plots if plot.area > 25]


def front_of(plot: Plot) -> Front | None:
    """The plot's longest straight run of street edge, or None when it has no street."""
    edges = np.roll(plot.ring, -1, axis=0) - plot.ring
    lengths = np.hypot(edges[:, 0], edges[:, 1]) * plot.street
    best = int(np.argmax(lengths))
    if lengths[best] < 4:
        return None
    e = edges[best] / lengths[best]
    inward = np.array([-e[1], e[0]])
    centre = plot.ring.mean(axis=0)
    if (centre - plot.ring[best]) @ inward < 0:
        e, inward = -e, -inward
    # Neighbouring street edges that run the same way (a bend cut into short pieces) belong to the front.
    along, inside = (plot.ring - plot.ring[best]) @ e, (plot.ring - plot.ring[best]) @ inward
    near = inside < max(1.0, 0.08 * float(inside.max()))
    low, high = float(along[near].min()), float(along[near].max())
    base = max(0.0, float(inside[near].max()))
    origin = plot.ring[best] + e * (low + high) / 2 + inward * base
    return Front(
        Frame(float(origin[0]), float(origin[1]), float(np.arctan2(e[1], e[0]))), high - low, float(inside.max()) - base
    )


def joined(frame: Frame, wings: tuple[Part, ...]) -> shapely.Polygon:
    """Footprint of wings in scene metres, with a courtyard where they close a ring."""
    local = shapely.union_all([shapely.box(p.u0, p.v0, p.u1, p.v1) for p in wings], grid_size=0.01)
    if local.geom_type != "Polygon":
        local = max(local.geoms, key=lambda g: g.area)
    local = local.simplify(0.01)
    holes = [frame.to_scene(shapely.get_coordinates(ring)) for ring in local.interiors]
    return shapely.Polygon(frame.to_scene(shapely.get_coordinates(local.exterior)), holes)


def raise_building(frame: Frame, wings: tuple[Part, ...], height: float, roof: Roof, tone: float, use: str) -> Building:
    """A building whose footprint is exactly its wings."""
    return Building(joined(frame, wings), frame, wings, height, roof, tone, use)


def house_wings(rng: np.random.Generator, width: float, depth: float, setback: float) -> tuple[Part, ...]:
    """Ground plan of a detached house: a rectangle, an L or a T (u along the street, v away from it)."""
    u, v = width / 2, setback
    body = Part(-u, v, u, v + depth)
    kind = rng.random()
    if kind < 0.52:
        return (body,)
    wing, reach = rng.uniform(0.38, 0.55) * width, rng.uniform(2.6, 5.5)
    if kind < 0.82:
        side = -u if rng.random() < 0.5 else u - wing
        return (body, Part(side, v + depth * 0.4, side + wing, v + depth + reach))
    return (body, Part(-wing / 2, v - reach * 0.5, wing / 2, v + depth * 0.6))


def ring_wings(width: float, depth: float, v: float, thick: float, sides: int) -> tuple[Part, ...]:
    """Four wings round a courtyard, or three (a U) when `sides` is 3."""
    u = width / 2
    wings = (
        Part(-u, v, u, v + thick), Part(-u, v, -u + thick, v + depth),
        Part(u - thick, v, u, v + depth), Part(-u, v + depth - thick, u, v + depth),
    )  # fmt: skip
    return wings[:sides]
