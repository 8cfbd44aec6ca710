"""Everything that an image is looked for in, in one call: the places of a row, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.contrib.gis.geos import Point

from annotation.common.engine import MlcoreError, Progress
from annotation.common.errors import InvalidError
from annotation.geolocation.engine.grounds import Ground, ground_of_imagery, ground_of_map
from annotation.geolocation.engine.search import Found, Prior, Searcher, search
from annotation.geolocation.models import UnplacedImage
from annotation.sources.models import Imagery, MapSnapshot
from mlcore.imagery.photo_values import distance_m as metres_between


def prior_of(image: UnplacedImage) -> Prior:
    """What a row says of where it lies."""
    if image.prior_point is None or image.prior_trust <= 0:
        return Prior(resolution_m=image.prior_resolution_m)
    radius = image.prior_accuracy_m or 500.0
    return Prior(image.prior_point.x, image.prior_point.y, radius, image.prior_resolution_m)


def apart_m(one: Point, other: Point) -> float:
    """Metres between two positions near each other, in degrees."""
    return metres_between((one.x, one.y), (other.x, other.y))


def find(
    image: UnplacedImage, picture: Path, prior: Prior, rows: Sequence[Imagery | MapSnapshot], searcher: Searcher | None,
    progress: Progress,
) -> tuple[list[Found], bool]:  # fmt: skip
    """Places of an image, and whether there was anything to look in.

    Raises:
        StoppedError: asked to stop.
    """
    grounds = [ground for row in rows if (ground := _ground(row, prior)) is not None]
    if not grounds or searcher is None:
        return [], False
    return search(picture, prior, grounds, searcher, progress), True


def _ground(row: Imagery | MapSnapshot, prior: Prior) -> Ground | None:
    try:
        return ground_of_imagery(row) if isinstance(row, Imagery) else ground_of_map(row, prior.resolution_m)
    except (InvalidError, MlcoreError):  # its file is gone: the others may do
        return None
