"""Reads of landmarks, their photos, the search indexes and what goes into them; what one may not see is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from math import cos, radians

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import Point, Polygon
from django.db.models import Count, FloatField, Func, Max, Q, QuerySet
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.changes.models import Change
from annotation.common.errors import NotFoundError
from annotation.common.models import Job
from annotation.consistency.models import Scan, ScanState, TileScore
from annotation.consistency.selectors import MIN_VALID_SHARE
from annotation.landmarks.models import IndexState, Landmark, LandmarkPhoto, SearchIndex
from annotation.review.models import ItemState
from annotation.sources.models import Imagery, Region
from annotation.sources.selectors import visible_regions
from annotation.tiles.models import Tile, TilePair

UPDATE = "landmarks.update_index"
ONE_UPDATE = "index"
"""Jobs that update the index have this key: one at a time."""
MOST_NAMED = 10
SHORTEST = 3
"""Signs of a text that the index of names can look for anywhere in a name."""
CHUNK = 20_000
Owner = tuple[int, int, int, float, float]
Bounds = tuple[float, float, float, float]
METRES = 111_195.0
"""Of a degree of latitude."""


def landmarks_of(user: User, region: Region | None = None, bbox: Bounds | None = None) -> QuerySet[Landmark]:
    """Landmarks that the person may see, with what a list shows of them."""
    rows = Landmark.objects.visible_to(user).select_related("created_by").prefetch_related("photos__owner")
    if region is not None:
        rows = rows.filter(region=region)
    if bbox is not None:
        rows = rows.filter(point__coveredby=Polygon.from_bbox(bbox))
    return rows


def landmarks_in(regions: Collection[int], bbox: Bounds | None = None) -> QuerySet[Landmark]:
    """The same of regions that the person is known to see."""
    rows = Landmark.objects.filter(region__in=list(regions)).select_related("created_by")
    rows = rows.prefetch_related("photos__owner")
    return rows if bbox is None else rows.filter(point__coveredby=Polygon.from_bbox(bbox))


def get_landmark(user: User, landmark_id: int) -> Landmark:
    """The landmark, or NotFoundError where it is missing or in a region that the person may not see."""
    row = landmarks_of(user).select_related("region", "created_by").filter(pk=landmark_id).first()
    if row is None:
        raise NotFoundError(f"no landmark {landmark_id}, or none you may see")
    return row


def photos_for(user: User) -> QuerySet[LandmarkPhoto]:
    """Photos that the person may see."""
    return LandmarkPhoto.objects.visible_to(user).select_related("owner", "region")


def get_photo(user: User, photo_id: int) -> LandmarkPhoto:
    """The photo, or NotFoundError where it is missing or in a region that the person may not see."""
    row = photos_for(user).filter(pk=photo_id).first()
    if row is None:
        raise NotFoundError(f"no photo {photo_id}, or none you may see")
    return row


def name_holds(rows: QuerySet[Landmark], text: str) -> QuerySet[Landmark]:
    """Landmarks whose name holds the text; of a text that is too short for the index of names, those it begins."""
    return rows.filter(name__icontains=text) if len(text) >= SHORTEST else rows.filter(name__istartswith=text)


def named_like(rows: QuerySet[Landmark], text: str) -> list[Landmark]:
    """Landmarks whose name holds the text, those whose name is the text first; see `name_holds`.

    Two questions, each with an end: to sort all that hold a common word costs as much as there are of them.
    """
    found = list(rows.filter(name__iexact=text).order_by("pk")[:MOST_NAMED])
    others = name_holds(rows, text).exclude(pk__in=[row.pk for row in found])
    return found + list(others.order_by("pk")[: MOST_NAMED - len(found)])


def owners_of_texts() -> Iterator[Owner]:
    """Of every landmark: its id twice, its region, longitude and latitude."""
    rows = Landmark.objects.order_by().values_list("pk", "pk", "region", _axis("point", "X"), _axis("point", "Y"))
    return rows.iterator(chunk_size=CHUNK)


def owners_of_photos() -> Iterator[Owner]:
    """Of every photo of a landmark: its id, and of the landmark id, region, longitude and latitude."""
    place = "landmark__point"
    rows = LandmarkPhoto.objects.exclude(landmark=None).order_by()
    told = rows.values_list("pk", "landmark", "landmark__region", _axis(place, "X"), _axis(place, "Y"))
    return told.iterator(chunk_size=CHUNK)


def _axis(field: str, axis: str) -> Func:
    return Func(field, function=f"ST_{axis}", output_field=FloatField())


def index_serving() -> SearchIndex | None:
    """The index that answers queries."""
    return SearchIndex.objects.serving().select_related("model").first()


def index_building() -> SearchIndex | None:
    """The index that is being made for a newer model, or the first one."""
    return SearchIndex.objects.filter(state=IndexState.BUILDING).select_related("model").order_by("-pk").first()


def update_job() -> Job | None:
    """The job that updates the index now, or did last."""
    return Job.objects.filter(kind=UPDATE).select_related("created_by").order_by("-created_at").first()


def get_tile(user: User, tile_id: int) -> Tile:
    """The tile, or NotFoundError where it is missing or in a region that the person may not see."""
    return _tile(Tile.objects.filter(pk=tile_id, region__in=visible_regions(user)))


def get_tile_at(region: Region, z: int, x: int, y: int) -> Tile:
    """The tile of a region at an address, or NotFoundError."""
    return _tile(Tile.objects.filter(region=region, z=z, x=x, y=y))


def _tile(rows: QuerySet[Tile]) -> Tile:
    row = rows.first()
    if row is None:
        raise NotFoundError("there is no such tile, or none you may see")
    return row


def tiles_shown(user: User, ids: Iterable[int]) -> dict[int, Tile]:
    """Those of these tiles that the person may see, by id, with their regions."""
    rows = Tile.objects.filter(pk__in=list(ids), region__in=visible_regions(user))
    return {row.pk: row for row in rows.select_related("region").defer("geometry", "region__area")}


def tiles_at_points(rows: Iterable[Landmark], regions: Collection[int]) -> list[int]:
    """Ids of the tiles on which landmarks stand, in the order of the landmarks, of these regions alone."""
    found: list[int] = []
    for row in rows:
        if row.region_id in regions:
            standing = Tile.objects.filter(region=row.region_id, geometry__intersects=row.point)
            found += [pk for pk in standing.order_by("pk").values_list("pk", flat=True)[:1] if pk not in found]
    return found


def nearest_landmarks(
    rows: QuerySet[Landmark], lonlat: tuple[float, float], within_m: float, count: int
) -> list[Landmark]:
    """Landmarks about a position, the nearest first; the index of places gives them."""
    point = Point(*lonlat, srid=4326)
    reach = within_m / METRES / max(cos(radians(lonlat[1])), 0.05)
    near = rows.filter(point__dwithin=(point, reach)).annotate(away=Distance("point", point))
    return [row for row in near.order_by("away", "pk")[:count] if row.away.m <= within_m]


def newest_scans(regions: Iterable[int]) -> dict[int, Scan]:
    """The newest finished scan of each of these regions that has one."""
    rows = Scan.objects.filter(region__in=list(regions), state=ScanState.READY)
    return {row.region_id: row for row in rows.order_by("region", "-pk").distinct("region")}


def scores_on(tiles: Iterable[int], scans: Iterable[Scan]) -> dict[int, float]:
    """Probability that image and map agree, by tile, of these scans."""
    rows = TileScore.objects.filter(scan__in=[scan.pk for scan in scans], pair__tile__in=list(tiles))
    return dict(rows.values_list("pair__tile_id", "probability"))


def pairs_to_find(imagery: Imagery) -> QuerySet[TilePair]:
    """Pairs whose tile shows enough of an imagery to be found."""
    return TilePair.objects.filter(imagery=imagery, valid_share__gte=MIN_VALID_SHARE).order_by()


def imagery_named(imagery_id: int) -> Imagery | None:
    """The imagery of this id, if it is still there."""
    return Imagery.objects.filter(pk=imagery_id).defer("footprint", "repairs").first()


def places_of(region: Region) -> dict[int, tuple[int, int, int]]:
    """z, x, y of a region's tiles by id."""
    rows = Tile.objects.filter(region=region).order_by().values_list("pk", "z", "x", "y")
    return {pk: (z, x, y) for pk, z, x, y in rows.iterator(chunk_size=20_000)}


def mark_of(imagery: Imagery, scan: Scan | None) -> list[int]:
    """Numbers that are others once a region's tiles, or the scan that scores them, are: counted along an index."""
    counted = pairs_to_find(imagery).aggregate(count=Count("pk"), last=Max("pk"))
    return [imagery.pk, counted["count"], counted["last"] or 0, scan.pk if scan else 0]


def changes_on(user: User, tiles: Iterable[int], kind: str) -> dict[int, Change]:
    """One change of a kind on each of these tiles that has any, by tile: one that people decided where there is one."""
    rows = Change.objects.filter(pair__tile__in=list(tiles), kind=kind, scan__region__in=visible_regions(user)).exclude(
        item__state=ItemState.WITHDRAWN
    )
    found: dict[int, Change] = {}
    for change in rows.select_related("item", "pair").order_by("pk"):
        before = found.get(change.pair.tile_id)
        if before is None or (change.item.state == ItemState.DECIDED and before.item.state != ItemState.DECIDED):
            found[change.pair.tile_id] = change
    return found


def waiting_on(region_id: int, tiles: Iterable[int], kind: str) -> list[tuple[int, int]]:
    """(tile, item) of the changes of a kind on these tiles that wait in a region's queue and are free, surest first."""
    rows = Change.objects.filter(
        pair__tile__in=list(tiles), kind=kind, item__scope_id=region_id, item__state=ItemState.OPEN,
        item__outdated=False, item__assigned_to=None,
    ).filter(Q(item__lease_expires_at=None) | Q(item__lease_expires_at__lte=Now()))  # fmt: skip
    return list(rows.order_by("-item__priority", "item").values_list("pair__tile", "item"))
