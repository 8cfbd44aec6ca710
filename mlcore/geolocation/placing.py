"""From coarse matches to a place: a rough similarity, the levels of fine matching, a homography that chance excludes.

Where the published method crops patches around coarse matches, the query is here laid upon the base by the similarity
of its coarse matches: at any angle and scale, the fine levels then compare pictures that nearly lie on each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from mlcore.errors import InvalidInputError
from mlcore.geolocation.coarse import CoarseMatches
from mlcore.geolocation.config import CELL_PX, WINDOW_PX
from mlcore.geolocation.features import checked, to_images
from mlcore.geolocation.fine import expected_places, window_centres, window_matches, window_tables
from mlcore.geolocation.grounds import HALF
from mlcore.geolocation.rough import rough_similarity
from mlcore.geometry.chance import log10_nfa
from mlcore.geometry.transform import Transform, fit

if TYPE_CHECKING:
    from mlcore.geolocation.model import LocatorModel

NEAR_PX = 3.0
"""How near an inlier lies, in pixels of the frame in which both are compared."""
WINDOW_NEAR_PX = 14.0
GATE = -3.0
"""log10 of the fits by chance that are let through, per pair of pictures."""
LEAST_INLIERS = 12
MOST_SCALE, MOST_SHEAR, MOST_PERSPECTIVE = 5.0, 1.6, 1.0
TRIALS, SURE = 5000, 0.9999
PRECISE_PX = 8.0
"""Matches that are known so well need not be brought nearer before they are refined."""
STEPS = (1.0, 0.25)
"""Of the windows at 1/4, in cells: to the nearest cell, then within it."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Where a query lies on a base.

    Attributes:
        homography: (3, 3) from pixels of the query to pixels of the base, h33 = 1.
        covariance: (8, 8) of its first eight entries, row by row.
        points_query, points_base: (K, 2) pixels of the points it stands on.
        confidence: (K,) probability of each.
        log10_nfa: of fits by chance that are as good (Moisan and Stival 2004).
    """

    homography: np.ndarray
    covariance: np.ndarray
    points_query: np.ndarray
    points_base: np.ndarray
    confidence: np.ndarray
    log10_nfa: float


@dataclass(frozen=True, eq=False)
class _Frame:
    """Query and base in one frame.

    Attributes:
        from_query, from_base: (3, 3) from pixels of the pictures to pixels of the frame.
        size: width and height, multiples of 64.
    """

    from_query: np.ndarray
    from_base: np.ndarray
    size: tuple[int, int]


def place(
    model: LocatorModel, query_rgb: np.ndarray, query_valid: np.ndarray | None, base_rgb: np.ndarray,
    base_valid: np.ndarray | None, matches: CoarseMatches,
) -> Fit | None:  # fmt: skip
    """The homography of a query on a base, or None where its matches do not make a sane one.

    Args:
        query_rgb, base_rgb: (H, W, 3) uint8; query_valid, base_valid: (H, W) bool or None.
        matches: of `model.compare`.
    """
    query_rgb, query_valid = checked(query_rgb, query_valid)
    base_rgb, base_valid = checked(base_rgb, base_valid)
    rough = rough_similarity(matches)
    if rough is None:
        return None
    size, area = (query_rgb.shape[1], query_rgb.shape[0]), float(base_rgb.shape[0] * base_rgb.shape[1])
    if not model.config.fine_matching:
        near = 0.75 * matches.cell_px[1]
        return _fit(matches.query_xy, matches.base_xy, matches.confidence, near, size, area)
    pictures = (query_rgb, query_valid, base_rgb, base_valid)
    precise = matches.cell_px[1] <= PRECISE_PX
    by_points = fit_by_points(matches, size, area) if precise else None
    better = by_points.homography if by_points else rough if precise else _brought_near(model, pictures, rough)
    found = None if better is None else _levels(model, pictures, better, model.config.align_px)
    if found is None:
        return by_points
    fine = _fit(found.query_xy, found.base_xy, found.confidence, NEAR_PX / found.zoom, size, found.reach_px2)
    return by_points if fine is None else fine


def fit_by_points(matches: CoarseMatches, size: tuple[int, int], area_px2: float) -> Fit | None:
    """The homography of matches that are known to a few pixels, and nothing else; size: of the query, width first."""
    return _fit(matches.query_xy, matches.base_xy, matches.confidence, NEAR_PX, size, area_px2)


def _brought_near(model: LocatorModel, pictures: tuple[np.ndarray, ...], rough: np.ndarray) -> np.ndarray | None:
    """The homography by windows in a small frame, `rough` where they agree on none, None where chance explains them."""
    size = pictures[0].shape[1], pictures[0].shape[0]
    found = _levels(model, pictures, rough, max(model.config.align_px // 2, 2 * CELL_PX))
    if found is None:
        return None
    near = WINDOW_NEAR_PX / found.zoom
    better = _homography(found.query_xy, found.base_xy, near)
    if better is None:
        return rough
    agree = int((_off(better, found.query_xy, found.base_xy) <= near).sum())
    if log10_nfa(len(found.query_xy), agree, 4, near, found.reach_px2) > 0:
        return None
    return rough if not_sane(better, size) else better


@dataclass(frozen=True, eq=False)
class _Found:
    """Points of both pictures, and by how much the frame was larger than the base."""

    query_xy: np.ndarray
    base_xy: np.ndarray
    confidence: np.ndarray
    zoom: float
    reach_px2: float


@torch.inference_mode()
def _levels(
    model: LocatorModel, pictures: tuple[np.ndarray, ...], matrix: np.ndarray, most_px: int
) -> _Found | None:  # fmt: skip
    """Windows at 1/16 and expectations at 1/4 in the frame that `matrix` makes of the pictures.

    In a frame half as large windows reach twice as far: a rough place is first brought near in one.
    """
    query_rgb, query_valid, base_rgb, base_valid = pictures
    frame = _frame(matrix, query_rgb.shape, base_rgb.shape, most_px)
    if frame is None:
        return None
    query, seen = _laid(query_rgb, query_valid, frame.from_query, frame.size)
    base, base_seen = _laid(base_rgb, base_valid, frame.from_base, frame.size)
    config = model.config
    windows, fine = model.dense(to_images([query, base], model.device))
    if windows is None:
        return None
    shape = (windows.shape[2], windows.shape[3])
    forth, back = window_tables(windows[:1], windows[1:], model.window_scale.exp(), config.window)
    matched = window_matches(forth[0], back[0], shape, config.threshold)
    centres = window_centres(shape).to(model.device)
    known = _seen_cells(seen)[matched.query_cell.cpu()] & _seen_cells(base_seen)[matched.base_cell.cpu()]
    known = known.to(model.device)
    query_xy, base_xy = centres[matched.query_cell[known]], centres[matched.base_cell[known]]
    if len(query_xy) < LEAST_INLIERS:
        return None
    placed, spread = expected_places(
        fine[0], fine[1], query_xy, base_xy, model.fine_scale.exp(), config.fine_window, STEPS
    )  # fmt: skip
    sure = matched.probability[known] / (1 + spread)
    zoom = float(np.sqrt(abs(np.linalg.det(frame.from_base[:2, :2]))))
    reach = (((2 * config.window + 1) * WINDOW_PX) / zoom) ** 2
    back_query, back_base = (np.linalg.inv(each) for each in (frame.from_query, frame.from_base))
    return _Found(
        _moved(back_query, query_xy.double().cpu().numpy()), _moved(back_base, placed.double().cpu().numpy()),
        sure.cpu().numpy(), zoom, reach,
    )  # fmt: skip


def _frame(
    matrix: np.ndarray, query_shape: tuple[int, ...], base_shape: tuple[int, ...], most_px: int
) -> _Frame | None:
    """The part of the base that the query covers, at the finer picture's resolution or as `most_px` allows."""
    corners = _moved(matrix, _corners(query_shape[1], query_shape[0]))
    if not np.isfinite(corners).all():
        return None
    low = np.maximum(corners.min(axis=0), 0.0)
    high = np.minimum(corners.max(axis=0), [base_shape[1], base_shape[0]])
    extent = high - low
    if extent.min() < 16:
        return None
    finest = np.sqrt(query_shape[0] * query_shape[1] / max(1.0, _quad_area(corners)))
    zoom = float(min(max(1.0, finest), most_px / extent.max()))
    width, height = (int(np.ceil(side * zoom / CELL_PX)) * CELL_PX for side in extent)
    from_base = np.array([[zoom, 0, -low[0] * zoom], [0, zoom, -low[1] * zoom], [0, 0, 1.0]])
    return _Frame(from_base @ matrix, from_base, (min(width, most_px), min(height, most_px)))


def _laid(
    rgb: np.ndarray, valid: np.ndarray, matrix: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A picture in the frame; a shrunk one is blurred first."""
    middle = np.append(np.array([rgb.shape[1], rgb.shape[0]]) / 2, 1.0)
    depth = float(matrix[2] @ middle)
    step = np.sqrt(abs(np.linalg.det(matrix)) / max(1e-9, abs(depth)) ** 3)
    if step < 0.9:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.45 / step)
    inner = np.linalg.inv(HALF) @ matrix @ HALF
    laid = cv2.warpPerspective(rgb, inner, size, flags=cv2.INTER_LINEAR)
    seen = cv2.warpPerspective(valid.astype(np.uint8), inner, size, flags=cv2.INTER_NEAREST) > 0
    return np.where(seen[..., None], laid, np.uint8(0)), seen


def _seen_cells(seen: np.ndarray) -> torch.Tensor:
    """(h * w,) bool at 1/16: cells that are seen as a whole."""
    grid = torch.from_numpy(seen)[None, None].float()
    return (torch.nn.functional.avg_pool2d(grid, WINDOW_PX) > 0.9).flatten()


def _homography(query_xy: np.ndarray, base_xy: np.ndarray, near: float) -> np.ndarray | None:
    cv2.setRNGSeed(0)
    try:
        matrix, _ = cv2.findHomography(
            query_xy, base_xy, cv2.USAC_MAGSAC, near, maxIters=TRIALS, confidence=SURE
        )  # fmt: skip
    except cv2.error:
        return None
    return None if matrix is None or not np.isfinite(matrix).all() else np.asarray(matrix, np.float64)


def _fit(
    query_xy: np.ndarray, base_xy: np.ndarray, confidence: np.ndarray, near: float, size: tuple[int, int],
    reach_px2: float,
) -> Fit | None:  # fmt: skip
    """The homography on which most points agree, fitted to all of these, unless chance or no camera explains it."""
    if len(query_xy) < 5:
        return None
    matrix = _homography(query_xy, base_xy, near)
    if matrix is None:
        return None
    agree = _off(matrix, query_xy, base_xy) <= near
    transform: Transform | None = None
    for _ in range(3):
        if agree.sum() < 5:
            return None
        try:
            transform = fit("homography", query_xy[agree], base_xy[agree])
        except InvalidInputError:
            return None
        now = _off(transform.matrix, query_xy, base_xy) <= near
        if (now == agree).all():
            break
        agree = now
    if transform is None or not_sane(transform.matrix, size):
        return None
    nfa = log10_nfa(len(query_xy), int(agree.sum()), 4, near, reach_px2)
    if nfa > GATE or agree.sum() < LEAST_INLIERS:
        return None
    return Fit(transform.matrix, transform.covariance, query_xy[agree], base_xy[agree], confidence[agree], nfa)


def not_sane(matrix: np.ndarray, size: tuple[int, int]) -> str:
    """Why no camera above flat ground sees a picture of `size` (width, height) like that; empty where one may."""
    corners = _corners(*size)
    depths = np.column_stack([corners, np.ones(4)]) @ matrix[2]
    if depths.min() <= 0 or depths.max() / depths.min() > 1 + MOST_PERSPECTIVE:
        return "one side of the picture is drawn much larger than the other"
    quad = _moved(matrix, corners)
    edges = np.roll(quad, -1, axis=0) - quad
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    if (turns <= 0).any():
        return "the picture is mirrored or folded"
    middle = np.array(size, np.float64) / 2
    step = np.eye(2) * max(size) / 100
    around = _moved(matrix, np.vstack([middle + step, middle - step]))
    longest, shortest = np.linalg.svd((around[:2] - around[2:]).T / (2 * step[0, 0]), compute_uv=False)
    if longest > MOST_SHEAR * shortest:
        return f"one direction is drawn {longest / shortest:.1f} times as long as the other"
    if not 1 / MOST_SCALE <= np.sqrt(longest * shortest) <= MOST_SCALE:
        return f"the picture is drawn {np.sqrt(longest * shortest):.2g} times as large"
    return ""


def _off(matrix: np.ndarray, query_xy: np.ndarray, base_xy: np.ndarray) -> np.ndarray:
    return np.asarray(np.nan_to_num(np.linalg.norm(_moved(matrix, query_xy) - base_xy, axis=1), nan=np.inf))


def _moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    there = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return np.asarray(there[:, :2] / np.where(there[:, 2:] > 1e-9, there[:, 2:], np.nan))


def _corners(width: float, height: float) -> np.ndarray:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def _quad_area(corners: np.ndarray) -> float:
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
