"""Export a changeset: osmChange for OSM's tools, GeoJSON for everything else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation.changes.models import ChangeKind
from annotation.edits import selectors
from annotation.edits.engine import check_date_of, final_geometry, polygons_of, tags_after
from annotation.edits.errors import (
    ConflictingEditsError,
    NeverExportedError,
    RefusedItemsError,
    TooManyChangesError,
    UnknownVersionsError,
)
from annotation.edits.models import Changeset, EditItem
from annotation.edits.osmchange.elements import MAX_CHANGES
from annotation.edits.osmchange.nodes import DIGITS
from annotation.edits.osmchange.tools import ABOUT, ORDER, Tool, written_for
from annotation.edits.osmchange.write import write_osc
from annotation.edits.services import policy
from annotation.edits.services.compiling import Compiled, compile_changeset, freeze
from annotation.edits.services.uploads.guard import refuse_if_uploaded
from annotation.edits.services.webhooks import outbox
from annotation.edits.states import base_state


def osc(
    changeset: Changeset,
    *,
    tool: Tool = Tool.UPLOAD,
    skip_refused: bool = False,
    skip_conflicts: bool = False,
    as_exported: bool = False,
    to_person: bool = True,
) -> Iterator[str]:
    """The osmChange file for a tool, piece by piece; see `settled` for what is checked before the first piece."""
    compiled = settled(
        changeset,
        skip_refused=skip_refused,
        skip_conflicts=skip_conflicts,
        as_exported=as_exported,
        to_person=to_person,
    )
    return write_osc(written_for(tool, compiled.operations), ABOUT[tool], ORDER[tool])


def settled(
    changeset: Changeset,
    *,
    skip_refused: bool = False,
    skip_conflicts: bool = False,
    as_exported: bool = False,
    to_person: bool = True,
) -> Compiled:
    """What the changeset does, checked; the first time freezes it, so that every file says it under the same ids.

    Args:
        skip_refused: leave out edits that can't be written.
        skip_conflicts: leave out edits that the newest map contradicts.
        as_exported: the edits of earlier files whatever the map has become, for the record.
        to_person: somebody gets it as a file or a link, who may upload it anywhere: that is kept.

    Raises:
        UnknownVersionsError, RefusedItemsError: edits that can't be written.
        ConflictingEditsError: edits that the newest map contradicts.
        NeverExportedError: asked for the file as exported, of which there is none.
        NoVerdictError: an edit that no person decided.
        TooManyChangesError: more than OSM takes in one changeset.
        UploadedAlreadyError: it is in the map, or on its way there: only what was exported is handed out again.
    """
    with transaction.atomic():
        rows = Changeset.objects.select_for_update(no_key=True, of=("self",)).select_related("region", "snapshot")
        changeset = rows.get(pk=changeset.pk)
        if not as_exported:
            refuse_if_uploaded(changeset)
        items = _as_exported(changeset) if as_exported else _uncontradicted(changeset, skip_conflicts)
        policy.check(items)
        compiled = compile_changeset(changeset, items)
        if compiled.refusals and not (skip_refused and compiled.edits):
            raise _refused(compiled)
        if len(compiled.operations) > MAX_CHANGES:
            raise TooManyChangesError(
                f"this changeset touches {len(compiled.operations)} elements and OSM takes {MAX_CHANGES}; "
                "delete it and make several with fewer change_ids",
                elements=len(compiled.operations),
            )
        freeze(changeset, items, compiled)
        if to_person and changeset.handed_out_at is None:
            changeset.handed_out_at = timezone.now()
            changeset.save(update_fields=["handed_out_at"])
        if compiled.fresh:
            outbox.exported(changeset, len(compiled.fresh), len(compiled.operations))
    return compiled


def _as_exported(changeset: Changeset) -> list[EditItem]:
    items = [item for item in selectors.items_of(changeset) if item.operations is not None]
    if not items:
        raise NeverExportedError("this changeset was not exported as osmChange yet: leave as_exported out")
    return items


def as_exported_and_uncontradicted(changeset: Changeset) -> list[EditItem]:
    """Edits of earlier exports that the newest map still allows; nothing is written."""
    contradicted = {one.change for one in selectors.conflicts(changeset)}
    return [item for item in _as_exported(changeset) if item.change_id not in contradicted]


def _uncontradicted(changeset: Changeset, skip_conflicts: bool) -> list[EditItem]:
    against = selectors.conflicts(changeset)
    contradicted = {one.change for one in against}
    items = [item for item in selectors.items_of(changeset) if item.change_id not in contradicted]
    if not against or (skip_conflicts and items):
        return items
    again = ", or fetch the file as it was exported before with ?as_exported=1, for the record: upload nothing twice"
    raise ConflictingEditsError(
        f"the newest map says otherwise than {len(against)} edits: drop them from the changeset, export the rest "
        f"with ?skip_conflicts=1{again if changeset.exported_at else ''}",
        items=[vars(one) for one in against],
    )


def _refused(compiled: Compiled) -> UnknownVersionsError | RefusedItemsError:
    items = [vars(refusal) for refusal in compiled.refusals]
    missing = sorted({key for refusal in compiled.refusals for key in refusal.missing})
    if all(refusal.code == "unknown_version" for refusal in compiled.refusals):
        return UnknownVersionsError(
            f"the versions of {len(missing)} objects are unknown: post them to this changeset's versions/, or import "
            "an .osm or .osm.pbf extract with versions and scan again; the GeoJSON export works without",
            missing=missing,
            items=items,
        )
    return RefusedItemsError(
        f"{len(items)} edits can't be written as osmChange, each for the reason given; mend them, or export the rest "
        "with ?skip_refused=1",
        missing=missing,
        items=items,
    )


def geojson(changeset: Changeset) -> Iterator[str]:
    """The changeset as a GeoJSON FeatureCollection (RFC 7946), one feature per line, piece by piece."""
    head = {"id": changeset.pk, "tags": changeset.tags, "created_at": changeset.created_at.isoformat()}
    yield '{"type": "FeatureCollection", "changeset": ' + json.dumps(head) + ', "features": [\n'
    first = True
    for item in selectors.items_of(changeset).iterator(chunk_size=500):
        yield ("" if first else ",\n") + json.dumps(feature(item), allow_nan=False)
        first = False
    yield "\n]}\n"


FROM_NOTHING = (ChangeKind.ADD, ChangeKind.REMOVE)


def feature(item: EditItem) -> dict[str, Any]:
    """One edit as a GeoJSON feature: the shape afterwards, or of a removal the shape now, and what is known of it.

    Its member `before` is the shape that a modified building has in the map, else null.
    """
    change, base = item.change, base_state(item)
    decided = change.item
    return {
        "type": "Feature",
        "id": change.pk,
        "geometry": rfc7946(polygons_of(final_geometry(item))),
        "before": rfc7946(polygons_of(base.geometry)) if base and change.kind not in FROM_NOTHING else None,
        "properties": {
            "action": "confirm" if check_date_of(item) else "demolish" if item.demolish else change.kind,
            "osm_type": base.osm_type if base else None,
            "osm_id": base.osm_id if base else None,
            "version": item.base_version,
            "tags": tags_after(item),
            "cut": [list(place) for place in change.cut.coords] if change.cut is not None else None,
            "merged": change.merged.key if change.merged is not None else None,
            "confidence": change.confidence,
            "decided_by": decided.decided_by.username if decided.decided_by else None,
            "decided_at": decided.decided_at.isoformat() if decided.decided_at else None,
            "imagery": change.scan.imagery.original_name,
            "imagery_captured_on": str(change.scan.imagery.captured_on or "") or None,
        },
    }


def rfc7946(polygons: list[list[list[tuple[float, float]]]]) -> dict[str, Any]:
    """A GeoJSON geometry with seven digits, outer rings counter-clockwise, holes clockwise."""
    parts = [[_turned(ring, index == 0) for index, ring in enumerate(rings)] for rings in polygons]
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _turned(ring: list[tuple[float, float]], counter_clockwise: bool) -> list[list[float]]:
    lon0, lat0 = ring[0]
    area = sum((x0 - lon0) * (y1 - lat0) - (x1 - lon0) * (y0 - lat0) for (x0, y0), (x1, y1) in itertools.pairwise(ring))
    turned = ring if (area > 0) == counter_clockwise else ring[::-1]
    return [[round(lon, DIGITS), round(lat, DIGITS)] for lon, lat in turned]
