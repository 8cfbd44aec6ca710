"""The transforms that people, or the gate that an administrator set, stand by, for whoever reads tiles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from annotation.correspondences import engine, selectors
from annotation.correspondences.engine import TileAddress, Transform
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use
from annotation.tiles.engine import tile_address, tiles_at


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
    said = {tile_address(row.map_pair.tile): engine.said_transform(row) for row in rows}
    return {tile: transform for tile, transform in said.items() if transform is not None}


def known_of(imagery: Imagery, snapshot: MapSnapshot, on: Collection[TileAddress] | None = None) -> engine.Known:
    """What is known of the shifts of their tiles before these are measured: people's word, and matchers' proposals.

    Args:
        on: the tiles that are asked for, of which alone rows are read; None: all.
    """
    which = {"imagery_id": imagery.pk, "snapshot_id": snapshot.pk}
    found = selectors.in_force(**which), selectors.proposals(**which)
    if on is not None:
        at = tiles_at(imagery.region_id, on)
        found = found[0].filter(pair__tile__in=at), found[1].filter(pair__tile__in=at)
    return engine.known_shifts(found[0], found[1].iterator(chunk_size=2000))


def pairs_in_force(imagery: Imagery, snapshot: MapSnapshot, on: Collection[TileAddress] | None = None) -> set[int]:
    """The pairs of an imagery and a map, on these tiles or on all, whose transform people, or the gate, stand by."""
    rows = selectors.in_force(imagery_id=imagery.pk, snapshot_id=snapshot.pk)
    rows = rows if on is None else rows.filter(pair__tile__in=tiles_at(imagery.region_id, on))
    return set(rows.values_list("pair_id", flat=True))


def frozen_of(imagery: Imagery, snapshot: MapSnapshot) -> list[list[Any]]:
    """What people stand by of an imagery and a map, as a data set keeps it."""
    in_force = transforms_in_force(imagery.region, imagery=imagery, snapshot=snapshot)
    return engine.frozen_transforms(in_force)


def thawed(frozen: Sequence[Sequence[Any]]) -> engine.Known:
    """The same as training takes it."""
    return engine.thawed_shifts(frozen)
