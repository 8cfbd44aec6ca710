"""Where the ways of a file run, all of them at once."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.maps.cleaning import on_the_grid
from mlcore.maps.osm_found import OsmScan, RawElement
from mlcore.maps.osm_nodes import joined


class Courses:
    """The rows of the node table that every way passes, and the shapes of ways with which nothing is wrong.

    Attributes:
        areas: way id -> polygon in degrees, of closed ways whose nodes are all there and whose outline is sound.
        lines: way id -> line in degrees, of all other ways whose nodes are all there.
    """

    def __init__(self, scan: OsmScan, max_vertices: int) -> None:
        self._scan = scan
        ways = list(scan.ways.values())
        lengths = np.array([len(way.refs) for way in ways], np.int64)
        self._rows = scan.nodes.positions(joined([way.refs for way in ways]))
        ends = np.cumsum(lengths)
        self._ends = dict(zip(scan.ways, zip((ends - lengths).tolist(), ends.tolist(), strict=True), strict=True))
        of_way = np.repeat(np.arange(len(ways)), lengths)
        missing = np.bincount(of_way[self._rows < 0], minlength=len(ways))
        whole = np.flatnonzero((missing == 0) & (lengths > 1) & (lengths <= max_vertices))
        closed = np.zeros(len(ways), np.bool_)
        if len(whole):
            first, last = self._rows[ends[whole] - lengths[whole]], self._rows[ends[whole] - 1]
            closed[whole] = (scan.nodes.lonlat[first] == scan.nodes.lonlat[last]).all(axis=1) & (lengths[whole] > 3)
        ids = np.fromiter(scan.ways, np.int64, len(ways))
        self.areas = self._shapes(ids, of_way, whole[closed[whole]], areas=True)
        self.lines = self._shapes(ids, of_way, whole, areas=False)

    def rows(self, way: RawElement) -> list[int]:
        """The rows of the way's nodes in the table, in its order; those that are not in the file are left out."""
        start, end = self._ends[way.id]
        rows = self._rows[start:end]
        return rows[rows >= 0].tolist()

    def known(self, way: RawElement) -> np.ndarray:
        """(V, 2) degrees of the way's nodes that are in the file."""
        start, end = self._ends[way.id]
        rows = self._rows[start:end]
        return self._scan.nodes.lonlat[rows[rows >= 0]]

    def _shapes(
        self, ids: np.ndarray, of_way: np.ndarray, picked: np.ndarray, *, areas: bool
    ) -> dict[int, BaseGeometry]:
        """Polygons or lines of the picked ways, those that are sound and can be drawn."""
        if not len(picked):
            return {}
        place = np.full(len(ids), -1, np.int64)
        place[picked] = np.arange(len(picked))
        mine = place[of_way] >= 0
        lonlat, index = self._scan.nodes.lonlat[self._rows[mine]], place[of_way[mine]]
        if areas:
            shapes = shapely.polygons(shapely.linearrings(lonlat, indices=index))
            sound = shapely.is_valid(shapes) & (shapely.area(shapes) > 0)
        else:
            shapes = shapely.linestrings(lonlat, indices=index)
            sound = np.ones(len(shapes), np.bool_)
        sound &= on_the_grid(shapely.bounds(shapes))
        return dict(zip(ids[picked[sound]].tolist(), shapes[sound].tolist(), strict=True))
