"""The buildings beside the edits of a changeset, whose nodes their corners may share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import shapely
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.edits.engine import final_geometry
from annotation.edits.models import Changeset, EditItem
from annotation.edits.osmchange.elements import Node
from annotation.edits.osmchange.joining import METRES_PER_DEGREE, NODE_M, Neighbour
from annotation.edits.osmchange.nodes import OldNode
from annotation.review.models import ItemState
from annotation.sources.engine import to_shapely
from annotation.sources.models import Footprint
from annotation.sources.selectors import newest_snapshot

NEAR = """SELECT near.id FROM unnest(%s::text[]) AS box (wkb)
JOIN sources_footprint AS near ON near.geometry && box.wkb::geometry WHERE near.snapshot_id = %s"""
FAR_ENOUGH = 4 * NODE_M / METRES_PER_DEGREE
"""Degrees around a shape: more than `NODE_M` of longitude as far north as people build."""
AT_ONCE = 500


def beside(changeset: Changeset, items: Sequence[EditItem]) -> dict[int, list[Neighbour]]:
    """Ways of the buildings beside each edit that draws a shape, by edit, as the region's newest map has them.

    Buildings that the changeset edits itself are left out: their nodes may move or go. So are those of maps without
    ids. One probe of the index for each edit, `AT_ONCE` of them in a query.
    """
    drawing = [item for item in items if item.operations is None and _draws(item)]
    newest = newest_snapshot(changeset.region) if drawing else None
    if newest is None:
        return {}
    about = EditItem.objects.filter(changeset=changeset).values_list("object", "change__merged__object")
    edited = {number for pair in about for number in pair if number is not None}
    found: dict[int, list[Neighbour]] = {}
    for start in range(0, len(drawing), AT_ONCE):
        found |= _beside(drawing[start : start + AT_ONCE], newest.pk, edited)
    return found


def nodes_beside(changeset: Changeset, items: Sequence[EditItem], wanted: Collection[int]) -> Iterator[Node]:
    """Nodes of the buildings around these edits, as the newest map has them: those that are wanted."""
    newest = newest_snapshot(changeset.region) if wanted else None
    if newest is None:
        return
    drawing = [item for item in items if _draws(item)]
    for start in range(0, len(drawing), AT_ONCE):
        ways = _beside(drawing[start : start + AT_ONCE], newest.pk, ())
        found = {node.id: node for beside in ways.values() for way in beside for node in way.nodes}
        yield from (found[number].plain for number in sorted(found.keys() & set(wanted)))


def _draws(item: EditItem) -> bool:
    return item.change.kind != ChangeKind.REMOVE and item.change.confirmed_on is None


def _near(snapshot_id: int) -> QuerySet[Footprint]:
    """A map's buildings; `doubted` are those that somebody may be about to edit."""
    about = Change.objects.filter(object=OuterRef("object")).filter(
        Q(item__state=ItemState.OPEN) | Q(item__decision=ChangeDecision.ACCEPT)
    )
    rows = Footprint.objects.filter(snapshot=snapshot_id, osm_id__gt=0).annotate(doubted=Exists(about))
    return rows.only("object", "osm_type", "osm_id", "version", "tags", "nodes", "ways", "geometry")


def _beside(items: Sequence[EditItem], snapshot_id: int, edited: Collection[int]) -> dict[int, list[Neighbour]]:
    shapes = [to_shapely(final_geometry(item)) for item in items]
    boxes = shapely.box(*(shapely.bounds(shapes) + FAR_ENOUGH * np.array([-1, -1, 1, 1])).T)
    texts = list(shapely.to_wkb(shapely.set_srid(boxes, 4326), hex=True, include_srid=True))
    rows = _near(snapshot_id).filter(pk__in=RawSQL(NEAR, [texts, snapshot_id]))  # noqa: S611
    near = list(rows.exclude(object__in=edited))
    found: dict[int, list[Neighbour]] = defaultdict(list)
    if not near:
        return found
    tree = shapely.STRtree([to_shapely(row.geometry) for row in near])
    ways = [list(_ways(row)) for row in near]
    for index, row in sorted(tree.query(boxes, predicate="intersects").T.tolist()):
        if near[row].object_id != items[index].object_id:
            found[items[index].pk] += ways[row]
    return found


def _ways(row: Footprint) -> Iterator[Neighbour]:
    """The way of a building, or those of a multipolygon; a way of its own may take a node more."""
    sure = row.version is not None and not row.doubted  # type: ignore[attr-defined]
    courses = [(row.osm_id, row.version, row.nodes, sure)] if row.osm_type == "way" else []
    courses += [(number, version, nodes, False) for number, version, _, nodes, _ in row.ways or ()]
    for number, version, kept, free in courses:
        nodes = tuple(OldNode(int(ref), seen, lon, lat, *more) for ref, seen, lon, lat, *more in kept)
        if nodes and number and all(node.id > 0 for node in nodes):
            closed = nodes[0].id == nodes[-1].id and len(nodes) > 3
            yield Neighbour(number, version, row.tags, nodes, free and closed)
