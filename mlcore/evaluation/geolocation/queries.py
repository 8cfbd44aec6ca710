"""Seeded queries: where each is cut, how it is turned, scaled and tilted, and its true footprint."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal
from zlib import crc32

import numpy as np
import shapely
from affine import Affine

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.grounds import Ground
from mlcore.evaluation.geolocation.looks import Look, draw_look
from mlcore.evaluation.geolocation.planes import metre_at, quad, warp, warp_valid
from mlcore.evaluation.geolocation.reference import Reference

Kind = Literal["same_flight", "other_date", "foreign"]
RIGHT_SHARE = 0.25
"""A base that shows this share of a query is a right answer."""
LEAST_PX = 256
TRIES, TRIES_EACH, SMALLER = 1000, 25, 0.85
"""After so many tries on a site with gaps queries get smaller by a step, down to LEAST_PX."""
GRID = 32


@dataclass(frozen=True)
class Site:
    """A ground by name, and how queries of it are told apart.

    Attributes:
        place: what figures are told for; name: unique.
        base_resolution_m: of the bases that show it: scale 1 is theirs.
        most_side_m: no query covers more.
    """

    place: str
    name: str
    ground: Ground
    kind: Kind
    base_resolution_m: float
    most_side_m: float


@dataclass(frozen=True)
class Reach:
    """What a query may be.

    Attributes:
        side_px: from, to; of the query's own pixels, less where the place is too small for it.
        scale: from, to; metres per pixel of the query against the base's; drawn evenly in its logarithm.
        turn_deg: in +-.
        tilt: how much larger one side may be shown than the other, in +- shares.
        least_overlap: the base that shows most of a query shows at least this share of it.
        least_valid: so much of it has image.
    """

    side_px: tuple[int, int] = (500, 1500)
    scale: tuple[float, float] = (0.5, 2.0)
    turn_deg: float = 180.0
    tilt: float = 0.05
    least_overlap: float = 0.5
    least_valid: float = 0.9


@dataclass(frozen=True)
class Plan:
    """One query before it is cut.

    Attributes:
        matrix: nine numbers, row by row: from the query's pixels to EPSG:3857 metres.
        relevant: names of the bases that are right answers, the one that shows most first; none: it is foreign.
        overlap: share of it that the first one shows.
    """

    name: str
    site: str
    place: str
    kind: Kind
    width: int
    height: int
    matrix: tuple[float, ...]
    turned_deg: float
    scale: float
    overlap: float
    relevant: tuple[str, ...]
    look: Look

    @property
    def truth(self) -> np.ndarray:
        """(3, 3) from the query's pixels to EPSG:3857 metres."""
        return np.array(self.matrix).reshape(3, 3)

    @property
    def footprint(self) -> shapely.Polygon:
        """In EPSG:3857 metres."""
        return quad(self.truth, self.width, self.height)


def draw_queries(
    sites: Sequence[Site], reference: Reference, count: int, seed: int, reach: Reach | None = None
) -> list[Plan]:
    """`count` queries spread evenly over the places of `sites`, and over the sites of each; a query's number and the
    seed decide all of it, so that more of them leaves those before as they are.

    Args:
        reference: its bases that show a query are the right answers. Foreign ones lie on none.

    Raises:
        InvalidInputError: no query fits on a site.
    """
    places = list(dict.fromkeys(site.place for site in sites))
    if not places or count < 1:
        raise InvalidInputError("nothing to cut queries from: name places that have images, and one query or more")
    tree = shapely.STRtree(reference.outlines)
    plans = []
    for number in range(count):
        place, turn = places[number % len(places)], number // len(places)
        within = [site for site in sites if site.place == place]
        site = within[turn % len(within)]
        rng = np.random.default_rng([seed, crc32(site.name.encode()), turn])
        plan = _draw(site, reference, tree, rng, reach or Reach())
        plans.append(replace(plan, name=f"{site.name}#{turn}"))
    return plans


def _draw(site: Site, reference: Reference, tree: shapely.STRtree, rng: np.random.Generator, reach: Reach) -> Plan:
    west, south, east, north = site.ground.bounds
    metre = metre_at((south + north) / 2)
    for attempt in range(TRIES):
        scale = math.exp(rng.uniform(math.log(reach.scale[0]), math.log(reach.scale[1])))
        sides_px = np.array(rng.uniform(*reach.side_px, 2))
        turn = rng.uniform(-reach.turn_deg, reach.turn_deg)
        tilt = rng.uniform(-reach.tilt, reach.tilt, 2)
        middle = west + (east - west) * rng.uniform(), south + (north - south) * rng.uniform()
        look = draw_look(rng)
        step_m = scale * site.base_resolution_m
        fits = min(1.0, site.most_side_m / (step_m * sides_px.max())) * SMALLER ** (attempt // TRIES_EACH)
        width, height = np.maximum(np.round(sides_px * fits), LEAST_PX).astype(int).tolist()
        if max(width, height) * step_m > 1.001 * site.most_side_m:
            continue
        matrix = _matrix(width, height, step_m * metre, turn, tilt, middle)
        footprint = quad(matrix, width, height)
        shares = {
            number: footprint.intersection(reference.outlines[number]).area / footprint.area
            for number in tree.query(footprint).tolist()
        }
        shares = {number: share for number, share in shares.items() if share > 0}
        best = max(shares.values(), default=0.0)
        meant = not shares if site.kind == "foreign" else best >= reach.least_overlap
        if not meant or _valid(site, footprint) < reach.least_valid:
            continue
        right = sorted((number for number, share in shares.items() if share >= RIGHT_SHARE), key=lambda n: -shares[n])
        return Plan(
            site.name, site.name, site.place, site.kind, width, height, tuple(matrix.ravel().tolist()), turn, scale,
            best, tuple(reference.bases[number].name for number in right), look,
        )  # fmt: skip
    wanted = "off every base" if site.kind == "foreign" else "on a base"
    raise InvalidInputError(f"no query of {LEAST_PX} px or more fits on {site.name}, {wanted}: take a larger image")


def cut(plan: Plan, ground: Ground) -> tuple[np.ndarray, np.ndarray]:
    """The query's picture: rgb uint8 (height, width, 3), black without image, and valid bool (height, width)."""
    west, south, east, north = plan.footprint.bounds
    edge = plan.truth @ np.array([[plan.width / 2 + 1, plan.width / 2], [plan.height / 2] * 2, [1, 1.0]])
    step = float(np.linalg.norm(np.diff(edge[:2] / edge[2], axis=1)))  # of a pixel in the query's middle
    step = max(step, ground.resolution_m * metre_at((south + north) / 2))
    west, north = west - 2 * step, north + 2 * step
    columns, rows = math.ceil((east - west) / step) + 2, math.ceil((north - south) / step) + 2
    to_ground = Affine(step, 0, west, 0, -step, north)
    part, seen = ground.read(to_ground, columns, rows)
    matrix = np.linalg.inv(plan.truth) @ np.array(to_ground, np.float64).reshape(3, 3)
    size = plan.width, plan.height
    rgb, valid = plan.look.applied(warp(part, matrix, size)), warp_valid(seen, matrix, size)
    rgb[~valid] = 0
    return rgb, valid


def digest(plans: Sequence[Plan]) -> str:
    """SHA-256 of a protocol: equal where the very same queries were asked, whatever the last bits of their numbers."""
    return told_digest(json.dumps(_rounded(asdict(plan)), sort_keys=True) for plan in plans)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_rounded(inner) for inner in value]
    return f"{value:.9e}" if isinstance(value, float) else value


def told_digest(lines: Iterable[str]) -> str:
    """SHA-256 of lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _matrix(
    width: int, height: int, step: float, turn_deg: float, tilt: np.ndarray, middle: tuple[float, float]
) -> np.ndarray:
    centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [tilt[0] / width, tilt[1] / height, 1.0]])
    cos, sin = step * math.cos(math.radians(turn_deg)), step * math.sin(math.radians(turn_deg))
    turned = np.array([[cos, sin, middle[0]], [sin, -cos, middle[1]], [0, 0, 1.0]])
    matrix = turned @ tilted @ centre
    return np.asarray(matrix / matrix[2, 2])


def _valid(site: Site, footprint: shapely.Polygon) -> float:
    """Share of a footprint that has image, on a grid of GRID x GRID points."""
    west, south, east, north = footprint.bounds
    steps = Affine((east - west) / GRID, 0, west, 0, (south - north) / GRID, north)
    column, row = np.meshgrid(np.arange(GRID) + 0.5, np.arange(GRID) + 0.5)
    x, y = west + steps.a * column, north + steps.e * row
    inside = shapely.contains_xy(footprint, x, y)
    ground_west, ground_south, ground_east, ground_north = site.ground.bounds
    within = (x > ground_west) & (x < ground_east) & (y > ground_south) & (y < ground_north)
    if not inside.any() or (inside & within).sum() / inside.sum() < 0.5:
        return 0.0
    valid = site.ground.read(steps, GRID, GRID)[1]
    return float(valid[inside].mean())
