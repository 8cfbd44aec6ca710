"""Receipts of a diff whose answer was lost, read from what its changeset did."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence

from annotation.edits.engine.answers import Receipt, Written
from annotation.edits.osmchange.nodes import DIGITS

UNNUMBERED = re.compile(rb'(<(?:node|way|relation) [^<>]*?)\schangeset="0"')
"""In an element's own attributes alone: these hold no text of people, and `<` is escaped in all others."""


class UnlikeOursError(Exception):
    """The changeset holds something else than the diff."""


def with_changeset(change: bytes, number: int) -> bytes:
    """The osmChange with this changeset on every element in place of 0."""
    return UNNUMBERED.sub(rb'\1 changeset="%d"' % number, change)


def receipts_of(ours: Sequence[Written], theirs: Sequence[Written]) -> list[Receipt]:
    """What became of each element of our diff, in its order, as the server's answer would have said.

    Modified and deleted elements are known by their id and next version; new ones by what they are: nodes by place and
    tags, ways and relations by what they are made of. Where several are alike, ids rise in the diff's order.

    Args:
        ours: the diff that was sent.
        theirs: what the server says that the changeset did.

    Raises:
        UnlikeOursError: they don't belong together; nothing may be concluded.
    """
    known = {(one.kind, one.id): one for one in theirs if one.action != "create"}
    new = _Pairs(ours, theirs).found
    receipts = []
    for one in ours:
        if one.action == "create":
            receipts.append(Receipt(one.kind, one.id, new[one.kind, one.id], 1))
            continue
        their = known.pop((one.kind, one.id), None)
        if their is None and one.action == "delete" and one.if_unused:
            receipts.append(Receipt(one.kind, one.id, one.id, one.version))  # still used, so it stayed
            continue
        if their is None or their.action != one.action or their.version != one.version + 1:
            raise UnlikeOursError(f"{one.kind}/{one.id} is not in the changeset as it was sent")
        deleted = one.action == "delete"
        receipts.append(Receipt(one.kind, one.id, None if deleted else one.id, None if deleted else their.version))
    if known:
        raise UnlikeOursError(f"the changeset also holds {next(iter(known))}, which was not sent")
    return receipts


class _Pairs:
    """New elements of both sides, paired by what they are; wholes first, so that parts are known by their place."""

    def __init__(self, ours: Sequence[Written], theirs: Sequence[Written]) -> None:
        self.ours, self.theirs = _new(ours), _new(theirs)
        self.found: dict[tuple[str, int], int] = {}
        for kind in ("relation", "way", "node"):
            self._pair_all(kind)
        if len(self.found) != len(self.theirs):
            raise UnlikeOursError("the changeset holds more new elements than were sent")

    def _pair_all(self, kind: str) -> None:
        taken = {new for (of, _), new in self.found.items() if of == kind}
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for of, number in sorted(self.theirs, reverse=True):
            if of == kind and number not in taken:
                waiting[_sign(self.theirs, kind, number)].append(number)
        for of, number in self.ours:
            if of != kind or (kind, number) in self.found:
                continue
            alike = waiting[_sign(self.ours, kind, number)]
            if not alike:
                raise UnlikeOursError(f"the new {kind} {number} is not in the changeset")
            self._pair(kind, number, alike.pop())

    def _pair(self, kind: str, old: int, new: int) -> None:
        """These are the same, and so are the new ones of their parts."""
        if self.found.setdefault((kind, old), new) != new:
            raise UnlikeOursError(f"the new {kind} {old} is in the changeset twice")
        if kind == "node":
            return
        for mine, their in zip(self.ours[kind, old].body, self.theirs[kind, new].body, strict=True):
            part, number = _part(mine)
            if (part, number) in self.ours:
                self._pair(part, number, _part(their)[1])


def _new(elements: Sequence[Written]) -> dict[tuple[str, int], Written]:
    return {(one.kind, one.id): one for one in elements if one.action == "create"}


def _part(part: int | tuple[str, int, str]) -> tuple[str, int]:
    return ("node", part) if isinstance(part, int) else part[:2]


def _sign(new: dict[tuple[str, int], Written], kind: str, number: int) -> Hashable:
    """What an element is, without the ids that a server gives: place, tags, parts."""
    one = new.get((kind, number))
    if one is None:
        return kind, number
    roles = tuple(part[2] for part in one.body if not isinstance(part, int))
    parts = tuple(_sign(new, *_part(part)) for part in one.body)
    place = (round(float(one.lon), DIGITS), round(float(one.lat), DIGITS)) if kind == "node" else ()
    return kind, place, tuple(sorted(one.tags.items())), parts, roles
