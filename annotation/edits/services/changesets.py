"""Put accepted changes into a changeset, take them out again, fill in versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from django.db import transaction

from annotation.accounts.models import User
from annotation.changes.engine import repeated_drawings
from annotation.changes.models import Change, ChangeKind
from annotation.changes.services.second_person import ask_about_the_rest
from annotation.common.errors import InvalidError, NotFoundError
from annotation.edits import selectors
from annotation.edits.engine import base_of
from annotation.edits.errors import NotAcceptedError, NothingAcceptedError
from annotation.edits.models import WITHOUT_EFFECT, Changeset, EditItem
from annotation.edits.osmchange.compile import keeps_value
from annotation.edits.osmchange.frozen import with_versions
from annotation.edits.osmchange.write import GENERATOR
from annotation.edits.services.uploads.guard import refuse_if_uploaded
from annotation.review.models import QueueItem
from annotation.review.services import audit
from annotation.sources.models import Region

MAX_EDITS = 1000
"""Edits taken into one changeset unless named; a changeset stays reviewable."""
MAX_ELEMENTS = 9_500
"""Elements that edits taken unnamed may touch, at most: OSM takes 10,000."""


@dataclass(frozen=True)
class Made:
    """A new changeset, and how many accepted changes wait for another one."""

    changeset: Changeset
    remaining: int


def create(
    *,
    user: User,
    region: Region,
    comment: str,
    source: str = "",
    change_ids: Sequence[int] | None = None,
    demolish: bool = False,
) -> Made:
    """Make a changeset of accepted changes of one snapshot: those named, else the newest decided ones."""
    with transaction.atomic():
        # Two changesets made at once must not hold edits of one building.
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        changes = _lock(region, change_ids)
        chosen = _one_per_building(changes)
        if change_ids is None:
            chosen = _within_limit(chosen)
        snapshot, imagery = chosen[0].scan.snapshot, chosen[0].scan.imagery
        when = f", {imagery.captured_on}" if imagery.captured_on else ""
        source = source or f"{imagery.attribution}{when}"[:255]
        tags = {
            "comment": comment,
            "created_by": GENERATOR,
            "source": source,
            "imagery_used": selectors.imagery_used(imagery, chosen),
        }
        changeset = Changeset.objects.create(
            region=region, snapshot=snapshot, comment=comment, source=source, tags=tags, created_by=user
        )
        EditItem.objects.bulk_create([_item(changeset, change, demolish) for change in chosen])
        audit.record(
            actor=user,
            action="edits.changeset",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=region.pk,
            changes=[change.pk for change in chosen],
        )
    return Made(changeset, selectors.exportable_changes(region).count())


def delete(*, user: User, changeset: Changeset) -> None:
    """Take a changeset apart; its changes are accepted and unexported again. Uploads that had no effect go with it.

    Raises:
        UploadedAlreadyError: it is in the map, or on its way there.
    """
    with transaction.atomic():
        _locked(changeset)
        changeset.uploads.filter(state__in=WITHOUT_EFFECT).delete()
        audit.record(
            actor=user,
            action="edits.changeset_deleted",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=changeset.region_id,
        )
        changeset.delete()
        _ask_a_second(changeset.region)


def drop(*, user: User, changeset: Changeset, change_id: int) -> None:
    """Take one edit out of a changeset; its change stays accepted and may go into another one.

    Raises:
        NotFoundError: the changeset has no such edit.
        InvalidError: it is the last one.
    """
    with transaction.atomic():
        _locked(changeset)
        items = EditItem.objects.filter(changeset=changeset)
        item = items.filter(change=change_id).first()
        if item is None:
            raise NotFoundError("this changeset holds no such edit; load it again")
        if items.count() == 1:
            raise InvalidError("this is the changeset's last edit: take the changeset apart instead")
        item.delete()
        _ask_a_second(changeset.region)
        audit.record(
            actor=user,
            action="edits.dropped",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=changeset.region_id,
            change=change_id,
        )


def keep_demolished(*, user: User, changeset: Changeset, change_id: int, demolish: bool) -> EditItem:
    """Whether a removed building is kept in OSM as `demolished:building`, or deleted.

    Raises:
        NotFoundError: the changeset has no such edit.
        InvalidError: it is no removal, the object is more than a building, or the edit went out already.
    """
    with transaction.atomic():
        _locked(changeset)
        items = EditItem.objects.filter(changeset=changeset, change=change_id)
        item = items.select_related("change__footprint").first()
        if item is None:
            raise NotFoundError("this changeset holds no such edit; load it again")
        base = item.change.footprint
        if base is None or item.change.kind != ChangeKind.REMOVE:
            raise InvalidError("only a removal is kept as demolished, or not")
        if item.operations is not None:
            raise InvalidError("this edit went out as it is: drop it, and put its change into another changeset")
        if not demolish and keeps_value(base_of(base, item)):
            raise InvalidError(f"{base.key} is more than a building by its tags or relations: it is kept, not deleted")
        item.demolish = demolish
        item.save(update_fields=["demolish"])
        audit.record(
            actor=user,
            action="edits.demolish",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=changeset.region_id,
            change=change_id,
            demolish=demolish,
        )
    return item


def give_versions(*, user: User, changeset: Changeset, versions: Mapping[str, int]) -> int:
    """Fill in versions that the map did not give, by key, such as {"way/12": 4, "node/7": 2}; returns how many.

    Raises:
        InvalidError: no edit lacks some of these: what the map gave stays.
    """
    used: set[str] = set()
    with transaction.atomic():
        _locked(changeset)
        for item in EditItem.objects.filter(changeset=changeset).select_related("change__footprint"):
            used |= _give(item, versions)
        unknown = sorted(set(versions) - used)
        if unknown:
            keys = ", ".join(unknown[:10])
            raise InvalidError(f"no edit of this changeset lacks a version of {keys}; leave them out")
        audit.record(
            actor=user,
            action="edits.versions",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=changeset.region_id,
            versions=dict(versions),
        )
    return len(used)


def _locked(changeset: Changeset) -> Changeset:
    """Against an export, an upload or another change of it, until the end of the transaction; uploaded ones stay."""
    locked = Changeset.objects.select_for_update(no_key=True).get(pk=changeset.pk)
    refuse_if_uploaded(locked)
    return locked


def _ask_a_second(region: Region) -> None:
    """What a changeset let go of may be a removal that one person alone accepted before the region asked for two."""
    if region.second_person:
        ask_about_the_rest(region)


def _give(item: EditItem, versions: Mapping[str, int]) -> set[str]:
    """Fill in what is given of this edit; returns the keys that are about it. What was frozen keeps its ids."""
    base = item.change.footprint
    if base is None:
        return set()
    version = versions.get(base.key, item.base_version) if base.version is None else item.base_version
    undated = [node[0] for node in base.nodes if node[1] is None]
    nodes = {str(node): versions[f"node/{node}"] for node in undated if f"node/{node}" in versions}
    if version != item.base_version or not nodes.items() <= item.node_versions.items():
        item.base_version, item.node_versions = version, {**item.node_versions, **nodes}
        if item.operations is not None:
            told = {f"node/{node}": given for node, given in nodes.items()}
            item.operations = with_versions(item.operations, told | ({base.key: version} if version else {}))
        item.save(update_fields=["base_version", "node_versions", "operations"])
    lacking = {f"node/{node}" for node in undated} | ({base.key} if base.version is None else set())
    return set(versions) & lacking


def _lock(region: Region, change_ids: Sequence[int] | None) -> list[Change]:
    """The accepted changes asked for, with their queue items locked against an undo."""
    rows = selectors.exportable_changes(region)
    if change_ids is not None:
        rows = rows.filter(pk__in=change_ids)
    wanted = list(rows.values_list("pk", "item_id", "scan__snapshot_id")[: None if change_ids else 10 * MAX_EDITS])
    if change_ids is None:
        wanted = [row for row in wanted if row[2] == wanted[0][2]][:MAX_EDITS]
    list(QueueItem.objects.select_for_update().filter(pk__in=[row[1] for row in wanted]).order_by("pk"))
    changes = list(
        selectors.exportable_changes(region)
        .filter(pk__in=[row[0] for row in wanted])
        .select_related("scan__snapshot", "scan__imagery", "footprint")
    )
    if change_ids is not None and {change.pk for change in changes} != set(change_ids):
        missing = sorted(set(change_ids) - {change.pk for change in changes})
        raise NotAcceptedError(
            f"{len(missing)} of these changes are not accepted, or they or their building are in a changeset already; "
            "leave them out",
            change_ids=missing,
        )
    if not changes:
        raise NothingAcceptedError("there is no accepted change that is not in a changeset yet; decide some first")
    if len({change.scan.snapshot_id for change in changes}) > 1:
        raise InvalidError("these changes are based on different maps; make one changeset for each map")
    return changes


def _one_per_building(changes: Sequence[Change]) -> list[Change]:
    """The newest decision on each building, mapped or new; an older one on the same stays out."""
    seen: set[int] = set()
    chosen: list[Change] = []
    repeated = repeated_drawings(changes)
    for change, again in zip(changes, repeated, strict=True):
        if again or change.object_id in seen:
            continue
        if change.object_id is not None:
            seen.add(change.object_id)
        chosen.append(change)
    return chosen


def _within_limit(changes: Sequence[Change]) -> list[Change]:
    """As many of them, from the first on, as surely fit into one OSM changeset; at least one."""
    touched = accumulate(map(_elements, changes))
    return [
        change for n, (change, sum_) in enumerate(zip(changes, touched, strict=True)) if not n or sum_ <= MAX_ELEMENTS
    ]


def _elements(change: Change) -> int:
    """Elements that the edit may touch, at most: the object and its parts, corners that are drawn, nodes that go."""
    base = change.footprint
    drawn = 0 if change.kind == ChangeKind.REMOVE else (change.adjusted or change.geometry).num_coords
    return drawn + (len(base.nodes) + len(base.members) if base else 0) + 2


def _item(changeset: Changeset, change: Change, demolish: bool) -> EditItem:
    base = change.footprint
    version = base.version if base else None
    item = EditItem(changeset=changeset, change=change, object_id=change.object_id, base_version=version)
    if base is not None and change.kind == "remove":
        item.demolish = demolish or keeps_value(base_of(base, item))
    return item
