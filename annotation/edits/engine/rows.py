"""Rows of edits as plain osmChange facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.gis.geos import GEOSGeometry

from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import AcceptedChange, Base
from annotation.edits.osmchange.nodes import LonLat, OldNode
from annotation.edits.osmchange.rings import OldWay
from annotation.sources.models import Footprint

Polygons = list[list[list[LonLat]]]


def accepted_change(item: EditItem) -> AcceptedChange:
    """The item's accepted shape and the object it is based on."""
    change = item.change
    base = base_of(change.footprint, item) if change.footprint else None
    return AcceptedChange(change.kind, polygons_of(final_geometry(item)), base, item.demolish)


def final_geometry(item: EditItem) -> GEOSGeometry:
    """The shape a person accepted: as adjusted, else as proposed."""
    change = item.change
    return change.adjusted or change.geometry


def polygons_of(geometry: GEOSGeometry) -> Polygons:
    """Rings of corners of a polygon or multipolygon: outer first, then holes."""
    coordinates: Sequence = geometry.coords  # type: ignore[attr-defined]
    parts = [coordinates] if geometry.geom_type == "Polygon" else coordinates
    return [[[(point[0], point[1]) for point in ring] for ring in part] for part in parts]


def base_of(footprint: Footprint, item: EditItem) -> Base:
    given = item.node_versions
    outlines = [f"{kind}/{ref}" for kind, ref, _, *tagged in footprint.members if any(tagged)]
    ways = [
        OldWay(
            id=ref,
            version=given.get(f"way/{ref}") if version is None else version,
            tags=tags,
            nodes=tuple(_nodes(nodes, given)),
            used=used,
            outline=f"way/{ref}" in outlines,
        )
        for ref, version, tags, nodes, used in footprint.ways or ()
    ]
    parts = polygons_of(footprint.geometry)
    return Base(
        osm_type=footprint.osm_type,
        osm_id=footprint.osm_id,
        version=item.base_version,
        tags=footprint.tags,
        nodes=_nodes(footprint.nodes, given),
        members=[(kind, int(ref), role) for kind, ref, role, *_ in footprint.members],
        outlines=outlines,
        ways=None if footprint.ways is None else ways,
        in_relation=footprint.in_relation,
        has_holes=any(len(rings) > 1 for rings in parts),
    )


def _nodes(kept: Iterable[Sequence[Any]], given: Mapping[str, int]) -> list[OldNode]:
    """Nodes as the map has them, with versions that people gave where the map gave none."""
    return [
        OldNode(int(ref), given.get(str(ref)) if version is None else version, lon, lat, shared, *tagged)
        for ref, version, lon, lat, shared, *tagged in kept
    ]
