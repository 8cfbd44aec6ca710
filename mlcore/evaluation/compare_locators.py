"""Two locators side by side on queries cut from ground that neither learnt, among the bases of all imagery."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from shapely import Point, Polygon

from mlcore.errors import InvalidInputError
from mlcore.evaluation.compare import Figure, Metric, Sample, figure_of, share_true
from mlcore.evaluation.matching import auc
from mlcore.geolocation.bases import Base, BaseSource, JoinedBases, RasterBases
from mlcore.geolocation.cutting import extent_mercator, open_sheet, read_onto
from mlcore.geolocation.footprint import through
from mlcore.geolocation.grounds import relit, warped
from mlcore.geolocation.held_out import BLOCK_ZOOM, is_held_out
from mlcore.geometry.webmercator import TileAddress, mercator_to_lonlat, tile_at
from mlcore.progress import Progress, SpanProgress, stop_if_asked

if TYPE_CHECKING:
    from mlcore.geolocation.locator import Locator

PLACED_M = 5.0
"""A picture that is placed so near, on average over its corners, needs no other work than a look."""
QUERY_PX = 384
LEAST_VALID = 0.9
LEAST_BLOCKS = 4
"""Fewer blocks than this say nothing about a locator, whatever their figures are."""
SCALES = (0.7, 1.4)
ROOM = 0.95


@dataclass(frozen=True, eq=False)
class Query:
    """A picture without a place, as it could come in, and where it lies.

    Attributes:
        source, block: the raster that it was cut from, and the held-out block that it lies in.
        rgb, valid: (Q, Q, 3) uint8 and (Q, Q) bool, turned and scaled anyhow, in another light.
        corners: (4, 2) EPSG:3857 of its corners, clockwise from the first pixel's.
    """

    source: int
    block: TileAddress
    rgb: np.ndarray
    valid: np.ndarray
    corners: np.ndarray


@dataclass(frozen=True)
class LocatorSaid:
    """What a locator made of a query.

    Attributes:
        error_m: of its first suggestion, over the corners, on the ground; None where it had none.
        believed: whether it says itself that the picture lies here.
        claimed: whether it believed a place where all bases with the query's ground were kept from it; None where no
            other base was left.
    """

    error_m: float | None
    believed: bool
    claimed: bool | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LocatorSaid:
        """What `to_dict` gave."""
        return cls(**values)


def queries_of(rasters: Sequence[RasterBases], most: int) -> list[Query]:
    """Queries of the held-out blocks that rasters show whole, one each, spread over all where there are more.

    The same rasters give the same queries: a block's place is the seed of what is done to it.
    """
    places = [(number, block) for number, raster in enumerate(rasters) for block in _blocks(raster)]
    queries: list[Query] = []
    chosen = np.unique(np.linspace(0, len(places) - 1, min(3 * most, len(places))).round().astype(int)).tolist()
    for place in chosen:
        number, block = places[place]
        query = _query(number, rasters[number], block)
        if query is not None:
            queries.append(query)
    kept = np.unique(np.linspace(0, len(queries) - 1, min(most, len(queries))).round().astype(int)).tolist()
    return [queries[place] for place in kept]


def score_locator(
    model: Any, rasters: Sequence[RasterBases], queries: Sequence[Query], folder: Path, progress: Progress
) -> list[LocatorSaid]:
    """What the locator makes of every query among the bases of all rasters.

    Args:
        model: a LocatorModel.
        folder: for its features; those of a run that was stopped are gone on with.

    Raises:
        StoppedError: asked to stop.
    """
    from mlcore.geolocation.database import FeatureDatabase
    from mlcore.geolocation.locator import Locator

    source = JoinedBases(rasters)
    database = FeatureDatabase.build(source, model, folder, SpanProgress(progress, 0.0, 0.6))
    locator = Locator(model, database, source)
    said = []
    for number, query in enumerate(queries):
        stop_if_asked(progress)
        said.append(_said(locator, source, query))
        progress.report(0.6 + 0.4 * (number + 1) / len(queries), f"{number + 1} of {len(queries)} pictures looked for")
    return said


def compare_locators(
    first: Sequence[LocatorSaid], second: Sequence[LocatorSaid] | None, queries: Sequence[Query]
) -> list[Figure]:
    """Figures of the first locator beside the second, both scored on these queries.

    Raises:
        InvalidInputError: the two were not scored on these queries, or there are none.
    """
    if not queries or any(len(said) != len(queries) for said in (first, second) if said is not None):
        raise InvalidInputError("the locators were not scored on these queries: score them anew")
    names = sorted({(query.source, query.block) for query in queries})
    blocks = np.array([names.index((query.source, query.block)) for query in queries])
    every, tried = np.ones(len(queries), bool), np.array([one.claimed is not None for one in first], bool)
    rows: list[tuple[str, np.ndarray, Metric, Callable[[Sequence[LocatorSaid]], np.ndarray]]] = [
        ("located", every, share_true, lambda said: (_errors(said) <= PLACED_M) & _believed(said)),
        ("first_right", every, share_true, lambda said: _errors(said) <= PLACED_M),
        ("located_close", every, _closeness, _errors),
        ("refused_foreign", tried, share_true, lambda said: np.array([not one.claimed for one in said], bool)),
    ]
    figures = []
    for name, chosen, metric, values in rows:
        ours = Sample(values(first)[chosen], values(first)[chosen], blocks[chosen])
        theirs = None if second is None else Sample(values(second)[chosen], values(second)[chosen], blocks[chosen])
        figures.append(figure_of(name, int(chosen.sum()), metric, ours, theirs, np.arange(len(names)), seed=0))
    return figures if len(names) >= LEAST_BLOCKS else [replace(one, word="too_few") for one in figures]


def _blocks(raster: RasterBases) -> Iterator[TileAddress]:
    """Held-out blocks within a raster's extent."""
    west, south, east, north = extent_mercator(open_sheet(raster.path))
    corners = mercator_to_lonlat(np.array([[west, north], [east, south]]))
    first, last = (tile_at(float(lon), float(lat), BLOCK_ZOOM) for lon, lat in corners)
    for y in range(first.y, last.y + 1):
        for x in range(first.x, last.x + 1):
            block = TileAddress(BLOCK_ZOOM, x, y)
            if is_held_out(block):
                yield block


def _query(number: int, raster: RasterBases, block: TileAddress) -> Query | None:
    """The query of a block; None where the raster doesn't show its ground."""
    rng = np.random.default_rng([block.x, block.y])
    west, south, east, north = block.bounds_mercator
    side_px = 2 * QUERY_PX
    cell = ROOM * (east - west) / side_px
    own = min(abs(base.transform.a) for base in raster if base.transform is not None)
    cell = min(cell, own * math.sqrt(2) * SCALES[1])
    left, top = (west + east - side_px * cell) / 2, (south + north + side_px * cell) / 2
    grid = Affine(cell, 0, left, 0, -cell, top)
    rgb, valid = read_onto(open_sheet(raster.path), grid, side_px, side_px)
    if valid.mean() < LEAST_VALID:
        return None
    turn, scale = rng.uniform(0, 2 * np.pi), math.exp(rng.uniform(*np.log(SCALES)))
    step = max(scale * own / cell, 1e-6)  # pixels of the window per pixel of the query
    step = min(step, side_px / (QUERY_PX * math.sqrt(2)))
    cos, sin = step * math.cos(turn), step * math.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    offset = np.full(2, side_px / 2) - linear @ np.full(2, QUERY_PX / 2)
    to_window = np.vstack([np.column_stack([linear, offset]), [0, 0, 1]])
    picture, seen = warped(rgb, valid, np.linalg.inv(to_window), QUERY_PX)
    corners = through(to_window, _corners(QUERY_PX, QUERY_PX)) * (cell, -cell) + (left, top)
    return Query(number, block, relit(picture, rng), seen, corners)


def _corners(width: int, height: int) -> np.ndarray:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def _said(locator: Locator, source: BaseSource, query: Query) -> LocatorSaid:
    found = locator.locate(query.rgb, query.valid, count=1)
    error = _error_m(found[0].base, found[0].fit.homography, query) if found else None
    outline = Polygon(query.corners)
    apart = {base.name for base in source if not _extent(base).intersects(outline)}
    claimed = None
    if apart:
        claimed = locator.is_here(locator.locate(query.rgb, query.valid, count=1, allowed=apart.__contains__))
    return LocatorSaid(error, locator.is_here(found), claimed)


def _extent(base: Base) -> Polygon:
    return Polygon(base.to_mercator(_corners(base.width, base.height)))


def _error_m(base: Base, homography: np.ndarray, query: Query) -> float | None:
    """Mean distance of a placement's corners to where they lie, in metres on the ground; None beyond the horizon."""
    try:
        placed = base.to_mercator(through(homography, _corners(QUERY_PX, QUERY_PX)))
    except InvalidInputError:
        return None
    middle = Point(query.corners.mean(axis=0))
    _, lat = mercator_to_lonlat(np.array([middle.x, middle.y]))
    apart = np.linalg.norm(placed - query.corners, axis=1).mean()
    return float(apart * math.cos(math.radians(float(lat))))


def _errors(said: Sequence[LocatorSaid]) -> np.ndarray:
    return np.array([math.inf if one.error_m is None else one.error_m for one in said])


def _believed(said: Sequence[LocatorSaid]) -> np.ndarray:
    return np.array([one.believed for one in said], bool)


def _closeness(errors_m: np.ndarray, _: np.ndarray) -> float:
    """AUC of the error up to PLACED_M, 0..1.

    Raises:
        InvalidInputError: no query.
    """
    if not len(errors_m):
        raise InvalidInputError("no query to compare on")
    return auc(errors_m.tolist(), PLACED_M)
