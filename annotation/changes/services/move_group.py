"""Accept suggestions of one group at once, all moved by one offset; and take that back at once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.changes.group import MOST, get_move, in_reach
from annotation.changes.models import Change, ChangeDecision, ChangeKind, GroupMove
from annotation.changes.selectors import geojson
from annotation.changes.services.adjust import adjusted_geometry, shifted
from annotation.changes.services.together import tried
from annotation.common.errors import InvalidError, NotAllowedError
from annotation.review.errors import KeyReusedError
from annotation.review.services import audit
from annotation.review.services.decide import Decision, decide
from annotation.review.services.events import check_version
from annotation.review.services.lease import reclaim
from annotation.review.services.undo import undo

ELSEWHERE = {"reason": "elsewhere", "detail": "it is not of this group: load the group again"}
REMOVAL = {"reason": "removal", "detail": "a removal has no shape to move; accept it as it is, or reject it"}


@dataclass(frozen=True)
class Wanted:
    """One suggestion that a person wants moved, as they saw it.

    Attributes:
        geometry: GeoJSON of their own draft of its shape, which is moved instead of the proposed one; or None.
        tags: that they set of it.
    """

    item: int
    version: int
    geometry: dict[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def move_group(
    *,
    user: User,
    change: Change,
    wanted: Sequence[Wanted],
    east_m: float,
    north_m: float,
    idempotency_key: uuid.UUID,
    layers: Sequence[int] = (),
) -> GroupMove:
    """Accept each of them with its shape moved by the offset, in one transaction; a repeated key moves nothing again.

    Each one goes through the queue's own rules: what another person holds, decided or was given stays, and is named
    with its reason.

    Args:
        change: the suggestion around which the group lies.
        east_m, north_m: the offset, metres on the ground.
        layers: imagery of other servers that they were looked at on.

    Raises:
        InvalidError: no suggestion, too many, or one of them twice.
        KeyReusedError: the key stands for another move.
    """
    _check_wanted(wanted)
    told = {"change": change, "east_m": east_m, "north_m": north_m}
    with transaction.atomic():
        try:
            with transaction.atomic():
                move = GroupMove.objects.create(reviewer=user, idempotency_key=idempotency_key, **told)
        except IntegrityError:
            return _repeated(user, idempotency_key, change)
        members = {one.item_id: one for one in in_reach(change, "around").select_related("pair__tile")}
        # Always in the same order, so that two people's moves never wait for each other in a circle.
        for one in sorted(wanted, key=lambda asked: asked.item):
            found = members.get(one.item)
            if found is None or found.kind == ChangeKind.REMOVE:
                move.left_out.append({"item": one.item, **(ELSEWHERE if found is None else REMOVAL)})
                continue
            tried(move.moved, move.left_out, one.item, partial(_accepted, move, found, one, layers))
        move.save(update_fields=["moved", "left_out"])
        _record(move, "changes.move_group", move.moved, move.left_out)
    return move


def take_back(*, user: User, move_id: int) -> GroupMove:
    """Reopen, in one transaction, every suggestion of a move whose answer is still that one; a repeat changes nothing.

    They are leased to whoever took the move back, as after any undo.

    Raises:
        NotFoundError: no such move, or none that this person may see.
        NotAllowedError: somebody else's, and the person is no editor.
    """
    found = get_move(user, move_id)
    with transaction.atomic():
        rows = GroupMove.objects.select_for_update(of=("self",))  # not the person's row, which others wait for
        move = rows.select_related("reviewer", "change__scan").get(pk=found.pk)
        if move.reviewer_id != user.pk and not user.is_editor:
            raise NotAllowedError(f"{move.reviewer.username} moved these together; ask them or an editor to undo it")
        if move.undone is not None:
            return move
        back: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        for one in move.moved:
            tried(back, kept, one["item"], partial(_reopened, move, user, one))
        move.undone_at, move.undone = timezone.now(), {"taken_back": back, "left_out": kept}
        move.save(update_fields=["undone_at", "undone"])
        _record(move, "changes.take_back_group", back, kept, by=user)
    return move


def _check_wanted(wanted: Sequence[Wanted]) -> None:
    if not wanted:
        raise InvalidError("choose at least one suggestion to move")
    if len(wanted) > MOST:
        raise InvalidError(f"at most {MOST} suggestions are moved at once; leave some out")
    if len({one.item for one in wanted}) < len(wanted):
        raise InvalidError("the same suggestion is named twice; name each once")


def _repeated(user: User, key: uuid.UUID, change: Change) -> GroupMove:
    move = GroupMove.objects.get(reviewer=user, idempotency_key=key)
    if move.change_id != change.pk:
        raise KeyReusedError("this idempotency_key was used for another move; make a new one for every move")
    return move


def _accepted(move: GroupMove, change: Change, one: Wanted, layers: Sequence[int]) -> dict[str, Any]:
    item = reclaim(user=move.reviewer, item_id=one.item)
    check_version(item, one.version)
    shape = adjusted_geometry(change, one.geometry) if one.geometry is not None else change.geometry
    payload: dict[str, Any] = {"geometry": shifted(geojson(shape), move.east_m, move.north_m)}
    payload |= {"tags": dict(one.tags)} if one.tags else {}
    payload |= {"layers": list(layers)} if layers else {}
    verdict = decide(
        user=move.reviewer,
        item_id=one.item,
        lease_token=item.lease_token,
        version=one.version,
        said=Decision(ChangeDecision.ACCEPT.value, reason="adjusted", payload=payload),
        idempotency_key=uuid.uuid5(move.idempotency_key, str(one.item)),
    )
    return {"version": verdict.item_version}


def _reopened(move: GroupMove, user: User, one: dict[str, Any]) -> dict[str, Any]:
    key = uuid.uuid5(move.idempotency_key, f"undo {one['item']}")
    verdict = undo(user=user, item_id=one["item"], version=one["version"], idempotency_key=key)
    return {"version": verdict.item_version, "lease_token": verdict.payload["lease_token"]}


def _record(move: GroupMove, action: str, done: list[Any], left_out: list[Any], by: User | None = None) -> None:
    audit.record(
        actor=by or move.reviewer, action=action, object_kind="group_move", object_id=move.pk,
        scope_id=move.change.scan.region_id, items=len(done), east_m=move.east_m, north_m=move.north_m,
        left_out=dict(Counter(one["reason"] for one in left_out)),
    )  # fmt: skip
