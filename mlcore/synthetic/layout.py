"""Layout: from a seed to the scene of a town - water, railway, streets, blocks and everything on them."""

from __future__ import annotations

import numpy as np
import shapely

from mlcore.synthetic import palette
from mlcore.synthetic.network import (
    HIGHWAYS,
    MARGIN_M,
    WIDTHS,
    Plan,
    built_block,
    built_line,
    crossing_curve,
    cut_land,
)  # fmt: skip
from mlcore.synthetic.quarters import Filler
from mlcore.synthetic.scene import Patch, Scene, Street

PAVEMENT_M = 1.6


def lay_out(seed: int, width_m: float, height_m: float, resolution_m: float) -> Scene:
    """The whole town before any change, in scene metres."""
    rng = np.random.default_rng([seed, 1])
    scene = Scene(width_m, height_m, resolution_m)
    plan = Plan(rng, width_m, height_m)
    water = _waters(rng, scene)
    rail = _railway(rng, scene)
    cuts, leaves = cut_land(rng, plan, width_m, height_m)
    barrier = shapely.union_all([water.buffer(7), rail.buffer(9)])
    shapely.prepare(barrier)
    for cut in cuts:
        _street(scene, built_line(cut, plan), cut.level, barrier)
    verges = shapely.STRtree([shapely.LineString(s.line).buffer(s.width / 2 + PAVEMENT_M + 0.2) for s in scene.streets])
    filler = Filler(rng, scene)
    window = shapely.box(-40, -40, width_m + 40, height_m + 40)
    for leaf, zone in leaves:
        block = built_block(leaf, plan)
        if not block.intersects(window):
            continue
        for land in _land(block, verges, barrier):
            street_side = shapely.LineString(shapely.get_coordinates(block.exterior)).buffer(9.5)
            filler.fill(land, street_side, zone)
    _street_trees(rng, scene, filler)
    _street_cars(rng, scene, filler)
    scene.cars = np.array(filler.cars).reshape(-1, 5)
    scene.boxes = np.array(filler.boxes).reshape(-1, 7)
    scene.trees = _clear_of_ways(np.array(filler.trees).reshape(-1, 4), scene, verges, water)
    return scene


def _waters(rng: np.random.Generator, scene: Scene) -> shapely.Geometry:
    offset = rng.choice((-1, 1)) * rng.uniform(0.3, 0.6)
    curve = crossing_curve(rng, scene.width_m, scene.height_m, rng.uniform(14, 30), offset)
    river = shapely.LineString(curve).buffer(rng.uniform(7, 15), quad_segs=4).simplify(0.3)
    scene.waters.append((river, "river"))
    at = curve[int(rng.integers(len(curve) // 3, 2 * len(curve) // 3))] + rng.uniform(-0.3, 0.3, 2) * scene.width_m
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = rng.uniform(18, 42) * (1 + 0.2 * np.sin(2 * turn + 1) + 0.12 * np.sin(3 * turn + rng.uniform(0, 6)))
    lake = shapely.Polygon(at + np.stack([1.4 * radius * np.cos(turn), radius * np.sin(turn)], axis=1))
    if not lake.intersects(river):
        island = lake.centroid.buffer(rng.uniform(3, 6), quad_segs=3)
        scene.waters.append((lake.difference(island), "lake"))
    return shapely.union_all([polygon for polygon, _ in scene.waters])


def _railway(rng: np.random.Generator, scene: Scene) -> shapely.LineString:
    curve = crossing_curve(rng, scene.width_m, scene.height_m, 5.0, -0.55 if rng.random() < 0.5 else 0.62)
    smooth = np.stack([np.convolve(np.pad(curve[:, i], 6, mode="edge"), np.ones(13) / 13, "valid") for i in (0, 1)], 1)
    angle = np.arctan2(*(smooth[-1] - smooth[0])[::-1])
    for side in (-2.2, 2.2):
        scene.rails.append(smooth + side * np.array([-np.sin(angle), np.cos(angle)]))
    return shapely.LineString(smooth)


def _street(scene: Scene, line: np.ndarray, level: int, barrier: shapely.Geometry) -> None:
    """Main roads cross water and railway; lesser ones end there."""
    pieces = [line]
    if level >= 2:
        path = shapely.LineString(line)
        if path.intersects(barrier):
            left = shapely.get_parts(path.difference(barrier))
            pieces = [shapely.get_coordinates(part) for part in left if part.length > 25]
    window = shapely.box(-MARGIN_M, -MARGIN_M, scene.width_m + MARGIN_M, scene.height_m + MARGIN_M)
    for piece in pieces:
        if shapely.LineString(piece).intersects(window):
            scene.streets.append(Street(piece, WIDTHS[level], HIGHWAYS[level], level))


def _land(block: shapely.Polygon, verges: shapely.STRtree, barrier: shapely.Geometry) -> list[shapely.Polygon]:
    near = verges.geometries[verges.query(block, predicate="intersects")]
    land = block.difference(shapely.union_all(near)) if len(near) else block
    if land.intersects(barrier):
        land = land.difference(barrier)
    land = land.buffer(-0.6, join_style="mitre")
    return [part for part in shapely.get_parts(land) if part.geom_type == "Polygon" and part.area > 150]


def _street_trees(rng: np.random.Generator, scene: Scene, filler: Filler) -> None:
    for street in scene.streets:
        if rng.random() < 0.45:
            continue
        points, normals = along_line(street.line, 11.0)
        for side in (-1, 1):
            keep = rng.random(len(points)) < rng.uniform(0.2, 0.9)
            xy = points[keep] + normals[keep] * side * (street.width / 2 + 2.3)
            for x, y in xy:
                filler.trees.append((x, y, rng.uniform(1.6, 3.3), rng.random()))


def _street_cars(rng: np.random.Generator, scene: Scene, filler: Filler) -> None:
    for street in scene.streets:
        points, normals = along_line(street.line, 7.0)
        for side in (-1, 1):
            parked = street.level >= 2
            keep = rng.random(len(points)) < (rng.uniform(0.02, 0.22) if parked else rng.uniform(0.03, 0.09))
            offset = street.width / 2 - 1.1 if parked else street.width / 4
            for (x, y), n in zip(points[keep] + normals[keep] * side * offset, normals[keep], strict=True):
                filler.cars.append((x, y, np.arctan2(-n[0], n[1]), rng.random(), 1.0))


def along_line(line: np.ndarray, step_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Points every `step_m` along a line, and the unit normals there."""
    d = np.diff(line, axis=0)
    length = np.hypot(d[:, 0], d[:, 1])
    s = np.concatenate([[0], np.cumsum(length)])
    at = np.arange(9.0, max(s[-1] - 9.0, 9.0), step_m)
    points = np.stack([np.interp(at, s, line[:, 0]), np.interp(at, s, line[:, 1])], axis=1)
    index = np.clip(np.searchsorted(s, at, side="right") - 1, 0, len(d) - 1)
    t = d[index] / np.maximum(length[index], 1e-6)[:, None]
    return points, np.stack([-t[:, 1], t[:, 0]], axis=1)


def _clear_of_ways(trees: np.ndarray, scene: Scene, verges: shapely.STRtree, water: shapely.Geometry) -> np.ndarray:
    """Drop trees that stand inside a building's walls, on a carriageway or in water."""
    points = shapely.points(trees[:, :2])
    bad = np.zeros(len(trees), dtype=bool)
    walls = shapely.STRtree([site.now.footprint for site in scene.sites if site.now is not None])
    bad[walls.query(points, predicate="dwithin", distance=0.9)[0]] = True
    roads = shapely.STRtree([shapely.LineString(s.line).buffer(s.width / 2 + 0.5) for s in scene.streets])
    bad[roads.query(points, predicate="intersects")[0]] = True
    shapely.prepare(water)
    bad |= shapely.intersects(water, points)
    return trees[~bad]


def bank_patches(scene: Scene) -> list[Patch]:
    """The banks, as the lowest ground."""
    rings = [shapely.get_coordinates(polygon.buffer(3.5).exterior) for polygon, _ in scene.waters]
    return [Patch(ring, palette.BANK) for ring in rings]


def water_patches(scene: Scene) -> list[Patch]:
    """Open water, above every parcel and below every bridge."""
    patches = []
    for polygon, _ in scene.waters:
        hole = shapely.get_coordinates(polygon.interiors[0]) if polygon.interiors else None
        patches.append(Patch(shapely.get_coordinates(polygon.exterior), palette.WATER, hole))
    return patches
