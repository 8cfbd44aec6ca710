"""What a changeset does to OSM: frozen operations as they were exported, fresh ones for the rest, refusals apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from annotation.edits import selectors
from annotation.edits.engine import accepted_change
from annotation.edits.models import Changeset, ChangesetState, EditItem
from annotation.edits.osmchange.compile import AcceptedChange, compile_change
from annotation.edits.osmchange.elements import NewIds, Operation, RefusedError
from annotation.edits.osmchange.frozen import from_json, to_json
from annotation.edits.osmchange.together import also_dropped, shared_by_removed


@dataclass(frozen=True)
class Refusal:
    """An edit that osmChange can't say."""

    change: int
    key: str | None
    code: str
    detail: str
    missing: tuple[str, ...] = ()


@dataclass
class Compiled:
    """Everything a changeset's osmChange does, and what it leaves out.

    Attributes:
        fresh: operations that no earlier export froze, by edit.
        last_ids: the last placeholder ids drawn.
    """

    operations: list[Operation] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    edits: int = 0
    fresh: dict[int, list[Operation]] = field(default_factory=dict)
    last_ids: dict[str, int] = field(default_factory=dict)


def compile_changeset(changeset: Changeset, items: Iterable[EditItem] | None = None) -> Compiled:
    """Operations of these edits, or of all, with the refused ones apart."""
    ids, timestamp = NewIds(dict(changeset.last_ids)), _text(timezone.now())
    compiled = Compiled(last_ids=ids.last)
    changes: list[AcceptedChange] = []
    for item in selectors.items_of(changeset) if items is None else items:
        change = accepted_change(item)
        try:
            operations = from_json(item.operations) if item.operations is not None else compile_change(change, ids)
        except RefusedError as error:
            key = item.change.footprint.key if item.change.footprint else None
            compiled.refusals.append(Refusal(item.change_id, key, error.code, error.reason, error.missing))
            continue
        if item.operations is None:
            operations = compiled.fresh[item.pk] = [replace(one, timestamp=timestamp) for one in operations]
        changes.append(change)
        compiled.operations += operations
        compiled.edits += 1
    shared = shared_by_removed(changes, compiled.operations)
    used = selectors.users_of_nodes(changeset, list(shared.values()))
    written = _text(changeset.exported_at) if changeset.exported_at else timestamp
    compiled.operations += also_dropped(shared, used, compiled.operations, written)
    return compiled


def freeze(changeset: Changeset, items: Iterable[EditItem], compiled: Compiled) -> None:
    """Keep what is written now, and where its ids ended, so that every later file says the same under the same ids."""
    written = [item for item in items if item.pk in compiled.fresh]
    for item in written:
        item.operations = to_json(compiled.fresh[item.pk])
    EditItem.objects.bulk_update(written, ["operations"], batch_size=500)
    if changeset.state == ChangesetState.DRAFT:
        changeset.state, changeset.exported_at = ChangesetState.EXPORTED, timezone.now()
    changeset.last_ids = compiled.last_ids
    changeset.save(update_fields=["state", "exported_at", "last_ids"])


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
