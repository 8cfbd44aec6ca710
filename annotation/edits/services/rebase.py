"""A person lays an edit over the building's newer state in the map, part by part; nothing that others did is lost."""

from __future__ import annotations

from django.db import transaction

from annotation.accounts.models import User
from annotation.changes.models import ChangeKind
from annotation.common.errors import InvalidError, NotFoundError
from annotation.edits import selectors
from annotation.edits.engine import base_of
from annotation.edits.errors import NewerStateError, NoConflictError, NotRebasedError
from annotation.edits.models import Changeset, EditItem
from annotation.edits.osmchange.compile import keeps_value
from annotation.edits.services.changesets import locked
from annotation.edits.services.three_way import Part, Seen, ThreeWay, laid_over, three_way, why_refused
from annotation.edits.states import OURS
from annotation.review.services import audit


def rebase(
    *, user: User, changeset: Changeset, change_id: int, seen: str, shape: str | None = None, tags: str | None = None,
    there: Seen | None = None,
) -> EditItem:  # fmt: skip
    """Let the edit be about the state that the map has of its building by now.

    Args:
        there: what the map's server shows; None: the newest map of the region.
        seen: digest of that state, as the person saw it.
        shape, tags: whose they are from now on, `ours` or `theirs`; None: as suggested.

    Raises:
        NotFoundError: the changeset has no such edit.
        UploadedAlreadyError: it is in the map, or on its way there.
        NoConflictError: nothing newer speaks against it.
        NewerStateError: the map's state is another one by now.
        InvalidError: a choice is missing, impossible, or leaves nothing of the edit.
        NotRebasedError: it can't be laid over that state.
    """
    with transaction.atomic():
        locked(changeset)
        item = selectors.items_of(changeset).filter(change=change_id).first()
        if item is None:
            raise NotFoundError("this changeset holds no such edit; load it again")
        told = three_way(item, there)
        if told is None:
            raise NoConflictError("the newest map says nothing against this edit: leave it as it is")
        if told.why_not or told.theirs is None:
            raise NotRebasedError(f"this edit can't be laid over the newest map: {told.why_not}")
        if told.theirs.digest != seen:
            raise NewerStateError(
                f"a map that came in meanwhile has {told.theirs.key} in another state: look at it again"
            )
        chosen = _chosen(told, shape, tags)
        made = laid_over(item, told.theirs, *chosen)
        made.demolish = _demolish(made)
        refused = why_refused(made)
        if refused:
            raise NotRebasedError(f"this edit can't be laid over the newest map: {refused}")
        made.save(force_update=True)
        audit.record(
            actor=user, action="edits.rebased", object_kind="changeset", object_id=changeset.pk,
            scope_id=changeset.region_id, change=change_id, shape=chosen[0], tags=chosen[1],
            version={"from": item.base_version, "to": made.base_version},
        )  # fmt: skip
    return made


def _chosen(told: ThreeWay, shape: str | None, tags: str | None) -> tuple[str, str]:
    chosen = _side("shape", told.shape, shape), _side("tags", told.tags, tags)
    parts = [side for side, part in zip(chosen, (told.shape, told.tags), strict=True) if part is not None]
    if parts and OURS not in parts:
        raise InvalidError("with their shape and their tags nothing is left of this edit: drop it")
    return chosen


def _side(name: str, part: Part | None, side: str | None) -> str:
    """Whose this part is; an edit that has no such part leaves it alone."""
    if part is None:
        return OURS
    side = side or part.suggested
    if not side:
        raise InvalidError(f"both changed the {name}: say whose stays, ours or theirs")
    if side not in part.choices:
        raise InvalidError(f"the {name} can't be ours: {part.why_not}; take theirs, or drop the edit")
    return side


def _demolish(item: EditItem) -> bool:
    """Whether a removal is kept as demolished: as it was, or since the object is more than a building by now."""
    base = base_of(item)
    removal = item.change.kind == ChangeKind.REMOVE and item.change.confirmed_on is None
    return removal and (item.demolish or (base is not None and keeps_value(base)))
