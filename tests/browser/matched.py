"""Proposals on the tiles of the stocked town: control points at corners of its buildings, moved by a known shift."""

from __future__ import annotations

import numpy as np

from annotation.correspondences.engine import rings_px, stored
from annotation.correspondences.models import ControlPoint, Correspondences
from annotation.sources.models import Footprint
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from mlcore.geometry.transform import fit, shift_of
from tests.browser.stock import Stock

SHIFT_PX = (3.0, -2.0)
"""Where the matcher says that the image shows the map, pixels at 256 px."""


def corners_of(pair: TilePair) -> np.ndarray:
    """(N, 2) corners of the buildings on a pair's tile, pixels at 256 px."""
    shapes = Footprint.objects.filter(snapshot=pair.snapshot, geometry__bboverlaps=pair.tile.geometry)
    rings = rings_px(shapes.order_by("pk").values_list("geometry", flat=True), tile_address(pair.tile))
    places = np.array([corner for ring in rings for corner in ring[:-1]]).reshape(-1, 2)
    return places[((places > 4) & (places < 252)).all(axis=1)]


def spaced(corners: np.ndarray, apart_px: float) -> np.ndarray:
    """Those of the corners that lie so far from all before them: their marks can be told apart, and hit."""
    kept: list[np.ndarray] = []
    for corner in corners:
        if all(np.linalg.norm(corner - other) >= apart_px for other in kept):
            kept.append(corner)
    return np.array(kept).reshape(-1, 2)


def propose(
    pair: TilePair, *, most: int = 12, apart_px: float = 20, noise_px: float = 0.3,
    shift_px: tuple[float, float] = SHIFT_PX, **changed,
) -> Correspondences:  # fmt: skip
    """A proposal of a shift whose points lie around where it brings them; `most=0` makes one without a match."""
    rng = np.random.default_rng((pair.tile.x, pair.tile.y))
    corners = spaced(rng.permutation(corners_of(pair)), apart_px)[:most]
    region = pair.tile.region
    told = {"pair": pair, "region": region, "matcher": "structure", "matcher_digest": "trial", **changed}
    if not len(corners):
        return Correspondences.objects.create(**stored("transform_", None), refused="4 points agree, 9 needed", **told)
    image = corners + shift_px + rng.normal(0, noise_px, corners.shape)
    residuals = np.linalg.norm(corners + shift_px - image, axis=1) * tile_address(pair.tile).resolution_m()
    row = Correspondences.objects.create(
        **stored("transform_", shift_of(*shift_px, noise_px)), inliers=len(corners), needed_inliers=6, log10_nfa=-12.0,
        rmse_m=float(np.sqrt((residuals**2).mean())), **told,
    )  # fmt: skip
    ControlPoint.objects.bulk_create(
        ControlPoint(
            correspondences=row, number=number, map_x=x, map_y=y, image_x=u, image_y=v,
            confidence=float(1 - 0.5 * (number - 1) / len(corners)),
        )
        for number, ((x, y), (u, v)) in enumerate(zip(corners, image, strict=True), start=1)
    )  # fmt: skip
    return row


def pairs_of(stock: Stock) -> list[TilePair]:
    """Pairs of the town with buildings enough, the fullest first."""
    pairs = TilePair.objects.filter(imagery=stock.imagery, snapshot=stock.snapshot).select_related(
        "tile__region", "imagery", "snapshot"
    )
    return sorted(pairs, key=lambda pair: (-len(corners_of(pair)), pair.pk))


def fitted(row: Correspondences, kind: str = "shift") -> np.ndarray:
    """Parameters of what the proposal's own points come to."""
    points = row.points.filter(corrected=False)
    return fit(kind, [point.map_xy for point in points], [point.image_xy for point in points]).parameters
