"""Reads of images without a place; what a person may not see is as missing as what does not exist."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.geolocation.models import PlacementCandidate, UnplacedImage
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use, visible_regions

MOST_REGIONS = 40


def visible_images(user: User) -> QuerySet[UnplacedImage]:
    """Images that the person may see, with what a list shows of them."""
    rows = UnplacedImage.objects.visible_to(user).select_related(
        "owner", "region", "flight", "job__created_by", "imagery"
    )
    return rows.annotate(places=Count("candidates"))


def get_image(user: User, image_id: int) -> UnplacedImage:
    """The image, or NotFoundError where it is missing or not this person's to see."""
    image = visible_images(user).filter(pk=image_id).first()
    if image is None:
        raise NotFoundError(f"no image {image_id}, or none you may see")
    return image


def candidates_of(user: User, image: UnplacedImage) -> list[PlacementCandidate]:
    """Its places that the person may see, the likeliest first."""
    rows = PlacementCandidate.objects.visible_to(user).filter(image=image).order_by("rank")
    found = list(rows.select_related("imagery", "snapshot", "region"))
    for one in found:
        one.image = image
    return found


def get_candidate(user: User, image: UnplacedImage, candidate_id: int) -> PlacementCandidate:
    """One place of an image, or NotFoundError."""
    for one in candidates_of(user, image):
        if one.pk == candidate_id:
            return one
    raise NotFoundError(f"no place {candidate_id} of this image, or none you may see")


def grounds_for(image: UnplacedImage) -> list[Imagery | MapSnapshot]:
    """Where an image is looked for: the imagery in use of its region, or of all its owner may see, then their maps.

    Regions about its prior go first.
    """
    regions: QuerySet[Region] = visible_regions(image.owner)
    if image.region_id is not None:
        regions = regions.filter(pk=image.region_id)
    near = list(regions.order_by("pk"))
    if image.prior_point is not None:
        point = image.prior_point
        near.sort(key=lambda region: region.area.distance(point) if region.area else 1e9)
    near = near[:MOST_REGIONS]
    imagery = [row for region in near if (row := imagery_in_use(region)) is not None]
    maps = [one for region in near if (one := snapshot_in_use(region)) is not None]
    return [*imagery, *maps]
