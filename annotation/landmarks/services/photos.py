"""Photos of landmarks and of places beside changes: taken in, described, removed."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.accounts.permissions import has_role
from annotation.changes.models import Change
from annotation.common.errors import InvalidError, NotAllowedError
from annotation.landmarks import engine
from annotation.landmarks.errors import UnreadablePhotoError
from annotation.landmarks.models import Landmark, LandmarkPhoto, PositionFrom
from annotation.landmarks.search import Position
from annotation.landmarks.services import keep_up
from annotation.review.services import audit
from annotation.sources.models import Region
from annotation.sources.services.files import Upload, region_folder, remove_folder, room_on_disk


@dataclass(frozen=True)
class Told:
    """What a person says of a photo; it goes before what the photo says of itself."""

    lonlat: tuple[float, float] | None = None
    direction_deg: float | None = None
    caption: str = ""


def photo_file(photo: LandmarkPhoto) -> Path:
    """The copy of a photo."""
    return photo_at(photo.region_id, photo.pk)


def photo_at(region_id: int, photo_id: int) -> Path:
    """The copy of a region's photo of this id."""
    return region_folder(region_id) / "landmark-photos" / str(photo_id) / "photo.webp"


def check_size(file: Upload) -> None:
    """Refuse by its size what is no photo.

    Raises:
        UnreadablePhotoError: it is too large.
    """
    if file.path.stat().st_size > settings.MAX_PHOTO_BYTES:
        limit = settings.MAX_PHOTO_BYTES >> 20
        raise UnreadablePhotoError(f"photos end at {limit} MB here: save it as a JPEG, or make it smaller")


def look_at(file: Upload) -> tuple[np.ndarray, Position | None]:
    """A photo that is not kept: (H, W, 3) uint8, and where it says it was taken.

    Raises:
        UnreadablePhotoError: it is no photo that can be used; the message says why.
    """
    check_size(file)
    with tempfile.TemporaryDirectory(prefix="mapwright-look-") as folder, room_on_disk():
        copy = Path(folder) / "photo.webp"
        made = _prepared(file, copy)
        rgb = engine.picture_of(copy)
    if rgb is None or made.nothing:
        raise UnreadablePhotoError(made.nothing or "the photo can't be read: save it again as a JPEG")
    said = made.metadata
    if said.lon is None or said.lat is None:
        return rgb, None
    return rgb, Position(said.lon, said.lat, engine.looks_to(said))


def add(
    *, user: User, file: Upload, region: Region, landmark: Landmark | None, change: Change | None, told: Told
) -> LandmarkPhoto:
    """Take a photo in, with the position and direction that it says or a person does.

    The same file of the same landmark, change or region comes once: the row that is there is given back.

    Raises:
        UnreadablePhotoError: it is no photo that can be used; the message says why.
        DiskFullError: there is no room for it.
    """
    if landmark is not None and change is not None:
        raise InvalidError("a photo is of a landmark or of a change, not of both: send it twice")
    there = LandmarkPhoto.objects.filter(region=region, landmark=landmark, change=change, sha256=file.sha256).first()
    if there is not None:
        return there
    check_size(file)
    photo = LandmarkPhoto(region=region, landmark=landmark, change=change, owner=user, sha256=file.sha256,
                          original_name=file.name, width=1, height=1, caption=told.caption)  # fmt: skip
    folder: Path | None = None
    try:
        with transaction.atomic():
            photo.save()
            folder = photo_file(photo).parent
            _read(photo, file, told)
            photo.save()
            audit.record(actor=user, action="photo.add", object_kind="landmark_photo", object_id=photo.pk,
                         scope_id=region.pk, landmark=photo.landmark_id, change=photo.change_id)  # fmt: skip
            if landmark is not None:
                keep_up.changed()
    except BaseException:
        if folder is not None:
            remove_folder(folder)
        raise
    return photo


def _read(photo: LandmarkPhoto, file: Upload, told: Told) -> None:
    """Copy the file, and fill in what it says of itself and what a person does."""
    with room_on_disk():
        said = _prepared(file, photo_file(photo)).metadata
    photo.width, photo.height, photo.camera = said.width, said.height, said.camera
    photo.taken_at, photo.warnings = _moment(said.captured_at), list(said.warnings)
    photo.direction_deg = engine.looks_to(said)
    if said.lon is not None and said.lat is not None:
        photo.point, photo.position_from = Point(said.lon, said.lat, srid=4326), PositionFrom.PHOTO
        photo.accuracy_m = said.position_error_m
    describe(photo, {"lonlat": told.lonlat} if told.lonlat else {})
    describe(photo, {"direction_deg": told.direction_deg} if told.direction_deg is not None else {})


def _prepared(file: Upload, copy: Path) -> engine.PreparedPhoto:
    try:
        return engine.prepare_photo(file.path, copy, file.name)
    except engine.InvalidInputError as error:
        raise UnreadablePhotoError(engine.why_unreadable(file.path, file.name, error)) from error


def describe(photo: LandmarkPhoto, said: dict[str, Any]) -> None:
    """Set on the row what a person says: `lonlat` (None: nowhere), `direction_deg` and `caption`, where named."""
    if "lonlat" in said:
        lonlat = said["lonlat"]
        photo.point = None if lonlat is None else Point(lonlat[0], lonlat[1], srid=4326)
        photo.position_from = PositionFrom.NOBODY if lonlat is None else PositionFrom.PERSON
        photo.accuracy_m = None
    if "direction_deg" in said:
        photo.direction_deg = None if said["direction_deg"] is None else said["direction_deg"] % 360
    if "caption" in said:
        photo.caption = said["caption"]


@transaction.atomic
def update(*, user: User, photo: LandmarkPhoto, said: dict[str, Any]) -> LandmarkPhoto:
    """Correct where a photo was taken, where it looks, or its caption.

    Raises:
        NotAllowedError: it is somebody else's, and the person no editor.
    """
    _check_may(user, photo)
    row = LandmarkPhoto.objects.select_for_update(of=("self",), no_key=True).get(pk=photo.pk)
    describe(row, said)
    row.save()
    audit.record(actor=user, action="photo.update", object_kind="landmark_photo", object_id=row.pk,
                 scope_id=row.region_id, fields=sorted(said))  # fmt: skip
    return row


@transaction.atomic
def delete(*, user: User, photo: LandmarkPhoto) -> None:
    """Remove a photo with its file.

    Raises:
        NotAllowedError: it is somebody else's, and the person no editor.
    """
    _check_may(user, photo)
    audit.record(actor=user, action="photo.delete", object_kind="landmark_photo", object_id=photo.pk,
                 scope_id=photo.region_id, name=photo.original_name)  # fmt: skip
    of_landmark = photo.landmark_id is not None
    photo.delete()
    if of_landmark:
        keep_up.changed()


def on_deleted(sender: Any, *, instance: LandmarkPhoto, **kwargs: Any) -> None:
    """Receiver of deleted photos, also of those that go with their landmark: the file goes once that is sure."""
    folder = photo_file(instance).parent
    transaction.on_commit(lambda: remove_folder(folder))


def _check_may(user: User, photo: LandmarkPhoto) -> None:
    if photo.owner_id != user.pk and not has_role(user, "editor"):
        raise NotAllowedError("this photo is somebody else's: ask them, or an editor")


def _moment(text: str | None) -> dt.datetime | None:
    moment = dt.datetime.fromisoformat(text) if text else None
    return timezone.make_aware(moment, dt.UTC) if moment is not None and moment.tzinfo is None else moment
