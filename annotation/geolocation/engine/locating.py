"""An image is looked for among all bases at once, by the locator in use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from annotation.common.errors import InvalidError
from annotation.geolocation.engine.features import locator_for
from annotation.geolocation.engine.found import KEPT_POINTS, Found, Prior
from annotation.geolocation.engine.grounds import Ground
from annotation.geolocation.engine.places import check_sane, placed
from annotation.geolocation.models import ReferenceBase, ReferenceSet, UnplacedImage
from mlcore.errors import InvalidInputError, MlcoreError
from mlcore.imagery.photo import read_copy

if TYPE_CHECKING:
    from mlcore.geolocation.placement import Placement

LOCATED_PX = 2048
"""Of its longer side: a finer image is seen at this size."""


def by_locator(image: UnplacedImage, picture: Path, prior: Prior) -> list[Found] | None:
    """Places of an image on the bases that its owner may see, the likeliest first; None while no locator serves.

    Where a region was chosen, only its bases are asked. None of them convincing: an empty list.
    """
    offered = locator_for(image.owner)
    if offered is None:
        return None
    locator, allowed = offered
    if image.region_id is not None:
        own = {str(pk) for pk in ReferenceSet.objects.filter(region=image.region_id).values_list("pk", flat=True)}
        seen = allowed

        def allowed(name: str) -> bool:
            return seen(name) and name.partition("/")[0] in own

    from mlcore.geolocation.placement import Prior as LibraryPrior

    rgb, valid, shrink = read_copy(picture, LOCATED_PX)
    known = None
    if prior.lon is not None and prior.lat is not None:
        scale = None if prior.resolution_m is None else prior.resolution_m / shrink
        known = LibraryPrior(prior.lon, prior.lat, max(prior.radius_m, 1.0), prior.heading_deg, scale)
    try:
        placements = locator.locate(rgb, valid, prior=known, allowed=allowed)
    except InvalidInputError:  # it is blank to the locator, or a base's file is gone
        return []
    sure = [one for one in placements if one.probability >= locator.threshold]
    rows = {row.name: row for row in _rows([one.base.name for one in sure])}
    digest = str(locator.model.digest)
    return [found for one in sure for found in _as_found(one, rows.get(one.base.name), shrink, image, digest)]


def _rows(names: list[str]) -> list[ReferenceBase]:
    return list(ReferenceBase.objects.filter(name__in=names).select_related("set", "imagery__region"))


def _as_found(
    placement: Placement, row: ReferenceBase | None, shrink: float, image: UnplacedImage, digest: str
) -> Iterator[Found]:
    """The place in pixels of the whole image; nothing where no photograph can lie like that, or its base is gone."""
    if row is None or placement.base.transform is None:
        return
    affine = np.array(placement.base.transform, np.float64).reshape(3, 3)
    fit = placement.fit
    grow = np.array([shrink, shrink, 1, shrink, shrink, 1, shrink, shrink])
    homography = np.asarray(fit.homography, np.float64) @ np.diag([shrink, shrink, 1.0])
    covariance = np.asarray(fit.covariance, np.float64) * np.outer(grow, grow)
    try:
        place = placed(homography, covariance, affine, image.width or 1, image.height or 1)
        check_sane(place)
    except (InvalidError, MlcoreError):
        return
    title = f"{row.set.name}, {row.set.attribution}"[:200]
    if row.imagery is not None:
        title = f"imagery {row.imagery.original_name} of {row.imagery.region.name}, {row.imagery.attribution}"[:200]
    ground = Ground(
        None, affine, placement.base.resolution_m, title, imagery=row.imagery, base_id=row.pk,
        set_id=row.set_id if row.imagery is None else None,
    )  # fmt: skip
    order = np.sort(np.argsort(-np.asarray(fit.confidence), kind="stable")[:KEPT_POINTS])
    points = np.column_stack([np.asarray(fit.points_query) / shrink, fit.points_base, fit.confidence])
    through = np.column_stack([points[:, :2], np.ones(len(points))]) @ homography.T
    off = np.linalg.norm(through[:, :2] / through[:, 2:] - points[:, 2:4], axis=1)
    rmse_m = float(np.sqrt((off**2).mean())) * ground.resolution_m if len(off) else 0.0
    yield Found(
        ground, place, homography, covariance, points[order].round(4).tolist(), len(points), len(points),
        float(placement.probability), float(placement.log10_nfa), rmse_m, digest,
    )  # fmt: skip
