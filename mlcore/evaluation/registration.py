"""Measures the registration of map and image: maps moved by known shifts against spoiled evidence of footprints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely.affinity
from shapely import Polygon

from mlcore.correspondences.dense.shift import RIGHT_M
from mlcore.correspondences.dense.turned import estimate_tile
from mlcore.evaluation.metrics import calibration_error
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS, draw_ids, to_xy

SHIFTS_M = (0.0, 0.3, 0.7, 1.5, 2.5, 4.0, 6.0, 8.0)
SPOILED = (0.0, 0.33, 0.66, 1.0)
MARGIN_PX = 42  # seen around a tile
SIDE = TILE_PX + 2 * MARGIN_PX


@dataclass(frozen=True)
class Trial:
    """One tile's shift as it was and as it was found.

    Attributes:
        spoiled: how bad the evidence was, 0..1.
        true_m: length of the true shift.
        error_m: distance between true and found shift.
        confidence: what the estimate said of itself.
        answered: the estimate named a shift at all.
    """

    spoiled: float
    true_m: float
    error_m: float
    confidence: float
    answered: bool


def footprints_of(index: MapIndex, tile: TileAddress) -> list[Polygon]:
    """Buildings on and around a tile, in pixels of the tile."""
    west, south, east, north = tile.bounds_lonlat
    pad_x, pad_y = (east - west) / 3, (north - south) / 3
    box = (west - pad_x, south - pad_y, east + pad_x, north + pad_y)
    return [part for one in index.query(box, BUILDINGS) for part in to_xy(one.geometry, tile)]


def draw_window(polygons: Sequence[Polygon], dx_px: float = 0.0, dy_px: float = 0.0) -> np.ndarray:
    """(SIDE, SIDE) bool mask of polygons in pixels of a tile, moved, with the margin that registration sees."""
    by = dx_px + MARGIN_PX, dy_px + MARGIN_PX
    return draw_ids([(1, shapely.affinity.translate(one, *by)) for one in polygons], SIDE, SIDE) > 0


def spoiled_evidence(polygons: Sequence[Polygon], spoiled: float, rng: np.random.Generator) -> np.ndarray:
    """What a network might see of true footprints.

    Buildings are missed (5 to 40 %), invented (5 to 35 %) and each is seen a pixel or three off; walls are soft, and
    smooth and fine noise lies over all.

    Args:
        spoiled: 0 (a good network) .. 1 (a hopeless one).

    Returns:
        (SIDE, SIDE) float32 in 0..1.
    """
    seen = [one for one in polygons if rng.random() > 0.05 + 0.35 * spoiled]
    invented = [one for one in polygons if rng.random() < 0.05 + 0.3 * spoiled]
    seen += [shapely.affinity.translate(one, *rng.uniform(-90, 90, 2)) for one in invented]
    mask = np.zeros((SIDE, SIDE), bool)
    for one in seen:
        mask |= draw_window([one], *rng.normal(0, 1 + 2 * spoiled, 2))
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5 + 3 * spoiled)
    noise = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (0, 0), 6)
    odds = 6 * (soft - 0.5) * (1 - 0.5 * spoiled) + noise / float(noise.std()) * (0.4 + 1.4 * spoiled)
    values: np.ndarray = 1 / (1 + np.exp(-odds)) + rng.normal(0, 0.03, (SIDE, SIDE))
    return np.clip(values, 0, 1).astype(np.float32)


def trials(index: MapIndex, tiles: Sequence[TileAddress], *, rounds: int = 3, seed: int = 0) -> Iterator[Trial]:
    """Move the map of every tile by a known shift in any direction, and find it on spoiled evidence.

    Each fourth trial, shifted map and evidence are of different tiles: there is nothing to find, and a confident
    answer is a wrong one.
    """
    places = [(tile, drawn) for tile in tiles if (drawn := footprints_of(index, tile))]
    whole = np.ones((SIDE, SIDE), bool)
    for number in range(rounds * len(places)):
        rng = np.random.default_rng([seed, number])
        tile, polygons = places[number % len(places)]
        resolution_m = tile.resolution_m()
        spoiled, true_m = float(rng.choice(SPOILED)), float(rng.choice(SHIFTS_M))
        turn = rng.uniform(0, 2 * np.pi)
        dx, dy = true_m / resolution_m * np.cos(turn), true_m / resolution_m * np.sin(turn)
        evidence = spoiled_evidence(polygons, spoiled, rng)
        if number % 4 == 3 and len(places) > 7:
            other = draw_window(places[(number + 7) % len(places)][1])
            found = estimate_tile(evidence, other, whole, resolution_m, MARGIN_PX)
            error_m = np.inf
        else:
            found = estimate_tile(evidence, draw_window(polygons, -dx, -dy), whole, resolution_m, MARGIN_PX)
            error_m = float(np.hypot(found.dx_px - dx, found.dy_px - dy)) * resolution_m
        yield Trial(spoiled, true_m, error_m, found.confidence, found.origin == "measured")


def registration_figures(done: Sequence[Trial]) -> dict[str, float]:
    """Errors by how spoiled the evidence was and by true shift, and how far confidences can be believed."""
    answered = [one for one in done if one.answered]
    real = [one for one in answered if np.isfinite(one.error_m)]
    figures: dict[str, float] = {"trials": float(len(done)), "answered_share": round(len(answered) / len(done), 3)}
    groups = [("spoiled", level, [t for t in real if t.spoiled == level]) for level in SPOILED]
    groups += [("shift", length, [t for t in real if t.true_m == length]) for length in SHIFTS_M]
    for name, value, members in groups:
        if members:
            errors = np.array([one.error_m for one in members])
            figures[f"{name}_{value:g}_median_error_m"] = round(float(np.median(errors)), 3)
            figures[f"{name}_{value:g}_right_share"] = round(float((errors <= RIGHT_M).mean()), 3)
    sure = [one for one in real if one.confidence >= 0.8]
    if sure:
        figures["sure_share"] = round(len(sure) / len(real), 3)
        figures["sure_median_error_m"] = round(float(np.median([one.error_m for one in sure])), 3)
        figures["sure_p90_error_m"] = round(float(np.quantile([one.error_m for one in sure], 0.9)), 3)
    right = np.array([one.error_m <= RIGHT_M for one in answered])
    figures["confidence_calibration_error"] = round(
        calibration_error(right, np.array([one.confidence for one in answered])), 3
    )
    return figures
