"""The job that finds images: each is copied safely, what it says of itself is doubted, then it is looked for."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.gis.geos import Point
from django.utils import timezone

from annotation.common.engine import MlcoreError, SpanProgress, StoppedError
from annotation.common.services.jobs import JobContext
from annotation.geolocation import engine
from annotation.geolocation.models import Against, ImageState, PlacementCandidate, PriorKind, UnplacedImage
from annotation.geolocation.selectors import grounds_for
from annotation.geolocation.services.flights import group, rank_by_neighbours
from annotation.geolocation.services.images import PICTURE, PREVIEW, image_folder
from annotation.sources.services.files import absolute, relative

OPEN = (ImageState.UPLOADED, ImageState.SEARCHING)
PREPARING = 0.15
NOT_HERE = (
    "nothing in the imagery and maps that were searched looks like it: say about where it lies, choose another region, "
    "or place it by hand"
)
NOWHERE = "there is no imagery and no map to look for it in: import some into a region first"
FAR_M = 50.0


def run(context: JobContext) -> None:
    """Runner of `geolocation.locate`; what a run before had done is not done again."""
    ids = context.params["images"]
    rows = UnplacedImage.objects.select_related("owner", "region", "flight").filter(pk__in=ids).order_by("pk")
    images = [image for image in rows if image.state in OPEN]
    try:
        for number, image in enumerate(images):
            context.report(PREPARING * number / len(images), f"{image.original_name} is read")
            _prepare(context, image)
        images = [image for image in images if image.state in OPEN]
        group(images)
        searcher = engine.make_searcher() if images else None
        waiting: list[UnplacedImage] = []
        for number, image in enumerate(images):
            span = SpanProgress(context, PREPARING + (1 - PREPARING) * number / len(images),
                                PREPARING + (1 - PREPARING) * (number + 1) / len(images))  # fmt: skip
            _locate(context, image, searcher, span)
            waiting += [image] if image.state == ImageState.NOT_FOUND and image.flight_id else []
        for image in waiting:
            neighbour = _found_neighbour(image, images)
            if neighbour is not None:
                _locate(context, image, searcher, SpanProgress(context, 0.98, 1.0), neighbour)
        located = {image.pk for image in images if image.state == ImageState.CANDIDATES}
        for flight in {image.flight for image in images if image.flight is not None}:
            with context.transaction():
                rank_by_neighbours(flight, located)
    except StoppedError:
        UnplacedImage.objects.filter(pk__in=ids, state=ImageState.SEARCHING).update(state=ImageState.UPLOADED)
        raise
    states = UnplacedImage.objects.filter(pk__in=ids).values_list("state", flat=True)
    context.set_result({"images": len(ids), "found": sum(state == ImageState.CANDIDATES for state in states)})


def _prepare(context: JobContext, image: UnplacedImage) -> None:
    """Copy the picture without its metadata, once, and keep what may be believed of that."""
    folder = image_folder(image.pk)
    if image.path == relative(folder / PICTURE):
        return
    upload = absolute(image.path)
    try:
        made = engine.prepare_image(upload, folder / PICTURE, folder / PREVIEW, image.original_name, context)
    except StoppedError:
        raise
    except MlcoreError as error:
        _end(context, image, ImageState.FAILED, error.code, str(error))
        return
    said = made.metadata
    image.path = relative(folder / PICTURE)
    image.width, image.height, image.camera = said.width, said.height, said.camera
    image.warnings = list(said.warnings)
    if made.placed:
        image.warnings.append("the file says where it lies: it can also be imported as imagery on the page of sources")
    image.captured_at = _moment(said.captured_at)
    image.prior_altitude_m, image.prior_heading_deg = said.height_m, said.heading_deg
    image.prior_resolution_m = said.ground_resolution_m
    if said.lon is not None and said.lat is not None and image.prior_kind == PriorKind.NONE:
        reach = said.radius_m or 500.0
        image.prior_point = Point(said.lon, said.lat, srid=4326)
        image.prior_accuracy_m = (said.position_error_m or 0.0) + reach * 0.5
        image.prior_kind = PriorKind.XMP if said.height_m is not None else PriorKind.EXIF
        image.prior_trust = 0.3 if (said.tilt_deg or 0.0) > 50 else 0.8
    with context.transaction():
        image.save()
    upload.unlink(missing_ok=True)
    if made.nothing:
        _end(context, image, ImageState.FAILED, "nothing_to_see", made.nothing)


def _locate(
    context: JobContext, image: UnplacedImage, searcher: Any, progress: SpanProgress,
    neighbour: engine.Prior | None = None,
) -> None:  # fmt: skip
    """Look for one image, and keep its places."""
    image.state = ImageState.SEARCHING
    with context.transaction():
        image.save(update_fields=["state"])
    progress.report(0.0, f"{image.original_name} is looked for")
    prior = neighbour or engine.prior_of(image)
    found, looked = engine.find(image, absolute(image.path), prior, grounds_for(image), searcher, progress)
    if not found:
        code, detail = ("not_here", NOT_HERE) if looked else ("nothing_to_search", NOWHERE)
        _end(context, image, ImageState.NOT_FOUND, code, detail)
        return
    image.warnings = [*image.warnings, *_contradictions(image, found[0])]
    image.state, image.error_code, image.error_detail = ImageState.CANDIDATES, "", ""
    rows = [_row(image, rank, one) for rank, one in enumerate(found, start=1)]
    with context.transaction():
        image.candidates.all().delete()
        image.save()
        PlacementCandidate.objects.bulk_create(rows)


def _row(image: UnplacedImage, rank: int, found: engine.Found) -> PlacementCandidate:
    on_map = found.ground.snapshot is not None
    return PlacementCandidate(
        image=image, rank=rank, against=Against.MAP if on_map else Against.BASE, title=found.ground.title,
        base_id=found.ground.base_id, imagery=found.ground.imagery, snapshot=found.ground.snapshot,
        region_id=found.ground.region_id, set_id=found.ground.set_id,
        transform=found.ground.transform, homography=found.homography.tolist(), covariance=found.covariance.tolist(),
        footprint=found.place.footprint, score=-found.log10_nfa, probability=min(1.0, max(0.0, found.probability)),
        log10_nfa=found.log10_nfa, rmse_m=found.rmse_m, points=found.points, agreeing=found.agreeing,
        asked=found.asked, model_digest=found.digest,
    )  # fmt: skip


def _contradictions(image: UnplacedImage, found: engine.Found) -> list[str]:
    """Where the picture was found to lie otherwise than it says."""
    said = []
    place = found.place
    if image.prior_point is not None and image.prior_kind in {PriorKind.EXIF, PriorKind.XMP}:
        away = engine.distance_m(place, image.prior_point.x, image.prior_point.y)
        if away > 3 * (image.prior_accuracy_m or 0.0) + FAR_M:
            told = f"{away / 1000:.1f} km" if away >= 1000 else f"{away:.0f} m"
            said.append(f"it was found {told} from where it says it was taken: one of the two is wrong")
    if image.prior_heading_deg is not None:
        turned = abs((place.heading_deg - image.prior_heading_deg + 180) % 360 - 180)
        if turned > 60:
            upside = ", so it would be upside down" if turned > 150 else ""
            said.append(f"it was found turned by {turned:.0f} degrees from what its compass says{upside}")
    if image.prior_resolution_m and not 0.6 <= place.resolution_m / image.prior_resolution_m <= 1.7:
        said.append("its scale is not that of the height and lens it tells of")
    return said


def _found_neighbour(image: UnplacedImage, images: list[UnplacedImage]) -> engine.Prior | None:
    """Where the frame of the same flight that was found and taken next to this one says to look."""
    found = [one for one in images if one.flight_id == image.flight_id and one.state == ImageState.CANDIDATES]
    if not found:
        return None
    order = {one.pk: number for number, one in enumerate(images)}
    nearest = min(found, key=lambda one: abs(order[one.pk] - order[image.pk]))
    best = nearest.candidates.order_by("rank").first()
    if best is None:
        return None
    place = engine.place_of(best)
    lon, lat = place.corners.mean(axis=0).tolist()
    apart = max(1, abs(order[nearest.pk] - order[image.pk]))
    reach = place.resolution_m * max(place.width, place.height) * apart
    return engine.Prior(lon, lat, min(reach, 2000.0), place.resolution_m, place.heading_deg)


def _moment(text: str | None) -> dt.datetime | None:
    moment = dt.datetime.fromisoformat(text) if text else None
    return timezone.make_aware(moment, dt.UTC) if moment is not None and moment.tzinfo is None else moment


def _end(context: JobContext, image: UnplacedImage, state: str, code: str, detail: str) -> None:
    image.state, image.error_code, image.error_detail = state, code, detail[:500]
    with context.transaction():
        image.save(update_fields=["state", "error_code", "error_detail"])
