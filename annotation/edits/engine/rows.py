"""Rows of edits as plain osmChange facts."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.gis.geos import GEOSGeometry

from annotation.changes.selectors import shape_after
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import AcceptedChange, Base
from annotation.edits.osmchange.nodes import LonLat, OldNode
from annotation.sources.models import Footprint

Polygons = list[list[list[LonLat]]]


def accepted_change(item: EditItem) -> AcceptedChange:
    """The item's accepted shape and the object it is based on."""
    change = item.change
    base = base_of(change.footprint, item) if change.footprint else None
    polygons = polygons_of(final_geometry(item))
    return AcceptedChange(change.kind, polygons, base, item.demolish, check_date_of(item), change.tags_set)


def final_geometry(item: EditItem) -> GEOSGeometry:
    """The shape a person accepted: as adjusted, else as proposed; of a building that still stands, as mapped."""
    return shape_after(item.change)


def check_date_of(item: EditItem) -> str:
    """The day on which a person saw the building stand, YYYY-MM-DD; empty where the edit is another."""
    return item.change.confirmed_on.isoformat() if item.change.confirmed_on is not None else ""


def tags_after(item: EditItem) -> dict[str, str]:
    """The object's tags once the edit is made; of a removal, those that it has."""
    base, check_date = item.change.footprint, check_date_of(item)
    tags = {"building": "yes"} if base is None else dict(base.tags)
    return tags | item.change.tags_set | ({"check_date": check_date} if check_date else {})


def polygons_of(geometry: GEOSGeometry) -> Polygons:
    """Rings of corners of a polygon or multipolygon: outer first, then holes."""
    coordinates: Sequence = geometry.coords  # type: ignore[attr-defined]
    parts = [coordinates] if geometry.geom_type == "Polygon" else coordinates
    return [[[(point[0], point[1]) for point in ring] for ring in part] for part in parts]


def base_of(footprint: Footprint, item: EditItem) -> Base:
    given = item.node_versions
    nodes = [
        OldNode(int(ref), given.get(str(ref)) if version is None else version, lon, lat, shared, *tagged)
        for ref, version, lon, lat, shared, *tagged in footprint.nodes
    ]
    parts = polygons_of(footprint.geometry)
    return Base(
        osm_type=footprint.osm_type,
        osm_id=footprint.osm_id,
        version=item.base_version,
        tags=footprint.tags,
        nodes=nodes,
        members=[(kind, int(ref), role) for kind, ref, role, *_ in footprint.members],
        outlines=[f"{kind}/{ref}" for kind, ref, _, *tagged in footprint.members if any(tagged)],
        in_relation=footprint.in_relation,
        has_holes=any(len(rings) > 1 for rings in parts),
    )
