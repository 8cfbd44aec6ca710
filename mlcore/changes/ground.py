"""What the image shows outside every footprint: buildings that the map lacks, and parts of mapped ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely
import shapely.affinity
from scipy import ndimage
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.changes.instances import compactness, several_parts
from mlcore.changes.labels import draw_ids
from mlcore.changes.measure import LEAST_M2, SLACK_M, FootprintMeasure, WindowMeasurer
from mlcore.changes.polygons import iou, mask_polygon, regularise
from mlcore.geometry.webmercator import TileAddress
from mlcore.tiles.features import MapFeature

SEAM_M = 1.0  # a part of a mapped building lies this close to it
PAD_PX = 6
SAME_PART = 0.5  # of the smaller of two, covered by both
ALONE = (0.0, 1.0, 0.0, 0.5, 0.0)  # the last five figures where no footprint is near
GROUND_FIGURES = (
    "mean", "high_share", "log_area", "width_m", "solidity", "touching", "outline", "contrast", "covered", "claimed",
    "abutting", "wall", "joined", "neighbour_mean", "relative_area",
)  # fmt: skip


@dataclass(frozen=True)
class Neighbour:
    """The mapped building that something on bare ground may be a part of.

    Attributes:
        current: its shape, in degrees.
        extended: the shape of both as one building, in degrees; extended_m2: its area.
    """

    feature: MapFeature
    current: BaseGeometry
    extended: Polygon
    extended_m2: float


@dataclass(frozen=True)
class GroundMeasure:
    """Something built on ground that the map leaves bare.

    Attributes:
        proposal: its shape, in degrees.
        figures: (len(GROUND_FIGURES),) float64.
        neighbour: None where it touches no footprint.
    """

    tile: TileAddress
    proposal: Polygon
    figures: np.ndarray
    area_m2: float
    neighbour: Neighbour | None = None

    def figure(self, name: str) -> float:
        return float(self.figures[GROUND_FIGURES.index(name)])

    def leads_to(self, shape: BaseGeometry) -> bool:
        """Whether this is what a shape of the neighbour has more than the map draws."""
        if self.neighbour is None or not shape.intersects(self.proposal):
            return False
        more = shape.difference(self.neighbour.current)
        least = min(more.area, self.proposal.area)
        return least > 0 and more.intersection(self.proposal).area > SAME_PART * least


class GroundMeasurer:
    """Measures what stands outside the footprints of a window, where its centre lies in the window's core."""

    def __init__(self, measurer: WindowMeasurer) -> None:
        self.map = measurer
        self.resolution_m = measurer.resolution_m
        self.seam = _disc(round(SEAM_M / self.resolution_m))

    def measures(self) -> list[GroundMeasure]:
        """Whole regions of bare ground with evidence, and their parts where outlines separate several."""
        window = self.map.window
        covered = cv2.dilate((self.map.count > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        bare = ((window.building > 0.5) & ~covered & window.valid).astype(np.uint8)
        opened = cv2.morphologyEx(bare, cv2.MORPH_OPEN, _disc(round(SLACK_M / self.resolution_m)))
        _, whole = cv2.connectedComponents(opened, connectivity=4)
        parts = np.where(opened > 0, self.map.instances, 0).astype(np.int32)
        several = several_parts(whole, parts)
        found = []
        for labels in (whole, np.where(several[whole], parts, 0)):
            for number, box in enumerate(ndimage.find_objects(labels), start=1):
                if box is not None:
                    found.append(self._region(labels[box] == number, box))
        return [measure for measure in found if measure is not None]

    def _region(self, part: np.ndarray, box: tuple[slice, slice]) -> GroundMeasure | None:
        window, top, left = self.map.window, box[0].start, box[1].start
        margin = window.margin_px
        rows, columns = np.where(part)
        centre = np.array([left + columns.mean(), top + rows.mean()])
        inside = margin <= centre[0] < self.map.width - margin and margin <= centre[1] < self.map.height - margin
        if not inside or len(rows) * self.resolution_m**2 < LEAST_M2:
            return None
        return self._ground(part, (left, top, part.shape[1], part.shape[0]), centre)

    def _ground(self, part: np.ndarray, box: tuple[int, int, int, int], centre: np.ndarray) -> GroundMeasure | None:
        window = self.map.window
        left, top = max(0, box[0] - PAD_PX), max(0, box[1] - PAD_PX)
        place = np.s_[top : box[1] + box[3] + PAD_PX, left : box[0] + box[2] + PAD_PX]
        own = np.zeros(self.map.count[place].shape, np.uint8)
        own[box[1] - top : box[1] - top + box[3], box[0] - left : box[0] - left + box[2]] = part
        # the pixel that was kept off neighbouring footprints is given back
        own = cv2.dilate(own, np.ones((3, 3), np.uint8)) * (self.map.count[place] == 0).astype(np.uint8)
        evidence = window.building[place]
        polygon = regularise(mask_polygon(own > 0), self.resolution_m)
        if polygon.is_empty or not polygon.is_valid:
            return None
        ring = cv2.dilate(own, np.ones((5, 5), np.uint8)) - own > 0
        width_m = 2 * cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 3).max() * self.resolution_m
        area_m2 = polygon.area * self.resolution_m**2
        mapped = self.map.count[place] > 0
        rectangle = polygon.minimum_rotated_rectangle.area
        drawn = draw_ids([(1, polygon)], *own.shape) > 0
        neighbour, beside = self._neighbour(own > 0, (left, top))
        figures = np.array([
            evidence[own > 0].mean(), (evidence[own > 0] > 0.8).mean(), np.log(max(area_m2, 1.0)), width_m,
            polygon.area / rectangle if rectangle else 0.0, (ring & mapped).sum() / max(ring.sum(), 1),
            cv2.dilate(window.outline[place], np.ones((3, 3), np.uint8))[ring].mean(),
            evidence[own > 0].mean() - (evidence[ring & ~mapped].mean() if (ring & ~mapped).any() else 0.5),
            (drawn & mapped).sum() / max(drawn.sum(), 1), 0.0, *beside,
        ], np.float64)  # fmt: skip
        whole = shapely.affinity.translate(polygon, left, top)
        return GroundMeasure(window.tile_of(centre), self.map.lonlat(whole), figures, area_m2, neighbour)

    def _neighbour(self, own: np.ndarray, corner: tuple[int, int]) -> tuple[Neighbour | None, tuple[float, ...]]:
        """The footprint along most of the border, and how much the two look like one building.

        Returns:
            The figures are: share of the border along it, outline evidence in the seam, compactness of both as one,
            evidence on the footprint, log ratio of the areas.
        """
        near = self._about(own)
        left, top = corner
        owners = self.map.owner[top : top + own.shape[0], left : left + own.shape[1]]
        beside = owners[near & (owners > 0)]
        if not beside.size:
            return None, ALONE
        number = int(np.bincount(beside).argmax())
        feature, shape = self.map.shapes[number - 1]
        x0, y0, x1, y1 = self._around(shape.bounds, (left, top, left + own.shape[1], top + own.shape[0]))
        place = np.s_[y0:y1, x0:x1]
        mine = np.zeros((y1 - y0, x1 - x0), bool)
        mine[top - y0 : top - y0 + own.shape[0], left - x0 : left - x0 + own.shape[1]] = own
        theirs = self.map.owner[place] == number
        seam = self._about(mine) & self._about(theirs)
        both = cv2.morphologyEx((mine | theirs).astype(np.uint8), cv2.MORPH_CLOSE, self.seam) > 0
        extended = regularise(mask_polygon(both), self.resolution_m)
        if extended.is_empty or not extended.is_valid or not seam.any():
            return None, ALONE
        figures = (
            float((near & (owners == number)).sum() / max((near & ~own).sum(), 1)),
            float(self.map.window.outline[place][seam].mean()),
            compactness(both),
            float(self.map.window.building[place][theirs].mean()),
            float(np.clip(np.log(mine.sum() / max(theirs.sum(), 1)), -3, 3)),
        )
        whole = self.map.lonlat(shapely.affinity.translate(extended, x0, y0))
        return Neighbour(feature, feature.geometry, whole, extended.area * self.resolution_m**2), figures

    def _about(self, mask: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.dilate(mask.astype(np.uint8), self.seam)) > 0

    def _around(self, first: Sequence[float], second: Sequence[float]) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the window that holds two boxes and the seam about them."""
        pad = self.seam.shape[0] + 1
        left, top = (max(0, int(min(first[i], second[i])) - pad) for i in (0, 1))
        right, bottom = (int(max(first[i], second[i])) + pad + 1 for i in (2, 3))
        return left, top, min(right, self.map.width), min(bottom, self.map.height)


def with_claims(ground: Sequence[GroundMeasure], footprints: Sequence[FootprintMeasure]) -> list[GroundMeasure]:
    """Say of each building on bare ground how well it explains a footprint that stands wrongly nearby.

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


def _disc(radius_px: int) -> np.ndarray:
    size = 2 * max(1, radius_px) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
