"""Reads of changesets and of what newer snapshots say about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import MultiPoint, Point
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.accounts.models import User
from annotation.changes.models import LEAVING, Change, ChangeDecision, ChangeKind
from annotation.changes.objects import (
    SAME_PLACE,
    SAME_SHARE,
    SHARED_LEAST,
    edits_of_the_same_state,
    states_in,
    taken_in,
    the_same_new_building,
)
from annotation.common.counted import Counted
from annotation.common.errors import NotFoundError
from annotation.common.shapes import sharing
from annotation.consistency.models import Scan, ShiftOrigin, TileScore
from annotation.edits.models import (
    Changeset,
    EditItem,
    Fate,
    Upload,
    UploadReceipt,
    UploadState,
)
from annotation.edits.neighbourhood import against_neighbours
from annotation.edits.osmchange.nodes import OldNode
from annotation.edits.states import (
    State,
    against_merged,
    base_state,
    is_behind,
    newer_part,
    nodes_moved,
    objects_of,
    of_footprint,
    used_since,
    versions_of,
    writes_nodes,
)
from annotation.learning.models import ModelVersion
from annotation.learning.selectors import shown_model
from annotation.sources.models import Footprint, Imagery, MapSnapshot, Region
from annotation.sources.selectors import newest_snapshot, visible_regions


@dataclass(frozen=True)
class Conflict:
    """What the newest map says against an edit."""

    change: int
    key: str | None
    code: str
    detail: str


def get_changeset(user: User, changeset_id: int) -> Changeset:
    """The changeset, or NotFoundError where it is missing or in a region the person may not see."""
    rows = Changeset.objects.filter(pk=changeset_id, region__in=visible_regions(user))
    changeset = rows.select_related("region", "snapshot", "created_by").first()
    if changeset is None:
        raise NotFoundError("there is no such changeset, or you are not a member of its region")
    return changeset


def changesets_of(region: Region) -> QuerySet[Changeset]:
    """A region's changesets with their number of edits, which is counted of those on the page alone."""
    edits = Counted(EditItem.objects.filter(changeset=OuterRef("pk")))
    return Changeset.objects.filter(region=region).select_related("created_by").annotate(edits=edits)


def items_of(changeset: Changeset) -> QuerySet[EditItem]:
    """The edits of a changeset with everything an export reads, in a fixed order."""
    return (
        EditItem.objects.filter(changeset=changeset)
        .select_related(
            "change__item__decided_by",
            "change__footprint",
            "change__merged",
            "change__scan__imagery",
            "change__scan__snapshot",
        )
        .order_by("pk")
    )


def imagery_of(changeset: Changeset) -> Imagery:
    """The imagery that the changeset's first edit was decided on."""
    scan = Scan.objects.filter(changes__edit_items__changeset=changeset).order_by("changes__edit_items").first()
    if scan is None:
        raise NotFoundError("this changeset holds no edit any more; load it again")
    return scan.imagery


def shifts_under(changeset: Changeset) -> list[tuple[float, float]]:
    """How far the image lies to the east and to the north of the map on the tiles of the edits, where it is known."""
    here = Change.objects.filter(edit_items__changeset=changeset, scan=OuterRef("scan"), pair=OuterRef("pair"))
    scores = TileScore.objects.filter(Exists(here)).exclude(shift_origin=ShiftOrigin.NONE)
    shifts = scores.values_list("shift_east_m", "shift_north_m")
    return [(east, north) for east, north in shifts if east is not None and north is not None]


def uploads_of(changeset: Changeset) -> QuerySet[Upload]:
    """Uploads of a changeset, the newest first, with how many receipts each has; without their bytes."""
    rows = Upload.objects.filter(changeset=changeset).select_related("user").defer("osc")
    return rows.annotate(receipt_count=Count("receipts"))


def watched_uploads(region: Region) -> QuerySet[Upload]:
    """Uploads of a region that are in the map, with how many of their elements met which fate.

    Receipts are counted of the uploads on the page alone, along an index.
    """
    receipts = UploadReceipt.objects.filter(upload=OuterRef("pk"))
    fates = {f"{fate.value}_count": Counted(receipts.filter(fate=fate)) for fate in Fate}
    rows = Upload.objects.filter(region=region, state=UploadState.DONE).select_related("user", "changeset").defer("osc")
    return rows.annotate(receipt_count=Counted(receipts), **fates)


def get_upload(user: User, upload_id: int) -> Upload:
    """The upload, or NotFoundError where it is missing or in a region the person may not see."""
    rows = Upload.objects.filter(pk=upload_id, region__in=visible_regions(user)).defer("osc")
    upload = rows.select_related("changeset", "user").annotate(receipt_count=Count("receipts")).first()
    if upload is None:
        raise NotFoundError("there is no such upload, or you are not a member of its region")
    return upload


def sent_elsewhere(changeset: Changeset, server: str) -> list[int]:
    """Changes of the changeset that add a building that another one, of any region, sends or sent to this server."""
    shape = Coalesce(OuterRef("change__adjusted"), OuterRef("change__geometry"))
    sent = Upload.objects.in_force().filter(server=server).exclude(changeset=changeset)
    near = Q(geometry__intersects=shape) | Q(adjusted__intersects=shape)  # so that the indexes are asked
    others = Change.objects.filter(near, kind=ChangeKind.ADD, edit_items__changeset__in=sent.values("changeset"))
    same = sharing(others.annotate(shape=Coalesce("adjusted", "geometry")), "shape", shape, SAME_SHARE)
    mine = EditItem.objects.filter(changeset=changeset, change__kind=ChangeKind.ADD).filter(Exists(same))
    return list(mine.order_by("pk").values_list("change", flat=True))


def change_about(changeset: Changeset, key: str, version: int | None = None) -> int | None:
    """The change whose edit is about an element, such as `way/12` or a node of it; None where there is none.

    Args:
        version: at which the element was written: of several edits, one that knows it at this version is meant.
    """
    found: int | None = None
    for item in items_of(changeset).iterator(chunk_size=500):
        known = versions_of(item)
        if key in known and (version is None or known[key] == version):
            return item.change_id
        found = found or (item.change_id if key in known else None)
    return found


def models_behind(changeset: Changeset) -> list[dict[str, Any]]:
    """The models that suggested the edits of a changeset, with how they did on known errors."""
    models = ModelVersion.objects.filter(scans__changes__edit_items__changeset=changeset).distinct()
    return [shown_model(model) for model in models.select_related("run").order_by("pk")]


NEWEST_FIRST = ("-item__decided_at", "-pk")
"""Changes in the order of their decisions."""


def exportable_changes(region: Region) -> QuerySet[Change]:
    """Changes whose answers edit the map and that may go into a changeset, the newest decision first.

    Left out: those in one already, and those of a building, or that take in one, that is in one by another change,
    unless a map newer than that edit has it; removals that one person alone accepted, where the region asks for a
    second one.
    """
    accepted = Change.objects.filter(scan__region=region, item__decision__in=LEAVING, edit_items__isnull=True)
    apart = accepted.exclude(Exists(edits_of_the_same_state()))
    apart = apart.exclude(Exists(the_same_new_building()), kind=ChangeKind.ADD)
    apart = apart.exclude(Exists(taken_in()))
    apart = apart.exclude(Exists(edits_of_the_same_state("merged")), merged__isnull=False)
    if region.second_person:
        apart = apart.exclude(kind=ChangeKind.REMOVE, item__decision=ChangeDecision.ACCEPT, item__not_for=None)
    return apart.order_by(*NEWEST_FIRST)


def conflicts(changeset: Changeset) -> list[Conflict]:
    """Edits whose base is no longer what the region's newest snapshot has; in the same few queries for any number."""
    return conflicts_of(changeset.region, items_of(changeset))


def conflicts_of(region: Region, edits: Iterable[EditItem]) -> list[Conflict]:
    """As `conflicts`, of edits that may not be saved yet."""
    newest = newest_snapshot(region)
    if newest is None:
        return []
    return _conflicts(list(edits), newest)


def conflict_of(item: EditItem, newest: MapSnapshot) -> Conflict | None:
    """What a map says against one edit, saved or not."""
    found = _conflicts([item], newest)
    return found[0] if found else None


def based_on(item: EditItem) -> int | None:
    """The map that an edit is based on; None for what the map's server said itself."""
    return item.change.scan.snapshot_id if item.rebased is None else item.rebased["state"]["snapshot"]


def mapped_by_now(change: Change, newest: MapSnapshot) -> Footprint | None:
    """Of a new building: the one that a map has there."""
    return _mapped_by_now(newest, [change.pk]).get(change.pk)


def _conflicts(items: Sequence[EditItem], newest: MapSnapshot) -> list[Conflict]:
    """What a newer map says against each edit by itself, else what became of its neighbours."""
    older = [item for item in items if based_on(item) != newest.pk]
    theirs = states_in(newest, objects_of(older))
    mapped = _mapped_by_now(newest, [item.change_id for item in older if not objects_of([item])])
    own = {item.change_id: _against(item, mapped, theirs) for item in older}
    beside = {change: Conflict(change, *why) for change, why in against_neighbours(items, newest).items()}
    found = [own.get(item.change_id) or beside.get(item.change_id) for item in items]
    return [conflict for conflict in found if conflict is not None]


def _against(item: EditItem, mapped: dict[int, Footprint], theirs: dict[int, Footprint]) -> Conflict | None:
    merged = against_merged(item, theirs)
    if merged is not None:
        return Conflict(item.change_id, *merged)
    if item.object_id is None:
        return _of_new(item, mapped)
    their = theirs.get(item.object_id)
    return conflict_with(item, of_footprint(their) if their is not None else None)


def _mapped_by_now(newest: MapSnapshot, change_ids: Sequence[int]) -> dict[int, Footprint]:
    """Of changes that add a building: the one that the map has there by now, not one that shares a wall."""
    shape = Coalesce(OuterRef("adjusted"), OuterRef("geometry"))
    there = sharing(Footprint.objects.filter(snapshot=newest), "geometry", shape, SHARED_LEAST).order_by("-shared")
    rows = Change.objects.filter(pk__in=change_ids).annotate(there=Subquery(there.values("pk")[:1]))
    found = dict(rows.filter(there__isnull=False).values_list("pk", "there"))
    footprints = Footprint.objects.in_bulk(set(found.values()))
    return {change: footprints[footprint] for change, footprint in found.items()}


def _of_new(item: EditItem, mapped: dict[int, Footprint]) -> Conflict | None:
    there = mapped.get(item.change_id)
    if there is None:
        return None
    key = there.key
    return Conflict(item.change_id, key, "already_mapped", f"the newest map already has a building here ({key})")


def conflict_with(item: EditItem, their: State | None) -> Conflict | None:
    """What a state of its building says against an edit; None as the state: the building is gone."""
    base = base_state(item)
    if base is None:
        return None
    if their is None:
        return Conflict(item.change_id, base.key, "gone", f"{base.key} is gone from the newest map; drop this edit")
    if item.base_version is not None and their.version is not None and their.version > item.base_version:
        detail = f"{base.key} is at version {their.version} by now, this edit is based on {item.base_version}"
        return Conflict(item.change_id, base.key, "newer_version", detail)
    if item.base_version is not None and their.version is not None and their.version < item.base_version:
        return None  # laid over what the server said, of which the map does not know yet
    newer = newer_part(base, their) if writes_nodes(item, base) else None
    if newer is not None:
        return Conflict(item.change_id, base.key, "newer_part", f"{newer} of {base.key} was edited since")
    used = used_since(nodes_moved(item, base), their)
    if used is not None:
        detail = f"{used} of {base.key} is a corner of something else as well by now: this edit would move that, too"
        return Conflict(item.change_id, base.key, "node_joined", detail)
    if is_behind(their, base):
        return None  # laid over a server's state in which nodes or member ways alone are newer
    if not their.geometry.equals_exact(base.geometry, SAME_PLACE):
        detail = f"{base.key} has another shape in the newest map; look at it again before you export"
        return Conflict(item.change_id, base.key, "other_geometry", detail)
    if None in {item.base_version, their.version} and their.tags != base.tags:
        detail = f"{base.key} has other tags in the newest map; look at it again before you export"
        return Conflict(item.change_id, base.key, "other_tags", detail)
    return None


def users_of_nodes(changeset: Changeset, nodes: Sequence[OldNode], edited: Sequence[EditItem]) -> set[int]:
    """Which of these nodes a building uses that none of the edits is about, in any map that they are based on."""
    if not nodes:
        return set()
    places = MultiPoint(*(Point(node.lon, node.lat) for node in nodes), srid=4326)
    objects = objects_of(edited)
    maps = {changeset.snapshot_id, *(based_on(item) for item in edited if item.rebased)} - {None}
    near = Footprint.objects.filter(snapshot__in=maps, geometry__intersects=places).exclude(object__in=objects)
    wanted = {f"node/{node.id}": node.id for node in nodes}
    return {wanted[key] for row in near.only("nodes", "ways") for key in row.parts if key in wanted}
