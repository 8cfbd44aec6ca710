"""What image and map say about every footprint: numbers, no decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
import shapely.affinity
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.changes.boxes import box_px, largest_box
from mlcore.changes.figures import columns
from mlcore.changes.instances import compactness, split_buildings
from mlcore.changes.kernels import disc, radius_px, square
from mlcore.changes.moves import MapMoves
from mlcore.changes.polygons import iou, mask_polygon, regularise
from mlcore.changes.untraced import (
    FOOTPRINT_FIGURES,
    GAIN,
    IOU,
    MOVED,
    DrawnFootprint,
    UntracedFootprint,
    may_differ,
)
from mlcore.changes.verdicts import VerdictsOf
from mlcore.evidence.picture import EvidenceWindow
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.labels import draw_ids

REACH_M = 8.0  # a footprint is looked for this far from where it is drawn
RING_M = 0.8
ABOUT_M = REACH_M + 2 * RING_M  # what stands so far from a footprint may count for it
RIM_M = 0.26  # along the walls of a footprint, inside and out
SLACK_M = 0.6  # wall displacement that misregistration and blur explain
LEAST_M2 = 8.0
LEAST_SEEN = 0.9  # share of a footprint that must lie on the image
OCCUPIED = -0.6  # ground under another footprint is a bad place for a building


@dataclass(frozen=True)
class FootprintMeasure:
    """One footprint of the map against the image.

    Attributes:
        proposal: what its shape should be according to the image, in degrees.
        current: its shape, in degrees.
        figures: (len(FOOTPRINT_FIGURES),) float64.
        moved: the proposal is the same shape elsewhere.
    """

    feature: MapFeature
    tile: TileAddress
    proposal: Polygon
    current: BaseGeometry
    figures: np.ndarray
    moved: bool

    def figure(self, name: str) -> float:
        return float(self.figures[FOOTPRINT_FIGURES.index(name)])


class WindowMeasurer:
    """Measures everything whose centre lies in the core of one evidence window."""

    def __init__(self, window: EvidenceWindow, features: Sequence[MapFeature], moves: MapMoves) -> None:
        self.window, self.moves = window, moves
        self.resolution_m = window.resolution_m
        self.height, self.width = window.building.shape
        self.shapes: list[DrawnFootprint] = []
        self.count = np.zeros((self.height, self.width), np.uint8)
        self.owner = np.zeros((self.height, self.width), np.int32)
        mapped = window.shapes_xy([feature.geometry for feature in features])
        drawn = ~shapely.is_empty(mapped)
        features, mapped = [one for one, seen in zip(features, drawn, strict=True) if seen], mapped[drawn]
        centres = shapely.get_coordinates(shapely.centroid(mapped))
        moved = moves.all_moved(mapped, centres, window)
        for feature, shape, centre in zip(features, moved, centres, strict=True):
            self.shapes.append(DrawnFootprint(feature, shape, centre))
            self._draw(shape, len(self.shapes))
        self.instances = split_buildings(window.building, window.outline, self.resolution_m)
        self.trust = np.where(window.valid, 2 * window.building - 1, 0).astype(np.float32)

    def _draw(self, shape: BaseGeometry, number: int) -> None:
        left, top = (max(0, int(v) - 2) for v in shape.bounds[:2])
        place = np.s_[top : max(top, int(shape.bounds[3]) + 3), left : max(left, int(shape.bounds[2]) + 3)]
        height, width = self.count[place].shape
        if height and width:
            drawn = draw_ids([(1, shape)], height, width, (left, top)) > 0
            self.count[place] += drawn
            self.owner[place][drawn] = number

    def core(self, values: np.ndarray) -> np.ndarray:
        """The core of (H, W) values of the window."""
        margin = self.window.margin_px
        return values[margin : self.height - margin, margin : self.width - margin]

    def into_core(self, xy: np.ndarray) -> np.ndarray:
        """The place (x, y) of the core that is nearest to a place of the window."""
        margin = self.window.margin_px
        return np.clip(xy, margin, np.array([self.width, self.height]) - margin - 1e-6)

    def _in_core(self, one: DrawnFootprint) -> bool:
        return bool((one.centre == self.into_core(one.centre)).all())

    def _within(self, shape: BaseGeometry) -> bool:
        """Whether the window holds all of a shape."""
        left, top, right, bottom = shape.bounds
        return left >= 0 and top >= 0 and right <= self.width and bottom <= self.height

    @property
    def cut(self) -> bool:
        """Whether a footprint of the core reaches beyond the window."""
        return any(not self._within(one.shape) and self._in_core(one) for one in self.shapes)

    def largest_difference(self, tile: TileAddress) -> float:
        """On a small square of one tile of the window's core, 0..1."""
        left = self.window.margin_px + (tile.x - self.window.tile.x) * TILE_PX
        top = self.window.margin_px + (tile.y - self.window.tile.y) * TILE_PX
        place = np.s_[top : top + TILE_PX, left : left + TILE_PX]
        side = box_px(self.resolution_m)
        return largest_box(self.window.building[place], self.count[place] > 0, self.window.valid[place], side)

    def footprints(
        self, near: Sequence[BaseGeometry] | None = None, verdicts_of: VerdictsOf | None = None, least: float = 0.0
    ) -> list[FootprintMeasure]:
        """Every footprint of the core that the image shows.

        Args:
            near: in degrees; only footprints that may stand where one of these is, wherever they are moved to.
            verdicts_of: of a tile: what none of these could call changed with a confidence of `least` is left out.
        """
        untraced = self.untraced(near)
        if verdicts_of is not None:
            untraced = may_differ(untraced, verdicts_of, least)
        return [self._traced(one) for one in untraced]

    def untraced(self, near: Sequence[BaseGeometry] | None = None) -> list[UntracedFootprint]:
        """The same before any is traced, as `footprints` takes `near`."""
        shapes = [one for one in self.shapes if self._in_core(one)]
        if near is not None and shapes:
            tree = shapely.STRtree([shapely.box(*padded(one.bounds, ABOUT_M)) for one in near])
            boxes = [shapely.box(*one.feature.geometry.bounds) for one in shapes]
            shapes = [shapes[number] for number in np.unique(tree.query(boxes)[0])]
        return [seen for one in shapes if (seen := self._footprint(one)) is not None]

    def _traced(self, one: UntracedFootprint) -> FootprintMeasure:
        """With the shape that the image shows."""
        (left, top), shape, figures = one.corner, one.drawn.shape, one.figures.copy()
        if one.moved_px is not None:
            moved = shapely.affinity.translate(shape, *one.moved_px)
            proposal = max(getattr(moved, "geoms", [moved]), key=lambda part: part.area)
        else:
            traced = regularise(mask_polygon(one.seen), self.resolution_m)
            proposal = shapely.affinity.translate(traced, left, top) if not traced.is_empty else None
        plain = shape if isinstance(shape, Polygon) else shape.convex_hull
        seen_whole = self._within(shape)  # what the window cuts would be traced as ending there
        drawable = proposal is not None and proposal.is_valid and seen_whole
        if proposal is None or not drawable or proposal.area * self.resolution_m**2 < LEAST_M2:
            proposal, figures[GAIN], figures[MOVED] = plain, 0.0, 0.0
        figures[IOU] = iou(proposal, plain)
        feature, outline = one.drawn.feature, self.lonlat(proposal, one.drawn.centre)
        return FootprintMeasure(feature, one.tile, outline, feature.geometry, figures, bool(figures[MOVED]))

    def _footprint(self, one: DrawnFootprint) -> UntracedFootprint | None:
        shape = one.shape
        reach = round(REACH_M / self.resolution_m)
        left, top = (int(v) - reach - 4 for v in shape.bounds[:2])
        right, bottom = (int(v) + reach + 5 for v in shape.bounds[2:])
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        own = draw_ids([(1, shape)], bottom - top, right - left, (left, top)) > 0
        place = np.s_[top:bottom, left:right]
        valid = self.window.valid[place]
        pixels = int(own.sum())
        if pixels < 4 or (own & valid).sum() < LEAST_SEEN * pixels:
            return None
        others = self.count[place] > own
        evidence, outline = self.window.building[place], self.window.outline[place]
        trust = np.where(others, OCCUPIED, self.trust[place]).astype(np.float32)
        free = np.where(others, 0, self.trust[place]).astype(np.float32)
        dx, dy, gain, score, near = self._best_place(own, trust, free, evidence, reach)
        moved = _rolled(own, dx, dy)
        grown = self._grown(own, others, evidence, valid)
        instance = self._instance(own, others, place)
        gains = [2 * float(trust[option].sum() - trust[own].sum()) for option in (moved, grown, instance)]
        # what the image shows is often several buildings in one: a compact shape is the likelier building
        worth = [max(g, 0.0) * compactness(m) ** 2 for g, m in zip(gains[1:], (grown, instance), strict=True)]
        traced_gain, chosen = (gains[1], grown) if worth[0] >= worth[1] else (gains[2], instance)
        is_moved = gains[0] >= 0.6 * traced_gain and gains[0] > 0 and (abs(dx) + abs(dy)) * self.resolution_m >= 2.0
        modify_gain = gains[0] if is_moved else traced_gain
        rim = square(RIM_M, self.resolution_m)
        eroded = cv2.erode(own.astype(np.uint8), rim) > 0
        core = eroded if eroded.any() else own
        edge = own & ~core
        area_m2 = pixels * self.resolution_m**2
        figures = columns(
            FOOTPRINT_FIGURES,
            mean=evidence[core].mean(),
            best_near=near,
            low_share=(evidence[core] < 0.35).mean(),
            log_area=np.log(area_m2),
            overlap=(own & others).sum() / pixels,
            outline=cv2.dilate(outline, rim)[edge].mean() if edge.any() else 0.0,
            shift_m=np.hypot(dx, dy) * self.resolution_m,
            shift_gain=gain,
            shifted_mean=score,
            remove_gain=-2 * trust[own].sum() / pixels,
            modify_gain=modify_gain / pixels,
            iou_with_map=0.0,
            grown=(grown & ~own).sum() / pixels,
            lost=(own & ~grown).sum() / pixels,
            instance_grown=(instance & ~own).sum() / pixels,
            instance_lost=(own & ~instance).sum() / pixels,
            moved=float(is_moved),
        )
        moved_px = (dx, dy) if is_moved else None
        return UntracedFootprint(one, self.window.tile_of(one.centre), (left, top), own, chosen, moved_px, figures)

    def _instance(self, own: np.ndarray, others: np.ndarray, place: tuple[slice, slice]) -> np.ndarray:
        """The one building of the image, as its outlines separate it, that covers most of the footprint."""
        numbers = np.where(others, 0, self.instances[place])
        inside = numbers[own & (numbers > 0)]
        if not inside.size:
            return np.zeros_like(own)
        return numbers == np.bincount(inside).argmax()

    def _best_place(
        self, own: np.ndarray, trust: np.ndarray, free: np.ndarray, evidence: np.ndarray, reach: int
    ) -> tuple[int, int, float, float, float]:
        """Where the footprint fits best: (dx, dy, gain over here, score there, best mean evidence within SLACK_M)."""
        kernel = disc(RING_M, self.resolution_m)
        rows, columns = np.where(own)
        top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        pad = radius_px(RING_M, self.resolution_m)
        shape = np.pad(own[top:bottom, left:right], pad).astype(np.uint8)
        ring = cv2.dilate(shape, kernel) - shape
        frame = reach + pad
        wide = [
            cv2.copyMakeBorder(field, frame, frame, frame, frame, cv2.BORDER_CONSTANT, value=fill)
            for field, fill in ((trust, -1.0), (free, 0.0))
        ]
        around = np.s_[top : bottom + 2 * frame, left : right + 2 * frame]
        inside = cv2.matchTemplate(wide[0][around], shape.astype(np.float32), cv2.TM_CCORR)
        outside = cv2.matchTemplate(wide[1][around], ring.astype(np.float32), cv2.TM_CCORR)
        score = inside / shape.sum() - outside / max(int(ring.sum()), 1) * 0.5
        y, x = np.unravel_index(int(score.argmax()), score.shape)
        middle = reach
        slack = radius_px(SLACK_M, self.resolution_m)
        near = inside[middle - slack : middle + slack + 1, middle - slack : middle + slack + 1].max() / shape.sum()
        dx, dy = int(x) - middle, int(y) - middle
        if np.hypot(dx, dy) * self.resolution_m > REACH_M:
            dx = dy = 0
        gain = float(score[middle + dy, middle + dx] - score[middle, middle])
        return dx, dy, gain, float(score[middle + dy, middle + dx]), float((near + 1) / 2)

    def _grown(self, own: np.ndarray, others: np.ndarray, evidence: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """The building that the image shows where the footprint is drawn, kept off other footprints."""
        kernel = disc(SLACK_M, self.resolution_m)
        seen = ((evidence > 0.5) & ~others & valid).astype(np.uint8)
        seen = cv2.morphologyEx(seen, cv2.MORPH_OPEN, kernel) > 0
        joined = cv2.morphologyEx((seen | (own & (evidence > 0.5))).astype(np.uint8), cv2.MORPH_OPEN, kernel)
        count, parts = cv2.connectedComponents(joined, connectivity=4)
        if count < 2 or not parts[own].any():
            return own & (evidence > 0.5)
        best = np.bincount(parts[own & (parts > 0)]).argmax()
        return parts == best

    def lonlat(self, polygon_xy: Polygon, place: np.ndarray) -> Polygon:
        """Back to the map's frame: what was moved is moved back, so that neighbours keep fitting.

        Args:
            place: (x, y) on the tile whose move is taken out again.
        """
        return self.window.lonlat(self.moves.back(polygon_xy, place, self.window))


def _rolled(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """The mask moved by whole pixels; what leaves the window is cut off."""
    moved = np.zeros_like(mask)
    height, width = mask.shape
    rows, columns = np.where(mask)
    rows, columns = rows + dy, columns + dx
    keep = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    moved[rows[keep], columns[keep]] = True
    return moved
