"""Rows of edits as plain osmChange facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.gis.geos import GEOSGeometry

from annotation.changes.models import ChangeKind
from annotation.changes.selectors import shape_after
from annotation.changes.tagging import new_building, tagged
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import AcceptedChange, Base
from annotation.edits.osmchange.nodes import LonLat, OldNode
from annotation.edits.osmchange.rings import OldWay
from annotation.edits.states import State, base_state, merged_state, of_footprint, takes

Polygons = list[list[list[LonLat]]]


def accepted_change(item: EditItem) -> AcceptedChange:
    """The item's accepted shape and the object it is based on."""
    return AcceptedChange(
        item.change.kind, polygons_of(final_geometry(item)), base_of(item), item.demolish, check_date_of(item),
        tags_set(item), keeps_shape=not takes(item, "shape"), drawn=item.change.adjusted is not None,
        cut=[] if item.change.cut is None else [(x, y) for x, y in item.change.cut.coords], merged=merged_base_of(item),
    )  # fmt: skip


def final_geometry(item: EditItem) -> GEOSGeometry:
    """The shape a person accepted: as adjusted, else as proposed; where the map's own stays or goes, that one."""
    state = base_state(item)
    reshapes = item.change.kind != ChangeKind.REMOVE and item.change.confirmed_on is None and takes(item, "shape")
    return shape_after(item.change) if state is None or reshapes else state.geometry


def check_date_of(item: EditItem) -> str:
    """The day on which a person saw the building stand, YYYY-MM-DD; empty where the edit is another."""
    return item.change.confirmed_on.isoformat() if item.change.confirmed_on is not None else ""


def tags_set(item: EditItem) -> dict[str, str]:
    """Tags that a person set and that the edit still has."""
    return item.change.tags_set if takes(item, "tags") else {}


def tags_after(item: EditItem) -> dict[str, str]:
    """The tags of the object that stays once the edit is made; of a removal, those that it has."""
    if _makes_one(item):
        change = accepted_change(item)
        return tagged(change.known[0].tags, change.said)
    base, check_date = base_state(item), check_date_of(item)
    tags = new_building(tags_set(item)) if base is None else tagged(base.tags, tags_set(item))
    return tags | ({"check_date": check_date} if check_date else {})


def _makes_one(item: EditItem) -> bool:
    """Whether two buildings become one by it."""
    draws = item.change.kind != ChangeKind.REMOVE and item.change.confirmed_on is None
    return draws and merged_state(item) is not None


def polygons_of(geometry: GEOSGeometry) -> Polygons:
    """Rings of corners of a polygon or multipolygon: outer first, then holes."""
    coordinates: Sequence = geometry.coords  # type: ignore[attr-defined]
    parts = [coordinates] if geometry.geom_type == "Polygon" else coordinates
    return [[[(point[0], point[1]) for point in ring] for ring in part] for part in parts]


def base_of(item: EditItem) -> Base | None:
    """What the edit is based on, with the versions that were given later; None for a new building."""
    state = base_state(item)
    return None if state is None else _base(state, item.base_version, item.node_versions)


def merged_base_of(item: EditItem) -> Base | None:
    """The building beside it that becomes one with it; None where it stays by itself."""
    if item.change.merged is None:
        return None
    state = of_footprint(item.change.merged)
    return _base(
        state, item.node_versions.get(state.key) if state.version is None else state.version, item.node_versions
    )


def _base(state: State, version: int | None, given: Mapping[str, int]) -> Base:
    outlines = [f"{kind}/{ref}" for kind, ref, _, *tagged in state.members if any(tagged)]
    ways = [
        OldWay(
            id=ref,
            version=given.get(f"way/{ref}") if known is None else known,
            tags=tags,
            nodes=tuple(_nodes(nodes, given)),
            used=used,
            outline=f"way/{ref}" in outlines,
        )
        for ref, known, tags, nodes, used in state.ways or ()
    ]
    parts = polygons_of(state.geometry)
    return Base(
        osm_type=state.osm_type,
        osm_id=state.osm_id,
        version=version,
        tags=state.tags,
        nodes=_nodes(state.nodes, given),
        members=[(kind, int(ref), role) for kind, ref, role, *_ in state.members],
        outlines=outlines,
        ways=None if state.ways is None else ways,
        in_relation=state.in_relation,
        holes=[ring for rings in parts for ring in rings[1:]] if state.osm_type == "way" else [],
    )


def _nodes(kept: Iterable[Sequence[Any]], given: Mapping[str, int]) -> list[OldNode]:
    """Nodes as the map has them, with versions that people gave where the map gave none."""
    return [
        OldNode(int(ref), given.get(str(ref)) if version is None else version, lon, lat, shared, *tagged)
        for ref, version, lon, lat, shared, *tagged in kept
    ]
