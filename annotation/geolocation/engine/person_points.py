"""Control points that a person set on an image: the model they support, how far each lies off, the place they say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from annotation.common.errors import InvalidError
from annotation.geolocation.engine.places import Place, check_importable, check_sane
from annotation.geolocation.models import PlacementCandidate, UnplacedImage
from mlcore.errors import MlcoreError
from mlcore.geometry.transform import PARAMETERS, Transform, TransformKind, fit
from mlcore.geometry.webmercator import lonlat_to_mercator, mercator_to_lonlat

Use = Literal["fit", "check", "off"]
USES: tuple[Use, ...] = ("fit", "check", "off")
AUTO = "auto"
KINDS: tuple[TransformKind, ...] = ("similarity", "affine", "homography")
MODELS = (AUTO, *KINDS)
MOST_POINTS = 400
SPREAD = 12
CHECK_EVERY = 4
"""Of the points that a person starts from, every fourth checks the others."""
FINEST_PX = 0.1
"""Nobody sets a point more exactly: what fits better than this fits no better."""
SOUTHWARD = np.diag([1.0, -1.0, 1.0])
"""East and south, as a picture counts, to east and north."""

Point = Mapping[str, Any]
"""`number`, `image` [x, y] in pixels, `lonlat` in degrees, `use`."""


@dataclass(frozen=True)
class PointsFit:
    """What control points come to.

    Attributes:
        model: the one fitted; asked: the one asked for, which may be AUTO.
        off_m: (N, 2) metres east and north from where a point was set to where the fit brings its pixel.
        fit_rmse_m, check_rmse_m: root mean squares of those; None without check points.
        refusal: why no photograph lies like that; empty: it may.
    """

    asked: str
    model: TransformKind
    place: Place
    points: Sequence[Point]
    off_m: np.ndarray
    fit_rmse_m: float
    check_rmse_m: float | None
    refusal: str


def fit_points(image: UnplacedImage, points: Sequence[Point], asked: str = AUTO) -> PointsFit:
    """Fit a model to the points of use `fit`, and measure all.

    Raises:
        InvalidError: a point lies off the picture, too few are in the fit, or they leave the model open.
    """
    width, height = image.width or 1, image.height or 1
    image_xy = np.array([one["image"] for one in points], np.float64).reshape(-1, 2)
    for one, (x, y) in zip(points, image_xy, strict=True):
        if not (0 <= x <= width and 0 <= y <= height):
            raise InvalidError(f"point {one['number']} lies off the picture, which is {width} x {height} px: move it")
    fitted = np.array([one["use"] == "fit" for one in points], bool)
    least = PARAMETERS["similarity" if asked == AUTO else cast(TransformKind, asked)] // 2
    if fitted.sum() < least:
        told = "a place" if asked == AUTO else f"the model {asked}"
        raise InvalidError(
            f"{told} needs {least} points in the fit or more, there are {fitted.sum()}: add some, or switch them on"
        )
    ground = lonlat_to_mercator(np.array([one["lonlat"] for one in points], np.float64).reshape(-1, 2))
    origin = ground[fitted].mean(axis=0)
    local = (ground - origin) * [1, -1]
    try:
        transform = _chosen(image_xy[fitted], local[fitted], asked)
        place = Place(origin, _northward(transform), width, height)
        scale = math.cos(math.radians(float(mercator_to_lonlat(origin)[1])))
        off = (transform.apply(image_xy) - local) * [scale, -scale]
        refusal = _refusal(place)
    except MlcoreError as error:
        raise InvalidError(str(error)) from error
    return PointsFit(
        asked, transform.kind, place, points, off, _rmse(off[fitted]) or 0.0,
        _rmse(off[[one["use"] == "check" for one in points]]), refusal,
    )  # fmt: skip


def _chosen(image_xy: np.ndarray, local: np.ndarray, asked: str) -> Transform:
    """The model asked for, else the one that loses least by Akaike's criterion for few points (Hurvich, Tsai 1989)."""
    if asked != AUTO:
        return _fit(cast(TransformKind, asked), image_xy, local)
    best, least = _fit("similarity", image_xy, local), math.inf
    finest = FINEST_PX * math.sqrt(abs(float(np.linalg.det(best.matrix[:2, :2]))))
    for kind in KINDS:
        numbers, free = 2 * len(image_xy), PARAMETERS[kind] + 1  # the size of the error is estimated too
        if numbers - free - 1 <= 0:
            break
        try:
            found = _fit(kind, image_xy, local)
            variance = float(((found.apply(image_xy) - local) ** 2).mean()) + finest**2
        except MlcoreError:  # all on one line: a simpler model is all they say
            break
        loss = numbers * math.log(variance) + 2 * free + 2 * free * (free + 1) / (numbers - free - 1)
        if loss < least:
            best, least = found, loss
    return best


def _fit(kind: TransformKind, image_xy: np.ndarray, local: np.ndarray) -> Transform:
    """Least squares; where the points just determine the model, nothing tells how exact it is."""
    if 2 * len(image_xy) > PARAMETERS[kind]:
        return fit(kind, image_xy, local)
    found = fit(kind, image_xy, local, 1.0)
    return Transform(kind, found.parameters, np.zeros_like(found.covariance))


def _northward(transform: Transform) -> Transform:
    whole = transform.as_kind("homography")
    turn = np.array([1, 1, 1, -1, -1, -1, 1, 1])
    matrix = SOUTHWARD @ whole.matrix
    return Transform("homography", matrix.ravel()[:8], whole.covariance * np.outer(turn, turn))


def _refusal(place: Place) -> str:
    try:
        check_sane(place)
        check_importable(place)
    except InvalidError as error:
        return str(error.detail)
    return ""


def _rmse(off: np.ndarray) -> float | None:
    return float(np.sqrt((off**2).sum(axis=1).mean())) if len(off) else None


def kept_points(fitted: PointsFit) -> dict[str, Any]:
    """What a placement keeps of a person's points, in JSON types; `place_of` reads it."""
    place = fitted.place
    return {
        "model": fitted.asked, "fitted": fitted.model, "fit_rmse_m": fitted.fit_rmse_m,
        "check_rmse_m": fitted.check_rmse_m, "corners": place.corners.tolist(), "origin": place.origin.tolist(),
        "homography": place.matrix.tolist(), "covariance": place.transform.covariance.tolist(),
        "points": [{**one, "image": list(one["image"]), "lonlat": list(one["lonlat"])} for one in fitted.points],
    }  # fmt: skip


@dataclass(frozen=True)
class StartPoints:
    """What a person starts from: points, each with the matcher's `confidence`, None where a person set it.

    Attributes:
        shown: numbers of those to begin with; the rest is there on demand.
    """

    model: str
    points: list[dict[str, Any]]
    shown: list[int]


def start_points(candidate: PlacementCandidate) -> StartPoints:
    """The points of a place: a person's where there are some, else the matched ones, the best spread dozen shown."""
    adjusted = candidate.adjusted or {}
    if "points" in adjusted:
        points = [{**one, "confidence": None} for one in adjusted["points"]]
        return StartPoints(adjusted["model"], points, [one["number"] for one in points])
    if adjusted:
        return StartPoints(AUTO, [], [])
    rows = np.array(candidate.points, np.float64).reshape(-1, 5)
    affine = np.array(candidate.transform, np.float64).reshape(2, 3)
    lonlat = mercator_to_lonlat(rows[:, 2:4] @ affine[:, :2].T + affine[:, 2])
    size = (candidate.image.width or 1, candidate.image.height or 1)
    image_xy = rows[:, :2].clip(0, size)
    order = spread_of(image_xy, rows[:, 4])
    first = set(order)
    points = [
        {"number": number, "image": image_xy[at].tolist(), "lonlat": lonlat[at].tolist(),
         "use": "check" if number <= len(order) and number % CHECK_EVERY == 0 else "fit",
         "confidence": float(rows[at, 4])}
        for number, at in enumerate([*order, *(at for at in range(len(rows)) if at not in first)][:MOST_POINTS], 1)
    ]  # fmt: skip
    return StartPoints(AUTO, points, list(range(1, len(order) + 1)))


def spread_of(image_xy: np.ndarray, confidence: np.ndarray, count: int = SPREAD) -> list[int]:
    """Which of (N, 2) points stand for all: the surest, then always the one farthest from those, weighed by (N,)."""
    if not len(image_xy):
        return []
    taken = [int(confidence.argmax())]
    away = np.full(len(image_xy), np.inf)
    while len(taken) < min(count, len(image_xy)):
        away = np.minimum(away, np.linalg.norm(image_xy - image_xy[taken[-1]], axis=1))
        worth = away * np.maximum(confidence, 1e-3)
        worth[taken] = -1
        taken.append(int(worth.argmax()))
    return taken
