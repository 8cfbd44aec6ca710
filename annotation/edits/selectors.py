"""Reads of changesets and of what newer snapshots say about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import MultiPoint, Point
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.accounts.models import User
from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.changes.objects import (
    SAME_PLACE,
    SAME_SHARE,
    SHARED_LEAST,
    edits_of_the_same_state,
    states_in,
    the_same_new_building,
)
from annotation.common.errors import NotFoundError
from annotation.common.shapes import sharing
from annotation.consistency.models import Scan, ShiftOrigin, TileScore
from annotation.edits.models import Changeset, EditItem, Upload
from annotation.edits.osmchange.nodes import OldNode
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


def imagery_used(imagery: Imagery, changes: Sequence[Change]) -> str:
    """OSM's `imagery_used`: the region's own imagery, and what else the changes were really seen on, parted by `;`.

    What would go beyond the 255 characters of a tag is left out as a whole.
    """
    used = imagery.attribution[:255]
    for title in dict.fromkeys(title for change in changes for title in change.looked_at):
        if len(used) + 1 + len(title) <= 255 and title != imagery.attribution:
            used = f"{used};{title}"
    return used


def get_changeset(user: User, changeset_id: int) -> Changeset:
    """The changeset, or NotFoundError where it is missing or in a region the person may not see."""
    rows = Changeset.objects.filter(pk=changeset_id, region__in=visible_regions(user))
    changeset = rows.select_related("region", "snapshot", "created_by").first()
    if changeset is None:
        raise NotFoundError("there is no such changeset, or you are not a member of its region")
    return changeset


def changesets_of(region: Region) -> QuerySet[Changeset]:
    """A region's changesets with their number of edits."""
    return Changeset.objects.filter(region=region).select_related("created_by").annotate(edits=Count("items"))


def items_of(changeset: Changeset) -> QuerySet[EditItem]:
    """The edits of a changeset with everything an export reads, in a fixed order."""
    return (
        EditItem.objects.filter(changeset=changeset)
        .select_related(
            "change__item__decided_by", "change__footprint", "change__scan__imagery", "change__scan__snapshot"
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


def change_about(changeset: Changeset, key: str) -> int | None:
    """The change whose edit is about an element, such as `way/12` or a node of it; None where there is none."""
    for item in items_of(changeset).iterator(chunk_size=500):
        base = item.change.footprint
        if base is not None and (base.key == key or key in {f"node/{node[0]}" for node in base.nodes}):
            return item.change_id
    return None


def models_behind(changeset: Changeset) -> list[dict[str, Any]]:
    """The models that suggested the edits of a changeset, with how they did on known errors."""
    models = ModelVersion.objects.filter(scans__changes__edit_items__changeset=changeset).distinct()
    return [shown_model(model) for model in models.select_related("run").order_by("pk")]


def exportable_changes(region: Region) -> QuerySet[Change]:
    """Accepted changes that may go into a changeset, the newest decision first.

    Left out: those in one already, and those of a building that is in one by another change, unless a map newer than
    that edit has it; removals that one person alone accepted, where the region asks for a second one.
    """
    accepted = Change.objects.filter(scan__region=region, item__decision=ChangeDecision.ACCEPT, edit_items__isnull=True)
    apart = accepted.exclude(Exists(edits_of_the_same_state()))
    apart = apart.exclude(Exists(the_same_new_building()), kind=ChangeKind.ADD)
    if region.second_person:
        apart = apart.exclude(kind=ChangeKind.REMOVE, item__not_for=None)
    return apart.order_by("-item__decided_at", "-pk")


def conflicts(changeset: Changeset) -> list[Conflict]:
    """Edits whose base is no longer what the region's newest snapshot has; in the same few queries for any number."""
    newest = newest_snapshot(changeset.region)
    if newest is None:
        return []
    items = [item for item in items_of(changeset) if item.change.scan.snapshot_id != newest.pk]
    theirs = states_in(newest, {item.object_id for item in items if item.object_id is not None})
    mapped = _mapped_by_now(newest, [item.pk for item in items if item.object_id is None])
    found = [_of_new(item, mapped) if item.object_id is None else _of_mapped(item, theirs) for item in items]
    return [conflict for conflict in found if conflict is not None]


def _mapped_by_now(newest: MapSnapshot, item_ids: Sequence[int]) -> dict[int, str]:
    """Of edits that add a building: the key of one that the map has there by now, not one that shares a wall."""
    shape = Coalesce(OuterRef("change__adjusted"), OuterRef("change__geometry"))
    there = sharing(Footprint.objects.filter(snapshot=newest), "geometry", shape, SHARED_LEAST).order_by("-shared")
    rows = EditItem.objects.filter(pk__in=item_ids).annotate(there=Subquery(there.values("pk")[:1]))
    found = dict(rows.filter(there__isnull=False).values_list("pk", "there"))
    footprints = Footprint.objects.in_bulk(set(found.values()))
    return {item: footprints[footprint].key for item, footprint in found.items()}


def _of_new(item: EditItem, mapped: dict[int, str]) -> Conflict | None:
    key = mapped.get(item.pk)
    if key is None:
        return None
    return Conflict(item.change_id, key, "already_mapped", f"the newest map already has a building here ({key})")


def _of_mapped(item: EditItem, theirs: dict[int, Footprint]) -> Conflict | None:
    base, their = item.change.footprint, theirs.get(item.object_id or 0)
    if base is None:
        return None
    if their is None:
        return Conflict(item.change_id, base.key, "gone", f"{base.key} is gone from the newest map; drop this edit")
    if item.base_version is not None and their.version is not None and their.version > item.base_version:
        detail = (
            f"{base.key} is at version {their.version} by now, this edit is based on {item.base_version}; scan again"
        )
        return Conflict(item.change_id, base.key, "newer_version", detail)
    if not their.geometry.equals_exact(base.geometry, SAME_PLACE):
        detail = f"{base.key} has another shape in the newest map; look at it again before you export"
        return Conflict(item.change_id, base.key, "other_geometry", detail)
    return None


def users_of_nodes(changeset: Changeset, nodes: Sequence[OldNode], edited: Collection[int | None]) -> set[int]:
    """Which of these nodes a building of the changeset's map uses that is none of the edited objects."""
    if not nodes:
        return set()
    places = MultiPoint(*(Point(node.lon, node.lat) for node in nodes), srid=4326)
    objects = [one for one in edited if one is not None]
    near = Footprint.objects.filter(snapshot=changeset.snapshot, geometry__intersects=places).exclude(
        object__in=objects
    )
    wanted = {node.id for node in nodes}
    return {int(node[0]) for row in near.values_list("nodes", flat=True) for node in row} & wanted
