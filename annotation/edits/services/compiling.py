"""What a changeset does to OSM: frozen operations as they were exported, fresh ones for the rest, refusals apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from annotation.changes.models import Change
from annotation.changes.services.second_person import lacking_a_second
from annotation.edits import selectors
from annotation.edits.engine import accepted_change
from annotation.edits.models import Changeset, ChangesetState, EditItem
from annotation.edits.osmchange.compile import AcceptedChange, compile_change
from annotation.edits.osmchange.crossing import Written, stays_of
from annotation.edits.osmchange.elements import NewIds, Operation, RefusedError, Way, key
from annotation.edits.osmchange.frozen import from_json, to_json
from annotation.edits.osmchange.meeting import met
from annotation.edits.osmchange.together import also_dropped, left_by_all, of_neighbours
from annotation.edits.services.beside import beside, gone_nodes
from annotation.edits.states import base_state

SECOND_PERSON = (
    "one person alone accepted this removal, and the region asks for a second one: drop the edit; its removal then "
    "comes to the review of somebody else"
)


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
        at: when it is written; of a file exported before, when that was.
        operations: of all edits together, each new node once.
        by_edit: operations of each edit by itself; a new node that two have in common is made by both.
        fresh: operations that no earlier export froze, by edit.
        shared: nodes of neighbours that the edits' outlines share, each once.
        last_ids: the last placeholder ids drawn.
    """

    at: datetime
    operations: list[Operation] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    edits: int = 0
    by_edit: dict[int, list[Operation]] = field(default_factory=dict)
    fresh: dict[int, list[Operation]] = field(default_factory=dict)
    shared: set[int] = field(default_factory=set)
    last_ids: dict[str, int] = field(default_factory=dict)


def compile_changeset(changeset: Changeset, items: Iterable[EditItem] | None = None) -> Compiled:
    """Operations of these edits, or of all, with the refused ones apart."""
    now, ids = timezone.now(), NewIds(dict(changeset.last_ids))
    compiled = Compiled(at=changeset.exported_at or now, last_ids=ids.last)
    alone = lacking_a_second(changeset.region, Change.objects.filter(edit_items__changeset=changeset))
    changes: list[AcceptedChange] = []
    written: list[EditItem] = []
    items = list(selectors.items_of(changeset) if items is None else items)
    accepted, frozen = _drawn_up(changeset, items, ids)
    taken = {one["element"]["id"] for item in items for one in item.operations or () if one["kind"] == "way"}
    nodes = Written()
    for item in items:
        if item.pk in frozen:
            nodes.add(item.change_id, accepted[item.pk], frozen[item.pk])
    for item in items:
        change = accepted[item.pk]
        change = replace(change, beside=[replace(way, open=way.open and way.id not in taken) for way in change.beside])
        if item.operations is None and item.change_id in alone:
            footprint = item.change.footprint.key if item.change.footprint else None
            compiled.refusals.append(Refusal(item.change_id, footprint, "second_person", SECOND_PERSON))
            continue
        try:
            operations = frozen[item.pk] if item.pk in frozen else compile_change(change, ids)
            if item.pk not in frozen:
                nodes.check(change, operations)
        except RefusedError as error:
            about = change.base.key if change.base else None
            compiled.refusals.append(Refusal(item.change_id, about, error.code, error.reason, error.missing))
            continue
        if item.pk not in frozen:
            timestamp = _not_older(now if changeset.exported_at else compiled.at, [item])
            operations = compiled.fresh[item.pk] = [replace(one, timestamp=timestamp) for one in operations]
            nodes.add(item.change_id, change, operations)
        changes.append(change)
        written.append(item)
        taken |= {one.element.id for one in operations if isinstance(one.element, Way)}
        compiled.by_edit[item.pk] = operations
        compiled.shared |= of_neighbours(change, operations)
        compiled.edits += 1
    compiled.operations = _once(compiled.by_edit.values())
    left = left_by_all(changes, compiled.operations)
    used = selectors.users_of_nodes(changeset, list(left.values()), written)
    compiled.operations += also_dropped(left, used, compiled.operations, _not_older(compiled.at, written))
    return compiled


def _drawn_up(
    changeset: Changeset, items: Sequence[EditItem], ids: NewIds
) -> tuple[dict[int, AcceptedChange], dict[int, list[Operation]]]:
    """What each edit says, with the ways beside it and what it has in common with others, and what files have of it."""
    around = beside(changeset, items)
    accepted = {item.pk: replace(accepted_change(item), beside=around.get(item.pk, ())) for item in items}
    frozen = {item.pk: from_json(item.operations) for item in items if item.operations is not None}
    there = [stays_of(accepted[pk], operations) for pk, operations in frozen.items()]
    fresh = {pk: change for pk, change in accepted.items() if pk not in frozen}
    gone = gone_nodes(changeset, items)
    return accepted | met(fresh, [way for way in there if way is not None], ids, gone), frozen


def _once(edits: Iterable[Sequence[Operation]]) -> list[Operation]:
    """The operations of all edits; a new node that several have in common is made once."""
    made: set[str] = set()
    operations = []
    for one in (one for edit in edits for one in edit):
        if one.action == "create" and key(one.element) in made:
            continue
        made |= {key(one.element)} if one.action == "create" else set()
        operations.append(one)
    return operations


def freeze(changeset: Changeset, items: Iterable[EditItem], compiled: Compiled) -> None:
    """Keep what is written now, and where its ids ended, so that every later file says the same under the same ids."""
    written = [item for item in items if item.pk in compiled.fresh]
    for item in written:
        item.operations = to_json(compiled.fresh[item.pk])
    EditItem.objects.bulk_update(written, ["operations"], batch_size=500)
    if changeset.state == ChangesetState.DRAFT:
        changeset.state, changeset.exported_at = ChangesetState.EXPORTED, compiled.at
    changeset.last_ids = compiled.last_ids
    changeset.save(update_fields=["state", "exported_at", "last_ids"])


def _not_older(at: datetime, items: Iterable[EditItem]) -> str:
    """The moment as OSM writes it, or that of the newest of the edited objects where the map's clock is ahead."""
    bases = map(base_state, items)
    edited = [base.edited_at for base in bases if base is not None and base.edited_at is not None]
    return max([at, *edited]).strftime("%Y-%m-%dT%H:%M:%SZ")
