"""Reads of reference imagery, its feature databases, and images without a place; what one may not see is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.common.models import Job
from annotation.geolocation.models import (
    FeatureDatabase,
    PlacementCandidate,
    ReferenceBase,
    ReferenceFile,
    ReferenceSet,
    UnplacedImage,
)
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use, visible_regions

MOST_REGIONS = 40
PREPARE, BUILD = "geolocation.prepare", "geolocation.build_features"
ONE_BUILD = "features"
"""Jobs that build features have this key: one at a time."""


def reference_sets(user: User) -> QuerySet[ReferenceSet]:
    """Sets that the person may see, newest first, with what a list shows of them."""
    rows = ReferenceSet.objects.visible_to(user).select_related("region", "job__created_by")
    return rows.prefetch_related("viewers").order_by("-pk")


def get_set(user: User, set_id: int) -> ReferenceSet:
    """The set, or NotFoundError where it is missing or not this person's to see."""
    row = reference_sets(user).filter(pk=set_id).first()
    if row is None:
        raise NotFoundError(f"no reference set {set_id}, or none you may see")
    return row


def bases_of(of_set: ReferenceSet, state: str = "") -> QuerySet[ReferenceBase]:
    """Bases of a set, of one state or any, newest first: a walk along one index."""
    rows = ReferenceBase.objects.filter(set=of_set, **({"state": state} if state else {}))
    return rows.select_related("imagery", "file").order_by("-pk")


def state_counts(sets: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many bases of each state sets have, by set: counted along an index."""
    rows = ReferenceBase.objects.filter(set__in=list(sets)).order_by()
    counted: dict[int, dict[str, int]] = {}
    for number, state, count in rows.values_list("set", "state").annotate(Count("pk")):
        counted.setdefault(number, {})[state] = count
    return counted


def files_of(sets: Iterable[int]) -> dict[int, list[ReferenceFile]]:
    """Files of sets, in the order in which they came, by set."""
    found: dict[int, list[ReferenceFile]] = {}
    for file in ReferenceFile.objects.filter(set__in=list(sets)).order_by("pk"):
        found.setdefault(file.set_id, []).append(file)
    return found


@dataclass(frozen=True)
class Databases:
    """What answers queries now, what is being built, and the job that builds, if one is at work or was the last."""

    serving: FeatureDatabase | None
    building: FeatureDatabase | None
    job: Job | None


def databases() -> Databases:
    """The state of the feature database."""
    rows = FeatureDatabase.objects.select_related("model")
    building = rows.filter(state="building").order_by("-pk").first()
    job = Job.objects.filter(kind=BUILD).select_related("created_by").order_by("-created_at").first()
    return Databases(rows.serving().first(), building, job)


def visible_images(user: User) -> QuerySet[UnplacedImage]:
    """Images that the person may see, with what a list shows of them."""
    rows = UnplacedImage.objects.visible_to(user).select_related(
        "owner", "region", "flight", "job__created_by", "imagery"
    )
    seen = Q(candidates__in=PlacementCandidate.objects.visible_to(user))
    return rows.annotate(places=Count("candidates", filter=seen))


def get_image(user: User, image_id: int) -> UnplacedImage:
    """The image, or NotFoundError where it is missing or not this person's to see."""
    image = visible_images(user).filter(pk=image_id).first()
    if image is None:
        raise NotFoundError(f"no image {image_id}, or none you may see")
    return image


def candidates_of(user: User, image: UnplacedImage) -> list[PlacementCandidate]:
    """Its places that the person may see, the likeliest first."""
    rows = PlacementCandidate.objects.visible_to(user).filter(image=image).order_by("rank")
    found = list(rows.select_related("imagery", "snapshot", "region", "base__set", "decided_by"))
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
