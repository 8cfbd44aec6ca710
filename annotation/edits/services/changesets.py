"""Put accepted changes into a changeset, take them out again, fill in versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.changes.models import ChangeKind
from annotation.changes.services.second_person import ask_about_the_rest, asks_for_two
from annotation.common.errors import InvalidError, NotFoundError
from annotation.edits import selectors
from annotation.edits.engine import base_of
from annotation.edits.models import WITHOUT_EFFECT, Changeset, EditItem
from annotation.edits.osmchange.compile import keeps_value
from annotation.edits.osmchange.frozen import with_versions
from annotation.edits.services import policy
from annotation.edits.services.choosing import locked_changes, new_item, one_per_building, within_limit
from annotation.edits.services.tags import Wished, filled, imagery_used
from annotation.edits.services.uploads.guard import refuse_if_uploaded
from annotation.edits.states import base_state, merged_state
from annotation.review.services import audit
from annotation.sources.models import Region


@dataclass(frozen=True)
class Made:
    """A new changeset, and how many accepted changes wait for another one."""

    changeset: Changeset
    remaining: int


def create(
    *, user: User, region: Region, change_ids: Sequence[int] | None = None, demolish: bool = False, **tags: Any
) -> Made:
    """Make a changeset as `make` does, with tags as of `Wished`, and count what is left."""
    changeset = make(user=user, region=region, wished=Wished(**tags), change_ids=change_ids, demolish=demolish)
    return Made(changeset, selectors.exportable_changes(region).count())


def make(
    *, user: User, region: Region, wished: Wished, change_ids: Sequence[int] | None = None, demolish: bool = False
) -> Changeset:
    """Make a changeset of accepted changes of one snapshot: those named, else the newest decided ones.

    Raises:
        NotAcceptedError, NothingAcceptedError: of the changes asked for.
        NoVerdictError: one carries no person's verdict.
        InvalidError: a tag is longer than OSM takes.
    """
    with transaction.atomic():
        # Two changesets made at once must not hold edits of one building.
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        chosen = one_per_building(locked_changes(region, change_ids))
        if change_ids is None:
            chosen = within_limit(chosen)
        scan = chosen[0].scan
        tags = filled(wished, scan.imagery, imagery_used(scan.imagery, chosen))
        changeset = Changeset.objects.create(
            region=region, snapshot=scan.snapshot, comment=tags["comment"], source=tags.get("source", ""), tags=tags,
            created_by=user,
        )  # fmt: skip
        items = [new_item(changeset, change, demolish) for change in chosen]
        policy.check(items)
        EditItem.objects.bulk_create(items)
        audit.record(
            actor=user,
            action="edits.changeset",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=region.pk,
            changes=[change.pk for change in chosen],
        )
    return changeset


def delete(*, user: User, changeset: Changeset) -> None:
    """Take a changeset apart; its changes are accepted and unexported again. Uploads that had no effect go with it.

    Raises:
        UploadedAlreadyError: it is in the map, or on its way there.
    """
    with transaction.atomic():
        locked(changeset)
        changeset.uploads.filter(state__in=WITHOUT_EFFECT).delete()
        audit.record(
            actor=user,
            action="edits.changeset_deleted",
            object_kind="changeset",
            object_id=changeset.pk,
            scope_id=changeset.region_id,
        )
        changeset.delete()
        _ask_a_second(user, changeset.region)


def drop(*, user: User, changeset: Changeset, change_id: int) -> None:
    """Take one edit out of a changeset; its change stays accepted and may go into another one.

    Raises:
        NotFoundError: the changeset has no such edit.
        InvalidError: it is the last one.
    """
    with transaction.atomic():
        locked(changeset)
        items = EditItem.objects.filter(changeset=changeset)
        item = items.filter(change=change_id).first()
        if item is None:
            raise NotFoundError("this changeset holds no such edit; load it again")
        if items.count() == 1:
            raise InvalidError("this is the changeset's last edit: take the changeset apart instead")
        item.delete()
        _ask_a_second(user, changeset.region)
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
        locked(changeset)
        items = EditItem.objects.filter(changeset=changeset, change=change_id)
        item = items.select_related("change__footprint").first()
        if item is None:
            raise NotFoundError("this changeset holds no such edit; load it again")
        base = base_of(item)
        if base is None or item.change.kind != ChangeKind.REMOVE or item.change.confirmed_on is not None:
            raise InvalidError("only a removal is kept as demolished, or not")
        if item.operations is not None:
            raise InvalidError("this edit went out as it is: drop it, and put its change into another changeset")
        if not demolish and keeps_value(base):
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
        locked(changeset)
        for item in EditItem.objects.filter(changeset=changeset).select_related("change__footprint", "change__merged"):
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


def locked(changeset: Changeset) -> Changeset:
    """Against an export, an upload or another change of it, until the end of the transaction; uploaded ones stay."""
    row = Changeset.objects.select_for_update(no_key=True).get(pk=changeset.pk)
    refuse_if_uploaded(row)
    return row


def _ask_a_second(user: User, region: Region) -> None:
    """What a changeset let go of may be a removal that one person alone accepted before the region asked for two."""
    if asks_for_two(region.pk):
        ask_about_the_rest(user, region)


def _give(item: EditItem, versions: Mapping[str, int]) -> set[str]:
    """Fill in what is given of this edit; returns the keys that are about it. What was frozen keeps its ids."""
    base, merged = base_state(item), merged_state(item)
    parts = {**(base.parts if base else {}), **(merged.parts if merged else {})}
    if merged is not None:
        parts[merged.key] = merged.version
    undated = {key for key, known in parts.items() if known is None}
    told = {key: versions[key] for key in undated & versions.keys()}
    lacks = base is not None and base.version is None
    version = versions.get(base.key, item.base_version) if base is not None and lacks else item.base_version
    given = {key.removeprefix("node/"): number for key, number in told.items()}
    if version != item.base_version or not given.items() <= item.node_versions.items():
        item.base_version, item.node_versions = version, {**item.node_versions, **given}
        if item.operations is not None:
            of_base = {base.key: version} if base is not None and version else {}
            item.operations = with_versions(item.operations, told | of_base)
        item.save(update_fields=["base_version", "node_versions", "operations"])
    lacking = undated | ({base.key} if base is not None and lacks else set())
    return set(versions) & lacking
