"""What the image shows outside every footprint: buildings that the map lacks, and parts of mapped ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely
import shapely.affinity
from scipy import ndimage
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.changes.extensions import extended, restored
from mlcore.changes.figures import columns
from mlcore.changes.instances import several_parts
from mlcore.changes.kernels import disc, square
from mlcore.changes.measure import LEAST_M2, RIM_M, SLACK_M, FootprintMeasure, WindowMeasurer
from mlcore.changes.polygons import iou, mask_polygon, regularise
from mlcore.changes.unjoined import ALONE, GROUND_FIGURES, Asked, Leaning
from mlcore.changes.untraced import SURE
from mlcore.changes.verdicts import VerdictsOf
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.labels import draw_ids, polygons_of

SEAM_M = 1.0  # a part of a mapped building lies this close to it
PAD_M = 1.6  # looked at about a thing
SAME_DEGREES = 1e-9  # what a corner is moved by on its way to pixels and back
SAME_PART = 0.5  # of a part, covered by another shape


@dataclass(frozen=True)
class AdjacentFootprint:
    """The mapped building that something on bare ground may be a part of.

    Attributes:
        extended: its shape with what stands beside it as one building, in degrees; extended_m2: its area.
    """

    feature: MapFeature
    extended: Polygon
    extended_m2: float

    @property
    def current(self) -> BaseGeometry:
        """Its shape on the map, in degrees."""
        return self.feature.geometry

    @property
    def part(self) -> BaseGeometry:
        """What the extended shape has more, in degrees; without the slivers along walls that are the same."""
        more = self.extended.difference(shapely.make_valid(self.current))
        return max(polygons_of(more), key=lambda one: one.area, default=self.extended)


@dataclass(frozen=True)
class GroundMeasure:
    """Something built on ground that the map leaves bare.

    Attributes:
        proposal: its shape, in degrees.
        figures: (len(GROUND_FIGURES),) float64.
        adjacent: None where it touches no footprint.
    """

    tile: TileAddress
    proposal: Polygon
    figures: np.ndarray
    area_m2: float
    adjacent: AdjacentFootprint | None = None

    def figure(self, name: str) -> float:
        return float(self.figures[GROUND_FIGURES.index(name)])

    def reaches(self, ground: BaseGeometry) -> bool:
        """Whether it, as a building or as a part of one, reaches into some ground, in degrees."""
        as_part = self.adjacent is not None and self.adjacent.part.intersects(ground)
        return bool(self.proposal.intersects(ground)) or as_part

    def leads_to(self, shape: BaseGeometry) -> bool:
        """Whether a shape of the adjacent footprint covers this as well, which the map's shape does not."""
        if self.adjacent is None or not shape.intersects(self.proposal):
            return False
        more = shape.difference(self.adjacent.current)
        return more.intersection(self.proposal).area > SAME_PART * self.proposal.area


class GroundMeasurer:
    """Measures what stands outside the footprints of a window, where its centre lies in the window's core."""

    def __init__(self, measurer: WindowMeasurer, slack_px: float = 0.0) -> None:
        """Args: slack_px: what lies so far outside the core is measured as well, as if it lay on its border."""
        self.map, self.slack_px = measurer, slack_px
        self.resolution_m = measurer.resolution_m
        self.seam = disc(SEAM_M, self.resolution_m)
        self.pad = max(round(PAD_M / self.resolution_m), self.seam.shape[0] // 2 + 1)
        self.whole = self._whole()

    def _whole(self) -> np.ndarray:
        """(H, W) int32: connected ground that is built on and that the map leaves bare; 0 = none."""
        window = self.map.window
        covered = cv2.dilate((self.map.count > 0).astype(np.uint8), square(RIM_M, self.resolution_m)) > 0
        bare = ((window.building > 0.5) & ~covered & window.valid).astype(np.uint8)
        opened = cv2.morphologyEx(bare, cv2.MORPH_OPEN, disc(SLACK_M, self.resolution_m))
        return np.asarray(cv2.connectedComponents(opened, connectivity=4)[1])

    @property
    def cut(self) -> bool:
        """Whether something of the core reaches beyond the window."""
        rim = [self.whole[0], self.whole[-1], self.whole[:, 0], self.whole[:, -1]]
        outside = np.unique(np.concatenate(rim))
        return bool(np.isin(outside[outside > 0], self.map.core(self.whole)).any())

    def measures(
        self,
        tiles: Collection[TileAddress] | None = None,
        within: BaseGeometry | None = None,
        verdicts_of: VerdictsOf | None = None,
        least: float = 0.0,
    ) -> list[GroundMeasure]:
        """Whole regions of bare ground with evidence, and their parts where outlines separate several.

        Args:
            tiles: what has its centre on one of these alone.
            within: what reaches into this ground alone, in degrees.
            verdicts_of: of a tile: what none of these could call missing with a confidence of `least` is left out.
        """
        reach = None if within is None else self._reach(within, tiles or ())
        asked = Asked(tiles, verdicts_of, SURE * least)
        whole = self.whole
        parts = np.where(whole > 0, self.map.instances, 0).astype(np.int32)
        several = several_parts(whole, parts)
        found = []
        for labels in (whole, np.where(several[whole], parts, 0)):
            for number, box in enumerate(ndimage.find_objects(labels), start=1):
                if box is not None and (reach is None or _meets(box, reach)):
                    found.append(self._region(labels[box] == number, box, asked))
        return [one for one in found if one is not None and (within is None or one.reaches(within))]

    def _reach(self, within: BaseGeometry, tiles: Collection[TileAddress]) -> tuple[float, float, float, float]:
        """Bounds in pixels of the window of whatever may reach into some ground of the map, wherever that is moved."""
        left, top, right, bottom = shapely.bounds(self.map.window.shapes_xy([within])[0])
        far = self.map.moves.reach_px(list(tiles)) + self.pad
        return left - far, top - far, right + far, bottom + far

    def _region(self, part: np.ndarray, box: tuple[slice, slice], asked: Asked) -> GroundMeasure | None:
        top, left = box[0].start, box[1].start
        rows, columns = np.where(part)
        centre = np.array([left + columns.mean(), top + rows.mean()])
        core = self.map.into_core(centre)
        if np.abs(centre - core).max() > self.slack_px or len(rows) * self.resolution_m**2 < LEAST_M2:
            return None
        if asked.tiles is not None and self.map.window.tile_of(core) not in asked.tiles:
            return None
        return self._ground(part, (left, top, part.shape[1], part.shape[0]), core, asked)

    def _ground(
        self, part: np.ndarray, box: tuple[int, int, int, int], centre: np.ndarray, asked: Asked
    ) -> GroundMeasure | None:
        window = self.map.window
        left, top = max(0, box[0] - self.pad), max(0, box[1] - self.pad)
        place = np.s_[top : box[1] + box[3] + self.pad, left : box[0] + box[2] + self.pad]
        own = np.zeros(self.map.count[place].shape, np.uint8)
        own[box[1] - top : box[1] - top + box[3], box[0] - left : box[0] - left + box[2]] = part
        # what was kept off neighbouring footprints is given back
        rim = square(RIM_M, self.resolution_m)
        wide = cv2.dilate(own, rim) * (self.map.count[place] == 0).astype(np.uint8)
        withheld = (wide > 0) & (cv2.dilate((self.map.count[place] > 0).astype(np.uint8), rim) > 0)
        traced = mask_polygon((own > 0) | withheld)
        own = wide
        evidence = window.building[place]
        polygon = regularise(traced, self.resolution_m)
        if polygon.is_empty or not polygon.is_valid:
            return None
        ring = cv2.dilate(own, square(2 * RIM_M, self.resolution_m)) - own > 0
        width_m = 2 * cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 3).max() * self.resolution_m
        area_m2 = polygon.area * self.resolution_m**2
        mapped = self.map.count[place] > 0
        rectangle = polygon.minimum_rotated_rectangle.area
        drawn = draw_ids([(1, polygon)], *own.shape) > 0
        whole = shapely.affinity.translate(polygon, left, top)
        free = ring & ~mapped
        figures = {
            "mean": evidence[own > 0].mean(),
            "high_share": (evidence[own > 0] > 0.8).mean(),
            "log_area": np.log(max(area_m2, 1.0)),
            "width_m": width_m,
            "solidity": polygon.area / rectangle if rectangle else 0.0,
            "touching": (ring & mapped).sum() / max(ring.sum(), 1),
            "outline": cv2.dilate(window.outline[place], rim)[ring].mean(),
            "contrast": evidence[own > 0].mean() - (evidence[free].mean() if free.any() else 0.5),
            "covered": (drawn & mapped).sum() / max(drawn.sum(), 1),
            "claimed": 0.0,
        }
        tile, leaning = window.tile_of(centre), self._leaning(own > 0, place, polygon)
        if not asked.may_be_missing(tile, figures, leaning):
            return None
        adjacent, beside = None, ALONE
        if leaning is not None:
            adjacent, beside = self._adjacent(leaning, shapely.affinity.translate(traced, left, top))
        measured = columns(GROUND_FIGURES, **figures, **beside)
        return GroundMeasure(tile, self.map.lonlat(whole, centre), measured, area_m2, adjacent)

    def _leaning(self, own: np.ndarray, place: tuple[slice, slice], polygon: Polygon) -> Leaning | None:
        """The footprint along most of the border; None where there is none that could have parts.

        A footprint of several polygons has no parts that could be told from buildings of their own.

        Args:
            polygon: what stands there, with right angles, in pixels.
        """
        near, owners = self._about(own), self.map.owner[place]
        beside = owners[near & (owners > 0)]
        number = int(np.bincount(beside).argmax()) if beside.size else 0
        drawn = self.map.shapes[number - 1] if number else None
        if drawn is None or not isinstance(drawn.shape, Polygon) or not drawn.shape.is_valid:
            return None
        theirs = owners == number
        seam = near & self._about(theirs)
        if not seam.any():
            return None
        figures = {
            "abutting": float((near & theirs).sum() / max((near & ~own).sum(), 1)),
            "wall": float(self.map.window.outline[place][seam].mean()),
            "neighbour_mean": float(self.map.window.building[place][theirs].mean()),
            "relative_area": float(np.clip(np.log(polygon.area / max(drawn.shape.area, 1.0)), -3, 3)),
        }
        return Leaning(drawn, drawn.shape, figures)

    def _adjacent(self, leaning: Leaning, traced: Polygon) -> tuple[AdjacentFootprint | None, dict[str, float]]:
        """The footprint that something leans on with it as one building, and how much the two look like one.

        Args:
            traced: what stands there in pixels of the window, as it was traced.

        Returns:
            The figures are: share of the border along it, outline evidence in the seam, share of its tightest rectangle
            that the whole fills, evidence on the footprint beside it, log ratio of the areas.
        """
        feature = leaning.drawn.feature
        whole = extended(leaning.shape, traced, self.resolution_m)
        if whole is None:
            return None, ALONE
        rectangle = whole.minimum_rotated_rectangle.area
        figures = leaning.figures | {"joined": whole.area / rectangle if rectangle else 0.0}
        outline = self.map.lonlat(whole, leaning.drawn.centre)
        if isinstance(feature.geometry, Polygon):
            outline = restored(outline, feature.geometry, SAME_DEGREES)
        return AdjacentFootprint(feature, outline, whole.area * self.resolution_m**2), figures

    def _about(self, mask: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.dilate(mask.astype(np.uint8), self.seam)) > 0


def _meets(box: tuple[slice, slice], bounds: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = bounds
    return bool(box[1].start <= right and box[1].stop >= left and box[0].start <= bottom and box[0].stop >= top)


def with_claims(ground: Sequence[GroundMeasure], footprints: Sequence[FootprintMeasure]) -> list[GroundMeasure]:
    """Say of each thing on bare ground how well it explains a footprint that stands wrongly nearby.

    A house drawn some metres off leaves its true place bare: that is one change, not two. The figure "claimed" is the
    overlap with the footprint's proposal times how little the image supports the footprint where it is drawn.
    """
    tree = shapely.STRtree([measure.proposal for measure in footprints])
    claimed = []
    for one in ground:
        near = [footprints[int(i)] for i in tree.query(one.proposal, predicate="intersects")]
        claim = max((iou(one.proposal, m.proposal) * (1 - m.figure("mean")) for m in near if m.moved), default=0.0)
        figures = one.figures.copy()
        figures[GROUND_FIGURES.index("claimed")] = claim
        claimed.append(replace(one, figures=figures))
    return claimed
