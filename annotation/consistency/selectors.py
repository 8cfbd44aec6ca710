"""Reads of scans: the newest one, its scores and offsets as plain rows, and which scans the world has moved on from."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.consistency.models import Scan, ScanState, ShiftOrigin, TileScore
from annotation.learning.models import GENERAL, ModelState
from annotation.learning.selectors import active_model
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use, visible_regions
from annotation.tiles.models import TilePair

MIN_VALID_SHARE = 0.2
ScoreRow = tuple[int, int, float, float, float]
OffsetRow = tuple[int, int, float, float, float, str]
MOST_ARROWS = 1024


def scans_of_region(region_id: int) -> QuerySet[Scan]:
    """Scans of a region with model and job, newest first, each with its number of scored tiles."""
    scans = Scan.objects.filter(region_id=region_id).select_related("job", "model", "imagery", "snapshot")
    return scans.annotate(scored=Count("scores")).order_by("-pk")


def latest_scan(region_id: int) -> Scan | None:
    """The newest finished scan, if the region has one."""
    finished = Scan.objects.filter(region_id=region_id, state=ScanState.READY)
    return finished.select_related("job", "model__run", "imagery", "snapshot").order_by("-pk").first()


def overtaken(scan: Scan) -> bool:
    """Whether a newer scan of the region is finished: what this one suggested is withdrawn, and is to stay so."""
    return Scan.objects.filter(region=scan.region_id, state=ScanState.READY, pk__gt=scan.pk).exists()


def scored_tiles(scan: Scan) -> int:
    """How many tiles the scan scored."""
    return TileScore.objects.filter(scan=scan).count()


def get_scan(user: User, scan_id: int) -> Scan:
    """The scan, or NotFoundError where it is missing or in a region that the person may not see."""
    scans = Scan.objects.filter(pk=scan_id, region__in=visible_regions(user))
    scan = scans.select_related("region", "job", "model", "imagery", "snapshot").first()
    if scan is None:
        raise NotFoundError(f"no scan {scan_id}, or none you may see")
    return scan


def pairs_to_scan(scan: Scan) -> QuerySet[TilePair]:
    """The pairs a scan covers, in grid order: with image, and mapped unless it asks for the rest too."""
    pairs = TilePair.objects.filter(
        imagery_id=scan.imagery_id, snapshot_id=scan.snapshot_id, valid_share__gte=MIN_VALID_SHARE
    )
    if not scan.include_unmapped:
        pairs = pairs.filter(mapped=True)
    return pairs.select_related("tile").order_by("tile__y", "tile__x")


def scores_of(scan: Scan) -> QuerySet[TileScore]:
    """The scores of a scan with their tiles, the least consistent first."""
    return TileScore.objects.filter(scan=scan).select_related("pair__tile").order_by("probability", "pk")


def score_rows(scan: Scan) -> list[ScoreRow]:
    """(x, y, probability, final, difference) of every scored tile, in grid order."""
    rows = TileScore.objects.filter(scan=scan).order_by("pair__tile__y", "pair__tile__x")
    return list(rows.values_list("pair__tile__x", "pair__tile__y", "probability", "final", "difference"))


@dataclass(frozen=True)
class OffsetField:
    """Shifts of single tiles of a scan, evenly drawn from a part of the region.

    Attributes:
        step: every so-manieth tile in either direction was looked at; 1: all of them.
        rows: (x, y, metres to the east, to the north, confidence, origin) of every tile that has a shift.
    """

    step: int
    rows: list[OffsetRow]


def offset_field(scan: Scan, *, left: int, top: int, right: int, bottom: int) -> OffsetField:
    """How far the image lies off the map on the tiles of these columns and rows, the last ones included.

    Of a large part no more than MOST_ARROWS tiles are looked at, on a grid that stays where it is while a map is moved:
    what a page costs does not grow with the region.
    """
    zoom, step = scan.region.zoom, 1
    if zoom is None:
        return OffsetField(step, [])
    while (right // step - left // step + 1) * (bottom // step - top // step + 1) > MOST_ARROWS:
        step *= 2
    columns, rows = (range(-(-low // step) * step, high + 1, step) for low, high in ((left, right), (top, bottom)))
    found = TileScore.objects.filter(
        scan=scan, pair__tile__region=scan.region_id, pair__tile__z=zoom, pair__tile__x__in=list(columns),
        pair__tile__y__in=list(rows),
    ).exclude(shift_origin=ShiftOrigin.NONE)  # fmt: skip
    names = ("pair__tile__x", "pair__tile__y", "shift_east_m", "shift_north_m", "shift_confidence", "shift_origin")
    return OffsetField(step, list(found.order_by("pair__tile__y", "pair__tile__x").values_list(*names)))


def score_of_pair(pair_id: int) -> TileScore | None:
    """What the newest finished scan says of a pair, if it was scanned."""
    scores = TileScore.objects.filter(pair_id=pair_id, scan__state=ScanState.READY)
    return scores.select_related("scan__model").order_by("-scan_id").first()


def stale_scans(region: Region) -> list[tuple[Scan, list[str]]]:
    """Finished scans of other inputs than those in use, each with what is other: imagery, snapshot, model."""
    imagery, snapshot, active = imagery_in_use(region), snapshot_in_use(region), active_model(region.pk)
    found = []
    finished = Scan.objects.filter(region=region, state=ScanState.READY).select_related("model").order_by("-pk")
    for scan in finished:
        reasons = []
        if imagery is not None and scan.imagery_id != imagery.pk:
            reasons.append("imagery")
        if snapshot is not None and scan.snapshot_id != snapshot.pk:
            reasons.append("snapshot")
        overtaken = active is not None and (scan.model.kind == GENERAL or active.pk > scan.model_id)
        if overtaken or scan.model.state == ModelState.RETIRED:
            reasons.append("model")
        if reasons:
            found.append((scan, reasons))
    return found
