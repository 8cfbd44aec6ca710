"""A building as the map's server shows it now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.gis.geos import Polygon

from annotation.edits.engine.answers import Written
from annotation.edits.states import State


def state_on_server(elements: Sequence[Written], base: State) -> State | None:
    """A way as the map's server shows it with its nodes; None where it is gone, open, or crosses itself.

    What a server does not say of a way alone is taken as the base has it: whether it is in a relation, which of its
    nodes others use. A node that came since counts as used, so that it is neither moved nor deleted.
    """
    nodes = {one.id: one for one in elements if one.kind == "node"}
    way = next((one for one in elements if (one.kind, one.id) == ("way", base.osm_id)), None)
    refs = [int(ref) for ref in way.body if isinstance(ref, int) and ref in nodes] if way is not None else []
    if way is None or len(set(refs)) < 3 or refs[0] != refs[-1]:
        return None
    shared = {int(node[0]): bool(node[4]) for node in base.nodes}
    kept = [
        [ref, nodes[ref].version, float(nodes[ref].lon), float(nodes[ref].lat), shared.get(ref, True),
         bool(nodes[ref].tags)]
        for ref in refs
    ]  # fmt: skip
    outline = Polygon([(lon, lat) for _, _, lon, lat, *_ in kept], srid=4326)
    if not outline.valid:
        return None
    edited_at = datetime.fromisoformat(way.timestamp) if way.timestamp else None
    return State("way", way.id, way.version, edited_at, way.tags, kept, [], None, base.in_relation, outline, None)
