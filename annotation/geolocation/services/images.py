"""Images without a place: taken in, looked for again, given up, removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import ConflictError, InvalidError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.geolocation.models import CandidateState, ImageState, PriorKind, UnplacedImage
from annotation.review.services import audit
from annotation.sources.models import Region
from annotation.sources.services.files import Upload, relative, remove_folder, suffix_of, take_in

KIND = "geolocation.locate"
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
MOST_FILES = 100
PICTURE, PREVIEW = "picture.tif", "preview.webp"


@dataclass(frozen=True)
class Hint:
    """Where a person thinks that an image lies: degrees, and how far off that may be."""

    lon: float
    lat: float
    radius_m: float


def image_folder(image_id: int) -> Path:
    """Everything of one image."""
    return Path(settings.MEDIA_ROOT) / "geolocation" / "images" / str(image_id)


def add(
    *,
    user: User,
    files: Sequence[Upload],
    region: Region | None = None,
    licence: str = "",
    attribution: str = "",
    wake: bool = True,
) -> list[UnplacedImage]:
    """Take images in and queue one job that looks for all of them; those of one flight help each other.

    Args:
        region: where to look, and what they become imagery of; None: everywhere that the person may see.

    Raises:
        InvalidError: no file, too many, or a name that says no picture.
        DiskFullError: there is no room for them.
    """
    if not 1 <= len(files) <= MOST_FILES:
        raise InvalidError(f"send 1 to {MOST_FILES} images at a time")
    suffixes = [suffix_of(file.name, SUFFIXES) for file in files]
    made: list[UnplacedImage] = []
    try:
        with transaction.atomic():
            for file, suffix in zip(files, suffixes, strict=True):
                image = UnplacedImage.objects.create(
                    owner=user, region=region, sha256=file.sha256, original_name=file.name, licence=licence,
                    attribution=attribution, path="",
                )  # fmt: skip
                made.append(image)
                target = image_folder(image.pk) / f"upload{suffix}"
                take_in(file, target)
                image.path = relative(target)
                image.save(update_fields=["path"])
            _enqueue(made, user, wake)
            audit.record(
                actor=user, action="image.add", object_kind="image", object_id=made[0].pk,
                scope_id=region.pk if region else None, names=[image.original_name for image in made],
            )  # fmt: skip
    except BaseException:
        for image in made:
            remove_folder(image_folder(image.pk))
        raise
    return made


def locate_again(
    *, user: User, image: UnplacedImage, region: Region | None, hint: Hint | None, wake: bool = True
) -> UnplacedImage:
    """Look for an image once more, with what the person adds.

    Raises:
        ConflictError: it is being looked for, or has its place.
    """
    with transaction.atomic():
        image = _locked(image)
        if image.state == ImageState.PLACED:
            raise ConflictError("this image has its place: remove the imagery first if it is wrong")
        image.candidates.all().delete()
        image.region, image.state, image.error_code, image.error_detail = region, ImageState.UPLOADED, "", ""
        if hint is not None:
            image.prior_kind, image.prior_trust = PriorKind.PERSON, 1.0
            image.prior_point = Point(hint.lon, hint.lat, srid=4326)
            image.prior_accuracy_m = hint.radius_m
        image.save()
        _enqueue([image], user, wake)
        audit.record(actor=user, action="image.locate", object_kind="image", object_id=image.pk,
                     scope_id=region.pk if region else None)  # fmt: skip
    return image


def reject(*, user: User, image: UnplacedImage, reason: str) -> UnplacedImage:
    """None of the places is right.

    Raises:
        ConflictError: it is being looked for, or has its place.
    """
    with transaction.atomic():
        image = _locked(image)
        if image.state == ImageState.PLACED:
            raise ConflictError("this image has its place: remove the imagery first if it is wrong")
        image.candidates.update(
            state=CandidateState.REJECTED, reason=reason[:64], decided_by=user, decided_at=timezone.now()
        )
        image.state = ImageState.REJECTED
        image.save(update_fields=["state"])
        audit.record(actor=user, action="image.reject", object_kind="image", object_id=image.pk,
                     scope_id=image.region_id, reason=reason)  # fmt: skip
    return image


def delete(*, user: User, image: UnplacedImage) -> None:
    """Remove an image with its files and places; the imagery that it became stays.

    Raises:
        ConflictError: it is being looked for.
    """
    with transaction.atomic():
        image = _locked(image)
        audit.record(actor=user, action="image.delete", object_kind="image", object_id=image.pk,
                     scope_id=image.region_id, name=image.original_name)  # fmt: skip
        pk = image.pk
        image.delete()
    remove_folder(image_folder(pk))


def _locked(image: UnplacedImage) -> UnplacedImage:
    """The row for as long as the transaction lasts.

    Raises:
        ConflictError: a job is at work on it.
    """
    row = UnplacedImage.objects.select_for_update(of=("self",), no_key=True).select_related("job").get(pk=image.pk)
    if row.job is not None and not row.job.finished:
        raise ConflictError("a job is at work on this image: stop it first, or wait")
    return row


def _enqueue(images: Sequence[UnplacedImage], user: User, wake: bool) -> Job:
    regions = {image.region_id for image in images}
    params = {"images": [image.pk for image in images]}
    scope_id = regions.pop() if len(regions) == 1 else None
    job = jobs.enqueue(kind=KIND, params=params, scope_id=scope_id, created_by=user, wake=wake)
    for image in images:
        image.job = job
    UnplacedImage.objects.filter(pk__in=[image.pk for image in images]).update(job=job)
    return job
