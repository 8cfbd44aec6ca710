"""Finds an image without a place: on imagery, on drawn maps where that is all there is; first where it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from annotation.common.engine import Progress, SpanProgress, compute_device
from annotation.common.errors import InvalidError
from annotation.correspondences.engine.matchers import STRUCTURE, check_matcher, weights_file
from annotation.geolocation.engine.found import KEPT_POINTS, Found, Prior
from annotation.geolocation.engine.grounds import Ground
from annotation.geolocation.engine.places import Place, check_sane, placed
from mlcore.correspondences.hybrid.pictures import LargePicture
from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.photos import Free, HeldPicture, PhotoFit, Sought, find_photo
from mlcore.correspondences.search import SearchRange
from mlcore.digests import sha256_of
from mlcore.errors import MlcoreError, StoppedError
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.imagery.photo import read_copy

PHOTO_PX = 3000
"""Of its longer side: a finer photograph is seen at this size."""
NEAR_LOOKS = 80
SIDES_M = (50.0, 1600.0)
"""How much ground an image may show whose scale nobody knows."""
LEAST_PROBABILITY = 0.5
MOST = 5


@dataclass(frozen=True)
class Searcher:
    """The matcher in use, ready for images of any angle.

    Attributes:
        near: finds what nearly fits; digest: of its weights.
    """

    free: Free
    near: Matcher
    digest: str


def make_searcher() -> Searcher:
    """The structure matcher with the weights in use.

    Raises:
        NoWeightsError: it is not offered here.
    """
    from mlcore.correspondences.matcher import StructureMatcher
    from mlcore.correspondences.search import NEARLY_PLACED

    check_matcher(STRUCTURE)
    digest = sha256_of(weights_file())
    near = StructureMatcher.load(weights_file(), NEARLY_PLACED, sha256=digest, device=compute_device())

    def free(reach: SearchRange) -> Matcher:
        return StructureMatcher(near.model, reach)

    return Searcher(free, near, digest)


def search(
    picture: Path, prior: Prior, grounds: Sequence[Ground], searcher: Searcher, progress: Progress,
    *, only_near: bool = False,
) -> list[Found]:  # fmt: skip
    """Places of an image, the likeliest first; none where nothing is better than chance.

    About the prior first; where that finds nothing, everywhere unless `only_near`, since what a picture says of itself
    may be wrong.

    Raises:
        StoppedError: asked to stop.
        MlcoreError: the copy of the picture can't be read.
    """
    rgb, valid, shrink = read_copy(picture, PHOTO_PX)
    photo = HeldPicture(rgb, valid)
    found: list[Found] = []
    attempts = [prior] if only_near or prior == Prior() else [prior, Prior()]
    for number, attempt in enumerate(attempts):
        part = SpanProgress(progress, number / len(attempts), (number + 1) / len(attempts))
        found = _on_all(photo, shrink, attempt, grounds, searcher, part)
        if found:
            break
    found.sort(key=lambda one: (-round(one.probability, 3), one.log10_nfa))
    return found[:MOST]


def _on_all(
    photo: HeldPicture, shrink: float, prior: Prior, grounds: Sequence[Ground], searcher: Searcher, progress: Progress
) -> list[Found]:
    found: list[Found] = []
    for number, ground in enumerate(grounds):
        if found and ground.snapshot is not None:
            break  # a drawn map shows less than the imagery that has it already
        # What one imagery shows, another one of the same ground is asked about there.
        there = about(found[0].place) if found else prior
        part = SpanProgress(progress, number / len(grounds), (number + 1) / len(grounds))
        looks = min(NEAR_LOOKS, settings.IMAGE_LOOKS) if there.somewhere else settings.IMAGE_LOOKS
        sought = _sought(there, ground, photo, shrink, looks)
        if sought is None or ground.picture is None:
            continue
        try:
            fit = find_photo(photo, ground.picture, sought, searcher.free, searcher.near, part)
        except StoppedError:
            raise
        except MlcoreError:  # its file was damaged meanwhile: the others may do
            continue
        if fit is not None and fit.probability >= LEAST_PROBABILITY:
            found += _as_found(fit, ground, photo, shrink, searcher.digest)
    return found


def about(place: Place) -> Prior:
    """Where an image lies that was found: what another look may start from."""
    lon, lat = place.corners.mean(axis=0).tolist()
    reach = 0.1 * place.resolution_m * max(place.width, place.height)
    return Prior(lon, lat, reach, place.resolution_m, place.heading_deg)


def _sought(prior: Prior, ground: Ground, photo: LargePicture, shrink: float, looks: int) -> Sought | None:
    """What to look for on a ground, in its pixels; None where the prior lies beyond it."""
    if ground.picture is None:
        return None
    back = np.linalg.inv(ground.to_mercator)
    middle, reach = None, 0.0
    if prior.somewhere:
        place = lonlat_to_mercator(np.array([prior.lon, prior.lat], np.float64))
        middle = (back @ np.append(place, 1.0))[:2]
        reach = prior.radius_m / ground.resolution_m
        size = np.array([ground.picture.width, ground.picture.height])
        if (middle < -reach).any() or (middle > size + reach).any():
            return None
    scale = None if prior.resolution_m is None else prior.resolution_m / shrink / ground.resolution_m
    long = max(photo.width, photo.height)
    widest = min(SIDES_M[1], 1.5 * ground.resolution_m * max(ground.picture.width, ground.picture.height))
    scales = tuple(side / ground.resolution_m / long for side in (min(SIDES_M[0], widest / 2), widest))
    turns = (0.0, 90.0, 180.0, 270.0) if prior.heading_deg is None and ground.snapshot else (prior.heading_deg or 0.0,)
    return Sought(middle, reach, scale, (scales[0], scales[1]), turns, looks)


def _as_found(fit: PhotoFit, ground: Ground, photo: HeldPicture, shrink: float, digest: str) -> Iterator[Found]:
    """The place in pixels of the whole image; nothing where no photograph can lie like that."""
    grow = np.diag([shrink, shrink, 1.0])
    homography = fit.transform.matrix @ grow
    spread = np.array([shrink, shrink, 1, shrink, shrink, 1, shrink, shrink])
    covariance = fit.transform.covariance * np.outer(spread, spread)
    width, height = round(photo.width / shrink), round(photo.height / shrink)
    try:
        place = placed(homography, covariance, ground.to_mercator, width, height)
        check_sane(place)
    except (InvalidError, MlcoreError):
        return
    order = np.argsort(-fit.confidence, kind="stable")[:KEPT_POINTS]
    rows = np.column_stack([fit.photo_xy / shrink, fit.ground_xy, fit.confidence])[np.sort(order)]
    yield Found(
        ground, place, homography, covariance, rows.round(4).tolist(), len(fit.photo_xy), fit.asked, fit.probability,
        fit.log10_nfa, fit.rmse_px * ground.resolution_m, digest,
    )  # fmt: skip
