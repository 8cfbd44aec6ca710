"""Changes on a map however many there are: each of them where they are few, else every one counted in a cell."""

from __future__ import annotations

import hashlib
import io
import logging
import time
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from django.contrib.gis.geos import GEOSGeometry
from django.core.cache import cache
from django.db.models import Count
from django.db.models.expressions import RawSQL
from redis.exceptions import RedisError

from annotation.changes.engine_cells import Cell, cells_of, in_view
from annotation.changes.facets import Wanted
from annotation.changes.selectors import items_that_fit, marks_on_map
from annotation.sources.models import Region
from annotation.tiles.models import TilePair

MANY, KEPT_SECONDS = 20_000, 60
"""Numbers of more changes than this take their time, and are kept for a while; of fewer they are counted each time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """What a view shows of the wanted changes: marks of all, or cells that count all.

    Attributes:
        total: so many marks; of cells all changes on the tiles that the view meets.
    """

    marks: list[dict[str, Any]]
    cells: list[Cell]
    total: int


def shown_on_map(region: Region, wanted: Wanted, view_zoom: int, most: int) -> Shown:
    """The changes in `wanted.view` on a map of this zoom: no more than `most` as marks, else counted in cells."""
    zoom = region.zoom
    if zoom is None:  # without tiles nothing was looked for
        return Shown([], [], 0)
    view = wanted.view.extent if wanted.view is not None else None
    counts = in_view(_numbers(region, replace(wanted, view=None)), zoom, view)
    total = int(counts[:, 2].sum())
    if total <= most:
        marks, cut = marks_on_map(region, wanted, most)
        if not cut:
            return Shown(marks, [], len(marks))
    return Shown([], cells_of(counts, zoom, view_zoom), total)


def _numbers(region: Region, wanted: Wanted) -> np.ndarray:
    """(N, 3) x, y and number of the wanted changes of every pair that has any; of many as they were lately."""
    key = _key(region, wanted)
    try:
        kept = cache.get(key)
        if kept is not None:
            return np.load(io.BytesIO(kept), allow_pickle=False)
    except RedisError:
        logger.warning("changes are counted without a cache: redis does not answer")
    started = time.perf_counter()
    counts = _counted(region, wanted)
    if counts[:, 2].sum() > MANY:
        _keep(key, counts, time.perf_counter() - started)
    return counts


def _counted(region: Region, wanted: Wanted) -> np.ndarray:
    """By pair first, of which there are few, and only then by tile."""
    rows = items_that_fit(region, wanted).order_by().values_list("change__pair").annotate(Count("pk"))
    numbers = dict(rows)
    known = RawSQL("SELECT unnest(%s::bigint[])", [list(numbers)])  # one parameter, not thousands
    pairs = TilePair.objects.filter(pk__in=known).values_list("tile__x", "tile__y", "pk")
    return np.array([(x, y, numbers[pk]) for x, y, pk in pairs], np.int64).reshape(-1, 3)


def _keep(key: str, counts: np.ndarray, took: float) -> None:
    """For a minute, or for so long that counting takes a thirtieth of the time."""
    file = io.BytesIO()
    np.save(file, counts, allow_pickle=False)
    try:
        cache.set(key, file.getvalue(), max(KEPT_SECONDS, int(30 * took)))
    except RedisError:
        logger.warning("numbers of changes are not kept: redis does not answer")


def _key(region: Region, wanted: Wanted) -> str:
    said = [(one.name, getattr(wanted, one.name)) for one in fields(wanted) if one.name not in {"ordering", "view"}]
    text = repr([(name, value.hex if isinstance(value, GEOSGeometry) else value) for name, value in said])
    return f"changes-on-map/{region.pk}/{hashlib.sha256(text.encode()).hexdigest()}"
