"""A person confirms where an image lies: a job brings it there, and it becomes imagery of a region."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.engine import SpanProgress
from annotation.common.errors import ConflictError, InvalidError, NotFoundError
from annotation.common.services import jobs
from annotation.common.services.jobs import JobContext
from annotation.geolocation import engine
from annotation.geolocation.models import Against, CandidateState, ImageState, PlacementCandidate, UnplacedImage
from annotation.geolocation.services.images import PICTURE, image_folder
from annotation.review.services import audit
from annotation.sources.models import Region
from annotation.sources.services.add_sources import add_imagery
from annotation.sources.services.files import Upload

KIND = "geolocation.become_imagery"
BY_HAND = "placed by hand"
Corners = list[list[float]]


def confirm(
    *,
    user: User,
    image: UnplacedImage,
    candidate: PlacementCandidate | None,
    corners: Corners | None,
    points: dict[str, Any] | None = None,
    region: Region,
    licence: str,
    attribution: str,
    captured_on: dt.date | None,
    wake: bool = True,
) -> UnplacedImage:
    """Take a place, adjusted where corners are given, and queue the job that makes imagery of the image.

    Args:
        candidate: the place that is right; None: the corners alone say it.
        corners: [[longitude, latitude] * 4] from the image's upper left clockwise.
        points: a person's control points instead, as of `engine.fit_points`: `model` and `points`.

    Raises:
        ConflictError: it is being looked for, has its place already, or could not be read.
        InvalidError: no photograph can lie like that, or the points are too few.
    """
    with transaction.atomic():
        row = UnplacedImage.objects.select_for_update(of=("self",), no_key=True).select_related("job").get(pk=image.pk)
        if row.job is not None and not row.job.finished:
            raise ConflictError("a job is at work on this image: stop it first, or wait")
        if row.imagery_id is not None:
            raise ConflictError("this image has become imagery already: remove that first if it lies wrong")
        if row.width is None or not (image_folder(row.pk) / PICTURE).is_file():
            raise ConflictError("this image was not read, so it can't be placed: send it again")
        fitted = None if points is None else engine.fit_points(row, points["points"], points["model"])
        if fitted is not None and fitted.refusal:
            raise InvalidError(fitted.refusal)
        if fitted is not None:
            corners = fitted.place.corners.tolist()
        chosen = candidate or _by_hand(row, corners)
        chosen.image = row
        if corners is not None:
            chosen.adjusted = {"corners": corners} if fitted is None else engine.kept_points(fitted)
        place = engine.place_of(chosen)
        engine.check_sane(place)
        engine.check_importable(place)
        chosen.footprint = place.footprint
        row.candidates.filter(state=CandidateState.CHOSEN).update(state=CandidateState.PROPOSED)
        chosen.state, chosen.decided_by, chosen.decided_at = CandidateState.CHOSEN, user, timezone.now()
        chosen.save()
        row.region, row.licence, row.attribution = region, licence, attribution
        row.state, row.error_code, row.error_detail = ImageState.CANDIDATES, "", ""
        params = {"image": row.pk, "candidate": chosen.pk, "captured_on": captured_on and captured_on.isoformat()}
        row.job = jobs.enqueue(kind=KIND, params=params, scope_id=region.pk, created_by=user, wake=wake)
        row.save()
        audit.record(actor=user, action="image.confirm", object_kind="image", object_id=row.pk, scope_id=region.pk,
                     candidate=chosen.pk, adjusted=corners is not None,
                     points=0 if points is None else len(points["points"]))  # fmt: skip
    return row


def _by_hand(image: UnplacedImage, corners: Corners | None) -> PlacementCandidate:
    """A place that nobody proposed."""
    if corners is None:
        raise ConflictError("choose one of the places, or give the four corners or control points")
    place = engine.place_of_corners(image, corners)
    last = image.candidates.order_by("-rank").values_list("rank", flat=True).first() or 0
    x, y = place.origin.tolist()
    return PlacementCandidate(
        image=image, rank=last + 1, against=Against.BASE, title=BY_HAND, by_hand=True,
        transform=[1.0, 0.0, x, 0.0, 1.0, y], homography=place.matrix.tolist(), footprint=place.footprint,
        score=0.0, probability=1.0,
    )  # fmt: skip


def provenance(chosen: PlacementCandidate) -> dict[str, Any]:
    """What the imagery says of how it came to lie where it lies."""
    place, image = engine.place_of(chosen), chosen.image
    kept = chosen.adjusted or {}
    person = {}
    if "points" in kept:
        person = {"control_points": [{name: one[name] for name in ("number", "image", "lonlat", "use")}
                                     for one in kept["points"]],
                  "model": kept["fitted"], "fit_rmse_m": kept["fit_rmse_m"],
                  "check_rmse_m": kept["check_rmse_m"]}  # fmt: skip
    return {
        "image": image.original_name, "sha256": image.sha256, "matched_with": chosen.title,
        "matcher_sha256": chosen.model_digest, "log10_nfa": chosen.log10_nfa, "points": chosen.agreeing,
        "rmse_m": chosen.rmse_m, "accuracy_m": place.accuracy_m, "corners_lonlat": place.corners.round(8).tolist(),
        "adjusted_by_hand": bool(chosen.adjusted), "origin_mercator": place.origin.tolist(),
        "homography": place.matrix.tolist(), "covariance": place.transform.covariance.tolist(),
        "decided_at": chosen.decided_at.isoformat() if chosen.decided_at else None, **person,
    }  # fmt: skip


def run(context: JobContext) -> None:
    """Runner of `geolocation.become_imagery`."""
    rows = PlacementCandidate.objects.select_related("image__region", "decided_by")
    chosen = rows.filter(pk=context.params["candidate"], state=CandidateState.CHOSEN).first()
    if chosen is None or chosen.image.region is None:
        raise NotFoundError("the image, its place or its region was removed meanwhile: confirm it again")
    image, region = chosen.image, chosen.image.region
    target = image_folder(image.pk) / f"placed-{context.run_token}.tif"
    try:
        said = provenance(chosen)
        engine.warp(
            image_folder(image.pk) / PICTURE, engine.place_of(chosen), target, said, SpanProgress(context, 0, 0.9)
        )
        file = Upload.from_path(target)
        file = Upload(file.path, f"{Path(image.original_name).stem}.tif", file.sha256, movable=True)
        day = context.params["captured_on"]
        with context.transaction(final=True):
            added = add_imagery(
                user=chosen.decided_by, region=region, file=file, licence=image.licence, attribution=image.attribution,
                captured_on=dt.date.fromisoformat(day) if day else None,
            )  # fmt: skip
            UnplacedImage.objects.filter(pk=image.pk).update(imagery=added.source, state=ImageState.PLACED)
            context.set_result({"imagery": added.source.pk})
    finally:
        target.unlink(missing_ok=True)
