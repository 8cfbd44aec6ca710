"""An editor sets the tags of an accepted building, with the answer or after it, as long as it has not left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.changes.errors import ExportedError
from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.changes.tagging import checked_tags
from annotation.common.errors import InvalidError, NotAllowedError
from annotation.review.errors import NotDecidedError, VersionConflictError
from annotation.review.services import audit
from annotation.review.services.batch import lock
from annotation.review.services.events import check_version


def set_tags(*, user: User, change: Change, version: int, tags: Any, seen: Mapping[str, str] | None = None) -> Change:
    """Let an accepted building have these tags, and no others that were set before.

    Args:
        version: of the queue's item, as it was seen.
        seen: the tags set before, as they were seen; None: whatever they are.

    Raises:
        InvalidError, NotAllowedError: see `tags_of`.
        NotDecidedError: it is not accepted.
        VersionConflictError: it was answered anew meanwhile, or somebody set other tags.
        ExportedError: it is in a changeset.
    """
    with transaction.atomic():
        item = lock(change.item)
        check_version(item, version)
        if item.decision != ChangeDecision.ACCEPT:
            raise NotDecidedError("only an accepted building gets tags: accept it first", version=item.version)
        held = change.edit_items.first()
        if held is not None:
            raise ExportedError(
                f"this change is in changeset {held.changeset_id}: drop its edit there first",
                changeset=held.changeset_id,
            )
        now = Change.objects.values_list("tags_set", flat=True).get(pk=change.pk)
        if seen is not None and dict(seen) != now:
            raise VersionConflictError(
                "somebody set other tags meanwhile: look at them and set yours anew", version=item.version, tags_set=now
            )
        change.tags_set = tags_of(change, user, tags)
        change.save(update_fields=["tags_set"])
        audit.record(
            actor=user, action="changes.tags", object_kind="change", object_id=change.pk, scope_id=item.scope_id,
            tags=change.tags_set,
        )  # fmt: skip
    return change


def tags_of(change: Change, user: User, wanted: Any) -> dict[str, str]:
    """The tags that an editor sets, empty where one is taken off; none that the building has already, or has not.

    Raises:
        InvalidError: the building goes, or a tag is not to be set.
        NotAllowedError: the person is no editor.
    """
    if not user.is_editor:
        raise NotAllowedError("tags are set by editors: accept it without them, or flag it to an editor")
    if change.kind == ChangeKind.REMOVE:
        raise InvalidError("a building that goes gets no tags; accept it as it is, or reject it")
    mapped = change.footprint.tags if change.footprint else {}
    return {key: value for key, value in checked_tags(wanted, mapped).items() if mapped.get(key, "") != value}
