"""Draws the electronic map of a tile: the one renderer, for people and for models."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
import shapely

from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress
from mlcore.maps.features import FeatureKind, MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import moved_from
from mlcore.maps.projection import Bounds, ProjectedShape
from mlcore.maps.style import Colour, MapStyle, RoadClass, load_style

SHIFT = 6
"""Vertices are drawn with 2^-6 px precision."""
MARGIN_M = 20.0
"""Features this far outside the tile may reach into it by their drawn width."""
FAR_PX = 4096
"""Vertices further from the tile than this are cut off before drawing."""
MASK_SCALE = 4
BUILDINGS: tuple[FeatureKind, ...] = ("building",)
Found = list[tuple[MapFeature, ProjectedShape]]


class MapRenderer:
    """Draws tiles in one style; threads may share it."""

    def __init__(self, style: MapStyle | None = None) -> None:
        self.style = style or load_style()
        self._blanks: dict[int, np.ndarray] = {}

    def render(
        self, tile: TileAddress, features: MapIndex, size_px: int = TILE_PX, moved: Transform | None = None
    ) -> np.ndarray:
        """The map of a tile, uint8 (size_px, size_px, 3) RGB.

        Args:
            moved: where the map is brought before it is drawn, in pixels of the tile at 256 px.

        Raises:
            InvalidInputError: `size_px` is not in 1..4096.
        """
        frame = _Frame(tile, size_px, moved)
        canvas = self._blank(size_px).copy()
        found = [(f, s) for f, s in features.shapes(frame.search_bounds) if s.visible]
        frame.load(shape for _, shape in found)
        by_kind: dict[FeatureKind, Found] = {"green": [], "water": [], "road": [], "rail": [], "building": []}
        for feature, shape in found:
            by_kind[feature.kind].append((feature, shape))
        self._draw_ground(canvas, frame, by_kind["green"], by_kind["water"])
        self._draw_roads(canvas, frame, by_kind["road"])
        self._draw_rail(canvas, frame, by_kind["rail"])
        self._draw_buildings(canvas, frame, by_kind["building"])
        return canvas

    def building_mask(
        self, tile: TileAddress, features: MapIndex, size_px: int = TILE_PX, moved: Transform | None = None
    ) -> np.ndarray:
        """Coverage of each pixel by buildings, uint8 (size_px, size_px), 0 none .. 255 whole.

        An outline may reach a quarter of a pixel too far: OpenCV fills every pixel that an edge touches.
        """
        frame = _Frame(tile, size_px * MASK_SCALE, moved, largest=4096 * MASK_SCALE)
        fine = np.zeros((frame.size_px, frame.size_px), np.uint8)
        shapes = [shape for _, shape in features.shapes(frame.search_bounds, BUILDINGS) if shape.visible]
        frame.load(shapes)
        for shape in shapes:
            for contours in frame.polygons(shape):
                cv2.fillPoly(fine, contours, 255, cv2.LINE_8, SHIFT)
        return cv2.resize(fine, (size_px, size_px), interpolation=cv2.INTER_AREA)

    def _blank(self, size_px: int) -> np.ndarray:
        """An empty map, kept for the next tile of this size: copying is ten times faster than colouring."""
        blank = self._blanks.get(size_px)
        if blank is None:
            blank = np.empty((size_px, size_px, 3), np.uint8)
            blank[:] = self.style.background
            self._blanks = {size_px: blank}
        return blank

    def _draw_ground(self, canvas: np.ndarray, frame: _Frame, green: Found, water: Found) -> None:
        style = self.style
        for feature, shape in sorted(green, key=lambda found: -_extent(found[1].bounds)):
            tags = feature.tags
            value = tags.get("leisure") or tags.get("landuse") or tags.get("natural") or ""
            frame.fill(canvas, shape, style.green_by_class.get(value, style.green))
        for feature, shape in water:
            frame.fill(canvas, shape, style.water)
            width = style.water_width_m.get(feature.tags.get("waterway", ""), style.water_width_m["default"])
            frame.stroke(canvas, [shape], style.water, frame.px(width, style.min_px))

    def _draw_roads(self, canvas: np.ndarray, frame: _Frame, roads: Found) -> None:
        style = self.style
        by_class: dict[RoadClass, list[ProjectedShape]] = {}
        for feature, shape in roads:
            frame.fill(canvas, shape, style.road_area)
            by_class.setdefault(self._road_class(feature), []).append(shape)
        ranked = sorted(by_class.items(), key=lambda entry: entry[0].rank)
        for road, shapes in ranked:
            width_px = frame.px(road.width_m + 2 * style.road_casing_m, style.min_px + 2)
            frame.stroke(canvas, shapes, road.casing, width_px)
        for road, shapes in ranked:
            frame.stroke(canvas, shapes, road.fill, frame.px(road.width_m, style.min_px))

    def _draw_rail(self, canvas: np.ndarray, frame: _Frame, rails: Found) -> None:
        style = self.style
        for colour, width in ((style.rail_casing, style.rail_casing_m), (style.rail_fill, style.rail_width_m)):
            frame.stroke(canvas, [shape for _, shape in rails], colour, frame.px(width, style.min_px))

    def _draw_buildings(self, canvas: np.ndarray, frame: _Frame, buildings: Found) -> None:
        style = self.style
        outlines: list[np.ndarray] = []
        for _, shape in buildings:
            for contours in frame.polygons(shape):
                cv2.fillPoly(canvas, contours, style.building_fill, cv2.LINE_AA, SHIFT)
                outlines += contours
        if outlines:
            cv2.polylines(canvas, outlines, True, style.building_outline, style.building_outline_px, cv2.LINE_AA, SHIFT)

    def _road_class(self, feature: MapFeature) -> RoadClass:
        return self.style.roads.get(feature.tags.get("highway", ""), self.style.default_road)


class _Frame:
    """The pixels of one tile at one size, under a map that may have been moved."""

    def __init__(self, tile: TileAddress, size_px: int, moved: Transform | None = None, largest: int = 4096) -> None:
        if not 1 <= size_px <= largest:
            raise InvalidInputError(f"a tile of {size_px} px can't be drawn: ask for 1 to 4096 px")
        west, south, east, north = tile.bounds_lonlat
        self.size_px = size_px
        self.resolution_m = tile.resolution_m(size_px)
        self.scale = size_px * 2**tile.z / WORLD_M
        self.west_m, self.south_m, self.east_m, self.north_m = tile.bounds_mercator
        pad = (MARGIN_M / self.resolution_m) * (east - west) / size_px
        self.moved = None if moved is None else moved.scaled(size_px / TILE_PX)
        bounds: Bounds = (west - pad, south - pad, east + pad, north + pad)
        self.search_bounds = bounds if moved is None else moved_from(tile, bounds, moved)
        self._polygons: dict[int, list[list[np.ndarray]]] = {}
        self._lines: dict[int, list[np.ndarray]] = {}
        far = FAR_PX / self.scale
        self.far: Bounds = (self.west_m - far, self.south_m - far, self.east_m + far, self.north_m + far)

    def px(self, width_m: float, least: int) -> int:
        """A width on the ground in whole pixels."""
        return min(max(least, round(width_m / self.resolution_m)), 255)

    def fixed(self, mercator: np.ndarray, offset_px: float = 0.5) -> np.ndarray:
        """(V, 2) EPSG:3857 -> (V, 2) int32 pixels in units of 2^-SHIFT; OpenCV puts 0 at a pixel's centre."""
        xy = (mercator - (self.west_m, self.north_m)) * (self.scale, -self.scale)
        if self.moved is not None:
            xy = self.moved.apply(xy)
        return np.rint((xy - offset_px) * (1 << SHIFT)).astype(np.int32)

    def near(self, bounds: Bounds) -> bool:
        west, south, east, north = self.far
        return bounds[0] >= west and bounds[1] >= south and bounds[2] <= east and bounds[3] <= north

    def load(self, shapes: Iterable[ProjectedShape]) -> None:
        """Bring all shapes into pixels in one step, which costs far less than one by one."""
        shapes = list(shapes)
        groups: list[tuple[int, bool, int]] = []
        rings: list[np.ndarray] = []
        for shape in shapes:
            near = self.near(shape.bounds)
            for polygon in shape.polygons if near else self._cut_polygons(shape):
                groups.append((id(shape), True, len(polygon)))
                rings += polygon
            for line in shape.lines if near else self._cut_lines(shape):
                groups.append((id(shape), False, 1))
                rings.append(line)
        if not rings:
            return
        fixed = self.fixed(np.concatenate(rings))
        start = number = 0
        for key, closed, count in groups:
            parts = []
            for ring in rings[number : number + count]:
                parts.append(fixed[start : start + len(ring)])
                start += len(ring)
            number += count
            if closed:
                self._polygons.setdefault(key, []).append(parts)
            else:
                self._lines.setdefault(key, []).extend(parts)

    def polygons(self, shape: ProjectedShape) -> list[list[np.ndarray]]:
        """Polygons of a loaded shape as OpenCV contours: outer ring and holes."""
        return self._polygons.get(id(shape), [])

    def _cut_polygons(self, shape: ProjectedShape) -> Iterable[list[np.ndarray]]:
        for rings in shape.polygons:
            yield from self._cut(rings)

    def _cut_lines(self, shape: ProjectedShape) -> Iterable[np.ndarray]:
        if shape.lines:
            kept = shapely.clip_by_rect(shapely.MultiLineString(shape.lines), *self.far)
            yield from (shapely.get_coordinates(part) for part in shapely.get_parts(kept) if not part.is_empty)

    def _cut(self, rings: tuple[np.ndarray, ...]) -> Iterable[list[np.ndarray]]:
        kept = shapely.clip_by_rect(shapely.Polygon(rings[0], rings[1:]), *self.far)
        for part in shapely.get_parts(shapely.get_parts(kept)):
            if isinstance(part, shapely.Polygon) and not part.is_empty:
                yield [shapely.get_coordinates(ring)[:-1] for ring in (part.exterior, *part.interiors)]

    def fill(self, canvas: np.ndarray, shape: ProjectedShape, colour: Colour) -> None:
        """Fill polygons by the even-odd rule, so that holes stay open."""
        for contours in self.polygons(shape):
            cv2.fillPoly(canvas, contours, colour, cv2.LINE_AA, SHIFT)

    def stroke(self, canvas: np.ndarray, shapes: Iterable[ProjectedShape], colour: Colour, width_px: int) -> None:
        """Draw lines `width_px` wide."""
        lines = [line for shape in shapes for line in self._lines.get(id(shape), ())]
        if lines:
            cv2.polylines(canvas, lines, False, colour, width_px, cv2.LINE_AA, SHIFT)


def _extent(bounds: Bounds) -> float:
    return math.fabs((bounds[2] - bounds[0]) * (bounds[3] - bounds[1]))
