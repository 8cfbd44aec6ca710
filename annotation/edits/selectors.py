"""Reads of changesets and of what newer snapshots say about them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from annotation.accounts.models import User
from annotation.changes.models import Change, ChangeDecision
from annotation.common.errors import NotFoundError
from annotation.edits.models import Changeset, EditItem
from annotation.sources.models import Footprint, MapSnapshot, Region
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


def exportable_changes(region: Region) -> QuerySet[Change]:
    """Accepted changes that are in no changeset yet, the newest decision first."""
    accepted = Change.objects.filter(scan__region=region, item__decision=ChangeDecision.ACCEPT)
    return accepted.filter(edit_items__isnull=True).order_by("-item__decided_at", "-pk")


def conflicts(changeset: Changeset) -> list[Conflict]:
    """Edits whose base is no longer what the region's newest snapshot has."""
    newest = newest_snapshot(changeset.region)
    if newest is None:
        return []
    items = [item for item in items_of(changeset) if item.change.scan.snapshot_id != newest.pk]
    bases = [item.change.footprint for item in items if item.change.footprint]
    theirs = {
        row.key: row for row in Footprint.objects.filter(snapshot=newest, osm_id__in={base.osm_id for base in bases})
    }
    found = [_conflict(item, newest, theirs) for item in items]
    return [conflict for conflict in found if conflict is not None]


def _conflict(item: EditItem, newest: MapSnapshot, theirs: dict[str, Footprint]) -> Conflict | None:
    base = item.change.footprint
    if base is None:
        shape = item.change.adjusted or item.change.geometry
        there = Footprint.objects.filter(snapshot=newest, geometry__intersects=shape).first()
        detail = f"the newest map already has a building here ({there.key})" if there else ""
        return Conflict(item.change_id, there.key, "already_mapped", detail) if there else None
    their = theirs.get(base.key)
    if their is None:
        return Conflict(item.change_id, base.key, "gone", f"{base.key} is gone from the newest map; drop this edit")
    if item.base_version is not None and their.version is not None and their.version > item.base_version:
        detail = (
            f"{base.key} is at version {their.version} by now, this edit is based on {item.base_version}; scan again"
        )
        return Conflict(item.change_id, base.key, "newer_version", detail)
    if not their.geometry.equals_exact(base.geometry, 1e-7):
        detail = f"{base.key} has another shape in the newest map; look at it again before you export"
        return Conflict(item.change_id, base.key, "other_geometry", detail)
    return None
