"""Outlines of pictures brought to the ground by a homography, safe at the 180th meridian."""

from __future__ import annotations

import itertools
import math

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError

EDGE_STEPS = 8


def outline_xy(width: int, height: int) -> np.ndarray:
    """(4 * EDGE_STEPS, 2): the border of a picture, clockwise from its first pixel's outer corner."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height), (0, 0)], np.float64)
    share = np.arange(EDGE_STEPS)[:, None] / EDGE_STEPS
    return np.concatenate([one + (other - one) * share for one, other in itertools.pairwise(corners)])


def through(homography: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """(N, 2) pixels moved by a (3, 3) homography.

    Raises:
        InvalidInputError: a point lies on or beyond its horizon.
    """
    moved = np.column_stack([xy, np.ones(len(xy))]) @ np.asarray(homography, np.float64).T
    if not np.isfinite(moved).all() or (moved[:, 2] <= 0).any():
        raise InvalidInputError("the query reaches beyond the horizon of this homography: fit an affine in its place")
    placed: np.ndarray = moved[:, :2] / moved[:, 2:]
    return placed


def within_180(lonlat: np.ndarray) -> BaseGeometry:
    """A ring of continuous longitudes as a polygon, or as parts where it crosses the 180th meridian."""
    whole = shapely.Polygon(lonlat)
    if not whole.is_valid:
        whole = shapely.make_valid(whole)
    west, _, east, _ = whole.bounds
    turns = range(math.floor((west + 180) / 360), math.floor((east + 180) / 360) + 1)
    parts = [
        shapely.intersection(
            shapely.transform(whole, lambda xy, turn=turn: xy - (360.0 * turn, 0)), shapely.box(-180, -90, 180, 90)
        )
        for turn in turns
    ]
    kept = [part for part in parts if not part.is_empty and part.area > 0]
    return kept[0] if len(kept) == 1 else shapely.union_all(kept)
