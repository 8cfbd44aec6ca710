"""Lays the region's grid over an imagery and a snapshot: one pair per tile that shows something."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import shapely
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.engine import Progress, stop_if_asked
from annotation.common.errors import InvalidError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.common.signals import tiles_made
from annotation.sources.engine import to_geos, to_shapely
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import current_sources
from annotation.tiles.engine import PairSource, TileAddress, pair_source
from annotation.tiles.models import Tile, TilePair

BATCH = 500
MEASURE_PX = 128
"""Tiles are read at this size to find the share of them that has data."""


@dataclass(frozen=True)
class PairCounts:
    """What a region's grid holds: pairs, and those of them where the map is complete."""

    pairs: int
    mapped: int


def start(*, user: User | None, region: Region) -> Job:
    """Queue the making of pairs from the newest imagery and snapshot of the region."""
    imagery, snapshot = current_sources(region)
    return jobs.enqueue(
        kind="tiles.build_pairs",
        params={"imagery": imagery.pk, "snapshot": snapshot.pk},
        scope_id=region.pk,
        created_by=user,
        dedup_key=f"{imagery.pk}:{snapshot.pk}",
    )


def run(context: jobs.JobContext) -> None:
    """Runner of `tiles.build_pairs`."""
    imagery = Imagery.objects.select_related("region").get(pk=context.params["imagery"])
    snapshot = MapSnapshot.objects.get(pk=context.params["snapshot"])
    counts = build(imagery=imagery, snapshot=snapshot, progress=context)
    context.set_result(asdict(counts))


def build(*, imagery: Imagery, snapshot: MapSnapshot, progress: Progress) -> PairCounts:
    """Make the tiles and pairs that are missing; what exists already stays as it is.

    Raises:
        InvalidError: the region has no zoom, or no tile of it shows any of the image.
        StoppedError: `progress` asked to stop.
    """
    region = imagery.region
    if region.zoom is None or region.area is None:
        raise InvalidError("the region has no grid yet: it gets one from its first imagery, or set zoom and area")
    source = pair_source(imagery, snapshot)
    area = to_shapely(region.area)
    shapely.prepare(area)
    addresses = [address for address in source.tiles(region.zoom) if _overlaps(area, address)]
    if not addresses:
        raise InvalidError("the region's area and the imagery have no tile in common: check the area")
    known = _known_tiles(imagery, snapshot, region.zoom)
    missing = [address for address in addresses if (address.x, address.y) not in known]
    for start_at in range(0, len(missing), BATCH):
        stop_if_asked(progress)
        _store(imagery, snapshot, source, missing[start_at : start_at + BATCH])
        progress.report(min(start_at + BATCH, len(missing)) / len(missing), f"{len(addresses)} tiles")
    if missing:
        tiles_made.send(TilePair, region_id=region.pk)
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot)
    return PairCounts(pairs=pairs.count(), mapped=pairs.filter(mapped=True).count())


def _overlaps(area: shapely.geometry.base.BaseGeometry, address: TileAddress) -> bool:
    return bool(area.intersects(shapely.buffer(address.polygon_lonlat, -1e-9, join_style="mitre")))


def _known_tiles(imagery: Imagery, snapshot: MapSnapshot, zoom: int) -> set[tuple[int, int]]:
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot, tile__z=zoom)
    return set(pairs.values_list("tile__x", "tile__y"))


def _store(imagery: Imagery, snapshot: MapSnapshot, source: PairSource, addresses: list[TileAddress]) -> None:
    region = imagery.region
    measured = {address: _measure(source, address) for address in addresses}
    with transaction.atomic():
        Tile.objects.bulk_create(
            [Tile(region=region, z=a.z, x=a.x, y=a.y, geometry=to_geos(a.polygon_lonlat)) for a in addresses],
            ignore_conflicts=True,
        )
        rows = Tile.objects.filter(region=region, z=addresses[0].z, y__in={a.y for a in addresses}).only("z", "x", "y")
        ids = {(tile.x, tile.y): tile.pk for tile in rows}
        TilePair.objects.bulk_create(
            [
                TilePair(
                    tile_id=ids[address.x, address.y],
                    imagery=imagery,
                    snapshot=snapshot,
                    valid_share=valid_share,
                    mapped=source.mapped(address),
                    buildings=buildings,
                )
                for address, (valid_share, buildings) in measured.items()
            ],
            ignore_conflicts=True,
        )


def _measure(source: PairSource, address: TileAddress) -> tuple[float, int]:
    valid = source.reader.read_tile(address, MEASURE_PX).valid
    return float(valid.mean()), len(source.index.query(address.bounds_lonlat, {"building"}))
