"""Quarters: what a block of each zone is filled with - houses and gardens, terraces, courts, halls, fields, lots."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely

from mlcore.synthetic import palette
from mlcore.synthetic.scene import Building, Frame, Part, Patch, Roof, Scene, Site, Zone
from mlcore.synthetic.shapes import Front, Plot, front_of, house_wings, raise_building, ring_wings, subdivide


class Filler:
    """Collects what the blocks are filled with; one per town."""

    def __init__(self, rng: np.random.Generator, scene: Scene) -> None:
        self.rng, self.scene = rng, scene
        self.trees: list[tuple[float, float, float, float]] = []
        self.cars: list[tuple[float, float, float, float, float]] = []
        self.boxes: list[tuple[float, float, float, float, float, float, float]] = []
        self.by_zone: dict[Zone, Callable[[Plot], None]] = {
            "core": self.core, "row": self.row, "detached": self.detached,
            "industrial": self.industrial, "rural": self.rural,
        }  # fmt: skip

    def fill(self, block: shapely.Polygon, roads: shapely.Geometry, zone: Zone) -> None:
        """Fill one block; `roads` is the block's outline along which there are streets."""
        ring = shapely.get_coordinates(block.simplify(0.6).exterior)[:-1]
        middles = (ring + np.roll(ring, -1, axis=0)) / 2
        near = shapely.distance(shapely.points(middles), roads) < 1.5
        self.by_zone[zone](Plot(ring, near))

    def lawn(self, plot: Plot) -> None:
        self.scene.patches.append(Patch(plot.ring, palette.LAWN + int(self.rng.integers(palette.LAWNS))))

    def place(self, plot: Plot, building: Building) -> bool:
        """Put a building on its plot when it lies inside."""
        if not shapely.Polygon(plot.ring).buffer(0.4).contains(building.footprint):
            return False
        self.scene.sites.append(Site(building, building, plot.ring))
        return True

    def open_block(self, block: Plot) -> None:
        """A park, a wood or a sports ground in place of houses."""
        kind = self.rng.random()
        polygon = shapely.Polygon(block.ring).buffer(0)
        if kind < 0.55:
            self.lawn(block)
            self.scene.greens.append((polygon, "park"))
            self.grove(block, 0.006)
        else:
            self.scene.patches.append(Patch(block.ring, palette.WOOD))
            self.scene.greens.append((polygon, "wood"))
            self.grove(block, 0.035)

    def grove(self, plot: Plot, per_m2: float, low: float = 2.0, high: float = 4.6) -> None:
        """Trees scattered over a plot."""
        count = int(self.rng.poisson(plot.area * per_m2))
        if not count:
            return
        lo, hi = plot.ring.min(axis=0), plot.ring.max(axis=0)
        spread = float(np.prod(hi - lo)) / max(plot.area, 1.0)
        xy = self.rng.uniform(lo, hi, (int(count * spread) + 1, 2))
        xy = xy[shapely.contains_xy(shapely.Polygon(plot.ring), xy[:, 0], xy[:, 1])]
        radius, tone = self.rng.uniform(low, high, len(xy)), self.rng.random(len(xy))
        self.trees.extend(zip(xy[:, 0], xy[:, 1], radius, tone, strict=True))

    def detached(self, block: Plot) -> None:
        rng = self.rng
        if rng.random() < 0.09:
            self.open_block(block)
            return
        for plot in subdivide(rng, block, rng.uniform(15, 22)):
            self.lawn(plot)
            front = front_of(plot)
            if front is None or front.width < 9.5 or rng.random() < 0.05:
                self.grove(plot, 0.012)
                continue
            if rng.random() < 0.045:
                self.vacant(plot)
                continue
            self.house(plot, front)
            self.grove(plot, 0.0055, 1.3, 4.0)

    def house(self, plot: Plot, front: Front) -> None:
        rng = self.rng
        setback = rng.uniform(2.5, 7.0)
        width = min(rng.uniform(9.0, 15.0), front.width - 3.0)
        depth = min(rng.uniform(7.5, 10.5), front.depth - setback - 3)
        if depth < 6 or width < 6:
            return
        roof: Roof = ("gable", "hip", "flat")[int(rng.choice(3, p=(0.55, 0.33, 0.12)))]
        height, tone = rng.choice((3.2, 5.6), p=(0.6, 0.4)), rng.random()
        shift = rng.uniform(-0.3, 0.3) * (front.width - width - 2)
        frame = _moved(front.frame, shift, 0.0, rng.normal(0, 0.015))
        wings = house_wings(rng, width, depth, setback)
        if not self.place(plot, raise_building(frame, wings, float(height), roof, tone, "house")):
            wings = (Part(-width * 0.4, setback, width * 0.4, setback + depth * 0.85),)
            self.place(plot, raise_building(frame, wings, float(height), roof, tone, "house"))
        side = 1 if shift < 0 else -1
        drive = Part(side * width / 2 + side * 0.4, -3.2, side * (width / 2 + 3.2), setback + rng.uniform(1, depth))
        self.pave(frame, drive, palette.DRIVE + int(rng.integers(palette.DRIVES)))
        if rng.random() < 0.5:
            self.park_car(frame, (drive.u0 + drive.u1) / 2, rng.uniform(0.5, setback), 0.5)
        if rng.random() < 0.4 and front.depth > setback + depth + 12:
            w, d = rng.uniform(3, 6, 2)
            u, v = rng.uniform(-0.3, 0.3) * front.width, front.depth - d - rng.uniform(1.5, 4)
            shed = raise_building(frame, (Part(u - w / 2, v, u + w / 2, v + d),), 2.3, "metal", rng.random(), "shed")
            self.place(plot, shed)

    def pave(self, frame: Frame, part: Part, ground: int) -> None:
        self.scene.patches.append(Patch(frame.to_scene(np.array(part.corners())), ground))

    def park_car(self, frame: Frame, u: float, v: float, turn: float) -> None:
        x, y = frame.to_scene(np.array([[u, v]]))[0]
        self.cars.append((x, y, frame.angle + turn * np.pi, self.rng.random(), 0.0))

    def row(self, block: Plot) -> None:
        rng = self.rng
        if rng.random() < 0.07:
            self.open_block(block)
            return
        for plot in subdivide(rng, block, rng.uniform(26, 46)):
            self.lawn(plot)
            front = front_of(plot)
            if front is None or front.width < 13 or front.depth < 13:
                self.grove(plot, 0.01)
                continue
            if rng.random() < 0.06:
                self.vacant(plot)
                continue
            self.terrace(plot, front)
            self.grove(plot, 0.006, 1.3, 3.6)

    def terrace(self, plot: Plot, front: Front) -> None:
        rng = self.rng
        unit, depth, setback = rng.uniform(5.8, 8.5), rng.uniform(8.5, 11.5), rng.uniform(1.5, 4.5)
        count = int((front.width - 2.5) // unit)
        roof: Roof = "gable" if rng.random() < 0.8 else "flat"
        height, tone = rng.uniform(5.2, 8.5), rng.random()
        whole = Part(-count * unit / 2, setback, count * unit / 2, setback + depth)
        for i in range(count):
            u = whole.u0 + i * unit
            wings: tuple[Part, ...] = (Part(u, setback, u + unit, setback + depth),)
            if rng.random() < 0.22:
                wings += (Part(u, setback + depth - 2, u + unit * 0.6, setback + depth + rng.uniform(2, 4)),)
            own = tone if rng.random() < 0.6 else rng.random()
            self.place(plot, raise_building(front.frame, wings, height, roof, own, "terrace"))
            if rng.random() < 0.3:
                self.pave(front.frame, Part(u + 0.5, -2.5, u + 3.2, setback), palette.DRIVE)
                self.park_car(front.frame, u + 1.8, setback * 0.4, 0.5)

    def core(self, block: Plot) -> None:
        rng = self.rng
        if rng.random() < 0.08:
            self.open_block(block)
            return
        self.scene.patches.append(Patch(block.ring, palette.YARD + int(rng.integers(palette.YARDS))))
        for plot in subdivide(rng, block, rng.uniform(17, 30)):
            front = front_of(plot)
            kind = rng.random()
            if front is None or front.width < 8 or front.depth < 12:
                self.grove(plot, 0.008)
            elif kind < 0.05:
                self.vacant(plot)
            elif kind < 0.12:
                self.car_park(plot, front)
            else:
                self.town_house(plot, front)

    def town_house(self, plot: Plot, front: Front) -> None:
        rng = self.rng
        width, height, tone = front.width - 0.3, rng.uniform(8, 19), rng.random()
        roof: Roof = "flat" if rng.random() < 0.45 else "gable"
        room = min(front.depth - 2, 34)
        tries: list[tuple[Part, ...]] = []
        if width > 21 and room > 24 and rng.random() < 0.75:
            tries.append(ring_wings(width, room, 0.4, 8.0, 3 if rng.random() < 0.25 else 4))
        thick = min(rng.uniform(10, 14), room)
        body = Part(-width / 2, 0.4, width / 2, 0.4 + thick)
        if room > thick + 6:
            tries.append((body, Part(-width / 2, 0.4, -width / 2 + min(7.0, width / 2), room)))
        tries.append((body,))
        for shrink in (1.0, 0.82):
            for wings in tries:
                scaled = tuple(Part(p.u0 * shrink, p.v0, p.u1 * shrink, p.v1) for p in wings)
                if self.place(plot, raise_building(front.frame, scaled, height, roof, tone, "apartments")):
                    self.grove(plot, 0.003, 1.5, 3.0)
                    return

    def industrial(self, block: Plot) -> None:
        rng = self.rng
        for plot in subdivide(rng, block, rng.uniform(48, 95)):
            ground = palette.CONCRETE if rng.random() < 0.4 else palette.YARD + int(rng.integers(palette.YARDS))
            self.scene.patches.append(Patch(plot.ring, ground))
            front = front_of(plot)
            if front is None or min(front.width, front.depth) < 22:
                self.grove(plot, 0.01)
                continue
            kind = rng.random()
            if kind < 0.1:
                self.car_park(plot, front)
            elif kind < 0.2:
                self.vacant(plot)
            else:
                self.hall(plot, front)

    def hall(self, plot: Plot, front: Front) -> None:
        rng = self.rng
        tone, height = rng.random(), rng.uniform(6, 11)
        roof: Roof = ("metal", "flat", "saw")[int(rng.choice(3, p=(0.5, 0.35, 0.15)))]
        for scale in (1.0, 0.8, 0.62):
            w, d = (
                (front.width - 12) * rng.uniform(0.6, 0.9) * scale,
                (front.depth - 14) * rng.uniform(0.55, 0.9) * scale,
            )
            body = Part(-w / 2, 7, w / 2, 7 + d)
            wings = (body, Part(-w / 2, 7 + d * 0.5, -w * 0.1, 7 + d * 1.2)) if rng.random() < 0.35 else (body,)
            if self.place(plot, raise_building(front.frame, wings, height, roof, tone, "industrial")):
                break
        for _ in range(int(rng.poisson(4))):
            self.container(plot, front)
        for u in np.arange(-front.width * 0.4, front.width * 0.4, 2.9):
            if rng.random() < 0.35:
                self.park_car(front.frame, float(u), 3.2, 0.5)

    def container(self, plot: Plot, front: Front) -> None:
        rng = self.rng
        u, v = rng.uniform(-0.45, 0.45) * front.width, rng.uniform(0.75, 0.97) * front.depth
        x, y = front.frame.to_scene(np.array([[u, v]]))[0]
        if shapely.Polygon(plot.ring).buffer(-7).contains(shapely.Point(x, y)):
            turn = front.frame.angle + (0.5 * np.pi if rng.random() < 0.3 else 0.0)
            self.boxes.append((x, y, turn, 12.2 if rng.random() < 0.5 else 6.1, 2.5, 2.6, rng.random()))

    def car_park(self, plot: Plot, front: Front) -> None:
        """A look-alike of a flat roof: asphalt with marked bays and cars."""
        rng = self.rng
        self.scene.patches.append(Patch(plot.ring, palette.PARKING))
        inside = shapely.Polygon(plot.ring).buffer(-2.6)
        fill = rng.uniform(0.25, 0.85)
        for v in np.arange(3.5, front.depth - 3, 8.2):
            for u in np.arange(-front.width / 2 + 2, front.width / 2 - 2, 2.6):
                ends = front.frame.to_scene(np.array([[u - 1.3, v - 2.5], [u - 1.3, v + 2.5], [u, v]]))
                if inside.contains(shapely.Point(ends[2])):
                    self.scene.lines.append((ends[:2], 0.14, 1))
                    if rng.random() < fill:
                        self.park_car(front.frame, float(u), float(v), 0.5)

    def vacant(self, plot: Plot) -> None:
        """Bare ground or a building site: look-alikes of a cleared plot."""
        ground = palette.BARE if self.rng.random() < 0.6 else palette.GRAVEL
        self.scene.patches.append(Patch(plot.ring, ground))
        self.grove(plot, 0.003, 0.8, 1.8)

    def rural(self, block: Plot) -> None:
        rng = self.rng
        if rng.random() < 0.22:
            self.open_block(block)
            return
        for plot in subdivide(rng, block, rng.uniform(60, 130)):
            ground = palette.FIELD + int(rng.integers(palette.FIELDS))
            self.scene.patches.append(Patch(plot.ring, ground))
            front = front_of(plot)
            self.scene.fields.append((plot.ring, front.frame.angle if front else rng.uniform(0, 3)))
            if front is not None and rng.random() < 0.25 and front.width > 30 and front.depth > 30:
                yard = Part(-14, 0, 14, 26)
                self.pave(front.frame, yard, palette.LAWN + int(rng.integers(palette.LAWNS)))
                self.house(plot, Front(front.frame, 26, 24))


def _moved(frame: Frame, du: float, dv: float, turn: float) -> Frame:
    x, y = frame.to_scene(np.array([[du, dv]]))[0]
    return Frame(float(x), float(y), frame.angle + turn)
