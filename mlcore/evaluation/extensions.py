"""Measures how well a part that the map lacks is joined to its building: made houses with wings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import shapely
import shapely.affinity
from shapely import Polygon

from mlcore.changes.ground import GroundMeasurer
from mlcore.changes.measure import WindowMeasurer
from mlcore.changes.moves import MapMoves
from mlcore.changes.polygons import draw_mask
from mlcore.evaluation.shapes import FINE
from mlcore.evidence.picture import EvidenceWindow
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.labels import draw_ids, outlines_of

TILE = TileAddress(19, 386690, 220241)  # 0.26 m a pixel
MARGIN_PX = 64
SIDE_PX = TILE_PX + 2 * MARGIN_PX
NEAR_M = 1.0  # a corner this close to the true one is right
SHORT_M = 0.25
Plan = Callable[[np.random.Generator], tuple[Polygon, Polygon]]


def lengthened(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A house and its other half."""
    depth, first = rng.uniform(26, 44), rng.uniform(34, 60)
    return shapely.box(0, 0, first, depth), shapely.box(first, 0, first + rng.uniform(24, 50), depth)


def l_wing(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A wing at a corner, flush with one wall."""
    length, depth = rng.uniform(46, 80), rng.uniform(24, 34)
    return shapely.box(0, 0, length, depth), shapely.box(0, depth, rng.uniform(18, 34), depth + rng.uniform(16, 34))


def t_wing(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A wing in the middle of a wall."""
    length, depth, across = rng.uniform(60, 84), rng.uniform(20, 30), rng.uniform(18, 28)
    left = rng.uniform(10, length - across - 10)
    return shapely.box(0, 0, length, depth), shapely.box(left, depth, left + across, depth + rng.uniform(16, 30))


def u_wing(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A second wing, which makes a U of an L."""
    length, depth, across, along = rng.uniform(64, 90), rng.uniform(20, 28), rng.uniform(16, 22), rng.uniform(18, 30)
    house = shapely.box(0, 0, length, depth + along).difference(shapely.box(across, depth, length, depth + along))
    return house, shapely.box(length - rng.uniform(16, 22), depth, length, depth + along)


def notch(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A corner that was left out."""
    length, depth = rng.uniform(56, 84), rng.uniform(40, 56)
    across, along = rng.uniform(18, length / 2), rng.uniform(16, depth / 2)
    part = shapely.box(length - across, depth - along, length, depth)
    return shapely.box(0, 0, length, depth).difference(part), part


def courtyard(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A yard inside a block, built over."""
    width, across, along = rng.uniform(16, 22), rng.uniform(22, 40), rng.uniform(22, 40)
    part = shapely.box(width, width, width + across, width + along)
    return shapely.box(0, 0, 2 * width + across, 2 * width + along).difference(part), part


def open_yard(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A yard between two wings, built over."""
    width, across, along, depth = rng.uniform(16, 22), rng.uniform(20, 36), rng.uniform(18, 32), rng.uniform(18, 26)
    part = shapely.box(width, depth, width + across, depth + along)
    return shapely.box(0, 0, 2 * width + across, depth + along).difference(part), part


def broader(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A new part that is broader than the house."""
    length, depth, beyond = rng.uniform(34, 60), rng.uniform(24, 34), rng.uniform(8, 20)
    return shapely.box(0, 0, length, depth), shapely.box(length, -beyond, length + rng.uniform(20, 36), depth + beyond)


def around_corner(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A part along two walls."""
    length, depth, along, across = rng.uniform(40, 60), rng.uniform(30, 44), rng.uniform(16, 24), rng.uniform(16, 24)
    house = shapely.box(0, 0, length, depth)
    return house, shapely.box(0, 0, length + across, depth + along).difference(house)


def hall(rng: np.random.Generator) -> tuple[Polygon, Polygon]:
    """A hall that reaches far beyond the window, lengthened."""
    depth = rng.uniform(50, 90)
    return shapely.box(-700, 0, 0, depth), shapely.box(0, 0, rng.uniform(24, 50), depth)


EXTENSIONS: dict[str, Plan] = {
    "lengthened": lengthened, "l": l_wing, "t": t_wing, "u": u_wing, "notch": notch, "courtyard": courtyard,
    "open_yard": open_yard, "broader": broader, "around_corner": around_corner, "hall": hall,
}  # fmt: skip


def seen_window(whole: Polygon, rng: np.random.Generator, *, blur_px: float, noise: float) -> EvidenceWindow:
    """Evidence of one building, in pixels of the window: walls soft and wavering."""
    frame = shapely.box(-40, -40, SIDE_PX + 40, SIDE_PX + 40)
    near = shapely.affinity.scale(whole.intersection(frame), FINE, FINE, origin=(0, 0))
    fine = draw_ids([(1, near)], SIDE_PX * FINE, SIDE_PX * FINE) > 0
    soft = cv2.resize(fine.astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(soft, (0, 0), blur_px)
    wavering = cv2.GaussianBlur(rng.normal(size=(SIDE_PX, SIDE_PX)).astype(np.float32), (0, 0), 2.5)
    building = np.clip(soft + noise * wavering / float(wavering.std()), 0, 1)
    walls = outlines_of(draw_mask(whole.intersection(frame), SIDE_PX, SIDE_PX).astype(np.int32))
    outline = cv2.GaussianBlur(walls.astype(np.float32), (0, 0), 1.0)
    return EvidenceWindow(TILE, MARGIN_PX, building, outline, np.ones(building.shape, bool))


@dataclass(frozen=True)
class MadeExtension:
    """One made house with a part that the map lacks, in pixels of the window.

    Attributes:
        drawn, whole: its shape on the map, and as it stands.
        extended: the drawn shape with the part that was found beside it; None where nothing was joined.
        reshaped: the shape that the whole house is traced as, which knows nothing of parts; None where it was not seen.
    """

    drawn: Polygon
    whole: Polygon
    extended: Polygon | None
    reshaped: Polygon | None


def made_extensions(
    plan: str, *, count: int, seed: int = 0, blur_px: float = 1.5, noise: float = 0.12
) -> Iterator[MadeExtension]:
    """`count` made houses of one plan at any turn, measured."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        drawn, part = EXTENSIONS[plan](rng)
        degrees, middle, about = rng.uniform(0, 360), SIDE_PX / 2 + rng.uniform(-1, 1, 2), part.centroid
        drawn, part = (
            shapely.affinity.translate(
                shapely.affinity.rotate(shape, degrees, origin=about), middle[0] - about.x, middle[1] - about.y
            )
            for shape in (drawn, part)
        )
        whole = shapely.union(drawn, part, grid_size=1e-6)
        window = seen_window(whole, rng, blur_px=blur_px, noise=noise)
        measurer = WindowMeasurer(
            window, [MapFeature("building", window.lonlat(drawn), {"building": "yes"}, "way", 1, 1)], MapMoves({})
        )
        beside = [(one.area_m2, one.adjacent) for one in GroundMeasurer(measurer).measures() if one.adjacent]
        extended = [adjacent.extended for _, adjacent in sorted(beside, key=lambda one: -one[0])][:1]
        reshaped = [measure.proposal for measure in measurer.footprints()]
        found = [window.polygons_xy(some[0])[0] if some else None for some in (extended, reshaped)]
        yield MadeExtension(drawn, whole, *found)


def true_corners(found: Polygon | None, whole: Polygon, resolution_m: float) -> bool:
    """Whether a polygon has the corners of the true one: as many, each within NEAR_M."""
    if found is None:
        return False
    true = shapely.get_coordinates(whole.simplify(0.01).exterior)[:-1]
    ours = shapely.get_coordinates(found)
    away = np.hypot(*(true[:, None] - ours[None]).transpose(2, 0, 1)) * resolution_m
    return len(ours) == len(true) + 1 and bool((away.min(axis=1) <= NEAR_M).all())


def short_edges(found: Polygon | None, drawn: Polygon, resolution_m: float) -> int:
    """Edges shorter than SHORT_M, but those that the map's own shape has."""
    if found is None:
        return 0
    own = shapely.MultiPoint(shapely.get_coordinates(drawn)).buffer(1e-3)
    lengths = 0
    for ring in (found.exterior, *found.interiors):
        corners = np.asarray(ring.coords)
        for start, end in pairwise(corners):
            if np.hypot(*(end - start)) * resolution_m < SHORT_M:
                lengths += not (shapely.Point(start).within(own) and shapely.Point(end).within(own))
    return lengths


def extension_figures(*, count: int = 30, seed: int = 0, blur_px: float = 1.5, noise: float = 0.12) -> dict[str, float]:
    """Share with the true corners and number of short edges, for each kind of extension.

    `PLAN_reshaped_true_corners` is the share without parts, where the whole house is traced anew.
    """
    figures: dict[str, float] = {}
    resolution_m = TILE.resolution_m()
    for plan in EXTENSIONS:
        made = list(made_extensions(plan, count=count, seed=seed, blur_px=blur_px, noise=noise))
        right = [true_corners(one.extended, one.whole, resolution_m) for one in made]
        anew = [true_corners(one.reshaped, one.whole, resolution_m) for one in made]
        figures[f"extend_{plan}_true_corners"] = round(float(np.mean(right)), 3)
        figures[f"extend_{plan}_short_edges"] = sum(short_edges(one.extended, one.drawn, resolution_m) for one in made)
        figures[f"extend_{plan}_reshaped_true_corners"] = round(float(np.mean(anew)), 3)
    return figures


def over_all(figures: Mapping[str, float]) -> dict[str, float]:
    """The mean of the shares and the sum of the short edges, over every plan and view."""
    means = {
        f"extend_{name}": round(float(np.mean([v for key, v in figures.items() if _ends(key, name)])), 3)
        for name in ("true_corners", "reshaped_true_corners")
    }
    return means | {"extend_short_edges": sum(v for key, v in figures.items() if _ends(key, "short_edges"))}


def _ends(key: str, name: str) -> bool:
    return any(key.endswith(f"extend_{plan}_{name}") for plan in EXTENSIONS)
