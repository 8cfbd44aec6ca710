"""Everything that an image is looked for in, in one call: the places of a row, the likeliest first.

What imports torch is imported where it is used: the web server lives without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.gis.geos import Point

from annotation.common.engine import MlcoreError, Progress
from annotation.common.errors import InvalidError
from annotation.geolocation.engine.found import Found, Prior, distance_m
from annotation.geolocation.engine.grounds import Ground, ground_of_imagery, ground_of_map
from annotation.geolocation.models import UnplacedImage
from annotation.sources.models import Imagery, MapSnapshot
from mlcore.imagery.photo_values import distance_m as metres_between

if TYPE_CHECKING:
    from annotation.geolocation.engine.search import Searcher

SAME_M, SAME_SHARE = 3.0, 0.04
"""So far apart, in metres or in longer sides of the image, two places are one."""


def make_searcher() -> Searcher:
    """The matcher in use, ready for images of any angle.

    Raises:
        NoWeightsError: it is not offered here.
    """
    from annotation.geolocation.engine import search

    return search.make_searcher()


def prior_of(image: UnplacedImage) -> Prior:
    """What a row says of where it lies."""
    if image.prior_point is None or image.prior_trust <= 0:
        return Prior(resolution_m=image.prior_resolution_m, heading_deg=image.prior_heading_deg)
    radius, point = image.prior_accuracy_m or 500.0, image.prior_point
    return Prior(point.x, point.y, radius, image.prior_resolution_m, image.prior_heading_deg)


def apart_m(one: Point, other: Point) -> float:
    """Metres between two positions near each other, in degrees."""
    return metres_between((one.x, one.y), (other.x, other.y))


def find(
    image: UnplacedImage, picture: Path, prior: Prior, rows: Sequence[Imagery | MapSnapshot], searcher: Searcher | None,
    progress: Progress,
) -> tuple[list[Found], bool]:  # fmt: skip
    """Places of an image, and whether there was anything to look in.

    The locator is asked first, of all bases at once. Where it finds nothing, or none serves, the matcher looks: about
    the prior, and everywhere where no locator did.

    Raises:
        StoppedError: asked to stop.
    """
    from annotation.geolocation.engine.locating import by_locator
    from annotation.geolocation.engine.search import search

    located = by_locator(image, picture, prior)
    if located:
        return [_sharper(one, picture, searcher, progress) for one in located], True
    grounds = [ground for row in rows if (ground := _ground(row, prior)) is not None]
    if located is not None:
        grounds = [ground for ground in grounds if prior.somewhere or ground.snapshot is not None]
    if not grounds or searcher is None:
        return [], located is not None
    return search(picture, prior, grounds, searcher, progress, only_near=located is not None and prior.somewhere), True


def _sharper(found: Found, picture: Path, searcher: Searcher | None, progress: Progress) -> Found:
    """The same place by the matcher on the imagery itself, finer than its bases; as it was where the two differ."""
    from annotation.geolocation.engine.search import about, search

    ground = None if found.ground.imagery is None else _ground(found.ground.imagery, Prior())
    if ground is None or searcher is None:
        return found
    better = search(picture, about(found.place), [ground], searcher, progress, only_near=True)
    middle = found.place.corners.mean(axis=0).tolist()
    side_m = found.place.resolution_m * max(found.place.width, found.place.height)
    if not better or distance_m(better[0].place, middle[0], middle[1]) > max(SAME_M, SAME_SHARE * side_m):
        return found
    return replace(
        better[0],
        ground=replace(ground, base_id=found.ground.base_id),
        probability=max(found.probability, better[0].probability),
        digest=found.digest,
    )


def _ground(row: Imagery | MapSnapshot, prior: Prior) -> Ground | None:
    try:
        return ground_of_imagery(row) if isinstance(row, Imagery) else ground_of_map(row, prior.resolution_m)
    except (InvalidError, MlcoreError):  # its file is gone: the others may do
        return None
