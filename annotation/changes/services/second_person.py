"""Removals that leave only once a second person accepted them too, where a region asks for that."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.accounts.models import User
from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.changes.services.listeners import tell
from annotation.review.models import QueueItem, Verdict, VerdictEvent
from annotation.review.services import audit
from annotation.review.services.second import ANSWERED_FIRST, ask_another_about, let_first_stand
from annotation.sources.models import Region

RULE = "SELECT second_person FROM sources_region WHERE id = %s FOR KEY SHARE"
"""Waits for whoever switches it, and they for us; for nobody else, so that an item may be locked before."""


def asks_a_second(item: QueueItem) -> bool:
    """Whether an item that was just accepted is asked of a second person: a first answer on a removal."""
    return item.kind == ChangeKind.REMOVE and item.not_for_id is None and asks_for_two(item.scope_id)


def asks_for_two(region_id: int) -> bool:
    """Whether the region asks for a second person; stays so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(RULE, [region_id])
        row = cursor.fetchone()
    return row is not None and row[0]


def waiting(region: Region) -> int:
    """Removals that one person accepted and a second one is asked about."""
    return _removals(region).filter(ANSWERED_FIRST).count()


def ask_about_the_rest(user: User, region: Region) -> int:
    """Ask about accepted removals that one person alone accepted and no changeset holds; gives how many.

    Who listens is told that these answers are taken back, by this person. Call it in a transaction.
    """
    alone = _removals(region).filter(decision=ChangeDecision.ACCEPT, change__edit_items__isnull=True)
    numbers = list(alone.values_list("pk", flat=True))
    asked = ask_another_about(QueueItem.objects.filter(pk__in=numbers, decision=ChangeDecision.ACCEPT))
    for item in asked:
        told = Verdict(item=item, reviewer=user, event=VerdictEvent.UNDO, decision=item.decision)
        tell(item, told)  # no event of the item: nobody took it back
    return len(asked)


def require_second_person(*, user: User, region: Region, on: bool) -> Region:
    """Ask for a second person's verdict on removals from now on, or no more.

    Switched on, accepted removals that are in no changeset are asked about as well, and those in one can't be exported
    before they are dropped from it and accepted by a second person. Switched off, what one person accepted counts. The
    switch is stored first: who answers at this moment is waited for, or knows of it. So it must not be called in a
    transaction; where it was stopped in between, the same call again does what is left.
    """
    with transaction.atomic(durable=True):
        region = Region.objects.select_for_update().get(pk=region.pk)  # the lock that those wait for who read the rule
        if region.second_person != on:
            region.second_person = on
            region.save(update_fields=["second_person"])
            _record(user, region, "region.second_person", on=on)
    with transaction.atomic():
        region = Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        if region.second_person == on:  # else somebody switched it back since, and does the rest
            number = ask_about_the_rest(user, region) if on else _let_first_stand(region)
            if number:
                _record(user, region, "region.second_person_removals", on=on, removals=number)
    return region


def lacking_a_second(region: Region, changes: QuerySet[Change]) -> set[int]:
    """Of these changes the removals that only one person accepted, where the region asks for two."""
    if not region.second_person:
        return set()
    alone = changes.filter(kind=ChangeKind.REMOVE, item__decision=ChangeDecision.ACCEPT, item__not_for=None)
    return set(alone.values_list("pk", flat=True))


def _let_first_stand(region: Region) -> int:
    closed = let_first_stand(_removals(region))
    for item, verdict in closed:
        tell(item, verdict)
    return len(closed)


def _removals(region: Region) -> QuerySet[QueueItem]:
    return QueueItem.objects.filter(stage="changes", scope_id=region.pk, kind=ChangeKind.REMOVE)


def _record(user: User, region: Region, action: str, **told: object) -> None:
    audit.record(
        actor=user, action=action, object_kind="region", object_id=region.pk, scope_id=region.pk, **told,
    )  # fmt: skip
