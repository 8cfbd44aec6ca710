"""Features of a large map, kept in a temporary file and found by place; memory holds a few bytes of each."""

from __future__ import annotations

import os
import tempfile
import threading
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import numpy as np
import shapely

from mlcore.errors import InvalidInputError
from mlcore.maps.features import MapFeature, feature_from_json, feature_to_json
from mlcore.maps.projection import Bounds, ProjectedShape, project_shape

PAGE = 64
"""So many neighbouring features are read and forgotten together."""
PAGES_KEPT = 512
COMPRESSION = 1  # twice as small as plain text, in a third of the time of the default


class Page:
    """Features that lie near one another, by their positions in the map; shapes are projected once, on demand."""

    def __init__(self, features: dict[int, MapFeature]) -> None:
        self.features = features
        self.shapes: dict[int, ProjectedShape] = {}


class StoredFeatures:
    """An immutable run of features: their records in an unnamed file, 48 bytes of each in memory.

    Features are sorted into pages by place (sort-tile-recursive packing, Leutenegger et al. 1997); a tree over the
    pages' boxes finds those near a place, and the pages used last stay decoded.

    Args:
        features: read once, one after the other; those without geometry are left out.
        pages_kept: decoded pages that stay in memory.

    Raises:
        InvalidInputError: the temporary folder has no room.
    """

    def __init__(self, features: Iterable[MapFeature], pages_kept: int = PAGES_KEPT) -> None:
        self._file = tempfile.TemporaryFile(prefix="mapwright-map-")  # noqa: SIM115 (it lives as long as the map)
        self._pages_kept, self._pages, self._lock = pages_kept, OrderedDict[int, Page](), threading.Lock()
        starts, bounds = array("Q", [0]), array("d")
        try:
            for feature in features:
                if feature.geometry.is_empty:
                    continue
                record = zlib.compress(feature_to_json(feature).encode(), COMPRESSION)
                self._file.write(record)
                starts.append(starts[-1] + len(record))
                bounds.extend(feature.geometry.bounds)
            self._file.flush()
        except OSError as error:
            raise InvalidInputError(
                f"no room for the map in {tempfile.gettempdir()} ({error}): free some space, or set TMPDIR"
            ) from error
        self._starts, self._bounds = np.asarray(starts), np.asarray(bounds).reshape(-1, 4)
        self._order = packed(self._bounds)
        self._page_of = np.empty(len(self._order), np.int32)
        self._page_of[self._order] = np.arange(len(self._order), dtype=np.int32) // PAGE
        self._tree = shapely.STRtree(_page_boxes(self._bounds, self._order))

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[MapFeature]:
        """Every feature in the map's order, none of them kept."""
        return (self._read(position) for position in range(len(self)))

    def positions(self, bounds: Bounds) -> list[int]:
        """Positions of features whose geometry meets the box, in the map's order."""
        box = shapely.box(*bounds)
        west, south, east, north = bounds
        found: list[int] = []
        for page in self._tree.query(box):
            members = self._order[int(page) * PAGE : (int(page) + 1) * PAGE]
            boxes = self._bounds[members]
            near = members[
                (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
            ]
            if len(near):
                features = self._page(int(page)).features
                met = shapely.intersects(box, [features[int(position)].geometry for position in near])
                found += near[met].tolist()
        return sorted(found)

    def feature(self, position: int) -> MapFeature:
        return self._page(int(self._page_of[position])).features[position]

    def shape(self, position: int) -> ProjectedShape:
        page = self._page(int(self._page_of[position]))
        shape = page.shapes.get(position)
        if shape is None:
            shape = page.shapes[position] = project_shape(page.features[position])
        return shape

    def _page(self, number: int) -> Page:
        with self._lock:
            page = self._pages.get(number)
            if page is None:
                members = self._order[number * PAGE : (number + 1) * PAGE].tolist()
                page = self._pages[number] = Page({position: self._read(position) for position in members})
                if len(self._pages) > self._pages_kept:
                    self._pages.popitem(last=False)
            else:
                self._pages.move_to_end(number)
            return page

    def _read(self, position: int) -> MapFeature:
        start, end = int(self._starts[position]), int(self._starts[position + 1])
        return feature_from_json(zlib.decompress(os.pread(self._file.fileno(), end - start, start)).decode())


def packed(bounds: np.ndarray) -> np.ndarray:
    """Positions in an order in which every PAGE of them lie near one another: strips of longitude, each by latitude.

    Args:
        bounds: (N, 4) west, south, east, north.

    Returns:
        (N,) int32.
    """
    middle_x, middle_y = bounds[:, 0] + bounds[:, 2], bounds[:, 1] + bounds[:, 3]
    strip = max(PAGE, PAGE * int(np.ceil(np.sqrt(len(bounds) / PAGE))))
    rank = np.empty(len(bounds), np.int32)
    rank[np.argsort(middle_x, kind="stable")] = np.arange(len(bounds), dtype=np.int32)
    return np.lexsort((middle_y, rank // strip)).astype(np.int32)


def _page_boxes(bounds: np.ndarray, order: np.ndarray) -> np.ndarray:
    starts = np.arange(0, len(order), PAGE)
    ordered = bounds[order]
    low, high = np.minimum.reduceat(ordered, starts), np.maximum.reduceat(ordered, starts)
    return np.asarray(shapely.box(low[:, 0], low[:, 1], high[:, 2], high[:, 3]))
