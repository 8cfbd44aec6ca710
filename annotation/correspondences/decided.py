"""The transforms that people, or the gate that an administrator set, stand by, for whoever reads tiles."""

from __future__ import annotations

from collections.abc import Mapping

from annotation.correspondences import engine, selectors
from annotation.correspondences.engine import TileAddress, Transform
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use
from annotation.tiles.engine import tile_address


def transforms_in_force(
    region: Region, *, imagery: Imagery | None = None, snapshot: MapSnapshot | None = None
) -> Mapping[TileAddress, Transform]:
    """What brings the map of a tile onto its image, in pixels at 256 px, as `PairSource(transforms=...)` takes it.

    Args:
        imagery, snapshot: of which image and map; None: those in use. Tiles without a verified or corrected transform
            of these are left out.
    """
    imagery, snapshot = imagery or imagery_in_use(region), snapshot or snapshot_in_use(region)
    if imagery is None or snapshot is None:
        return {}
    rows = selectors.in_force(imagery_id=imagery.pk, snapshot_id=snapshot.pk)
    said = {tile_address(row.pair.tile): engine.said_transform(row) for row in rows}
    return {tile: transform for tile, transform in said.items() if transform is not None}
