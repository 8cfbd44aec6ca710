"""Lets the pairs of a map scan enter the review as proposals, one on a tile."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.correspondences import engine
from annotation.correspondences.models import ControlPoint, Correspondences, MapScan
from annotation.sources.engine import to_geos
from annotation.tiles.models import Tile


def store_scan_pairs(scan: MapScan, pairs: Sequence[engine.ScanPair]) -> int:
    """Store the pairs that are no proposals yet, in the caller's transaction; gives how many are new.

    They are the region's proposals as any other, drawn into batches and answered, but of the scan's picture: nothing
    that asks for the transforms of the region's own map meets them.
    """
    tiles = _tiles(scan, [one.tile for one in pairs])
    there = set(scan.proposals.values_list("scan_tile", "matcher", "matcher_digest"))
    kept = []
    for one in pairs:
        row = one.proposal.row
        row.scan_tile = tiles[one.tile]
        if (row.scan_tile.pk, row.matcher, row.matcher_digest) not in there:
            kept.append(one.proposal)
    Correspondences.objects.bulk_create([one.row for one in kept])
    points = [point for one in kept for point in one.points]
    for point in points:
        point.correspondences_id = point.correspondences.pk
    ControlPoint.objects.bulk_create(points, batch_size=2000)
    return len(kept)


def _tiles(scan: MapScan, addresses: Sequence[engine.TileAddress]) -> dict[engine.TileAddress, Tile]:
    """The region's tiles at these addresses; those that it lacks are made."""
    Tile.objects.bulk_create(
        [Tile(region_id=scan.region_id, z=a.z, x=a.x, y=a.y, geometry=to_geos(a.polygon_lonlat)) for a in addresses],
        ignore_conflicts=True,
    )
    rows = Tile.objects.filter(region_id=scan.region_id, y__in={a.y for a in addresses}, x__in={a.x for a in addresses})
    return {engine.TileAddress(tile.z, tile.x, tile.y): tile for tile in rows}
