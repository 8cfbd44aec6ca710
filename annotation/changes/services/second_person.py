"""Removals that leave only once a second person accepted them too, where a region asks for that."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from annotation.accounts.models import User
from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.review.models import ItemState, QueueItem
from annotation.review.services import audit
from annotation.review.services.second import ask_another_about, let_first_stand
from annotation.sources.models import Region


def asks_a_second(item: QueueItem) -> bool:
    """Whether an item that was just accepted is asked of a second person: a first answer on a removal."""
    return (
        item.kind == ChangeKind.REMOVE
        and item.not_for_id is None
        and Region.objects.filter(pk=item.scope_id, second_person=True).exists()
    )


def waiting(region: Region) -> int:
    """Removals that one person accepted and a second one is asked about."""
    return _removals(region).filter(state=ItemState.OPEN, not_for__isnull=False).count()


def ask_about_the_rest(region: Region) -> int:
    """Ask about accepted removals that one person alone accepted and no changeset holds; gives how many."""
    alone = _removals(region).filter(decision=ChangeDecision.ACCEPT, change__edit_items__isnull=True)
    return ask_another_about(QueueItem.objects.filter(pk__in=list(alone.values_list("pk", flat=True))))


@transaction.atomic
def require_second_person(*, user: User, region: Region, on: bool) -> Region:
    """Ask for a second person's verdict on removals from now on, or no more.

    Switched on, accepted removals that are in no changeset are asked about as well, and those in one can't be exported
    before they are dropped from it and accepted by a second person. Switched off, what one person accepted counts.
    """
    region = Region.objects.select_for_update().get(pk=region.pk)
    if region.second_person != on:
        region.second_person = on
        region.save(update_fields=["second_person"])
        number = ask_about_the_rest(region) if on else let_first_stand(_removals(region))
        audit.record(
            actor=user, action="region.second_person", object_kind="region", object_id=region.pk, scope_id=region.pk,
            on=on, removals=number,
        )  # fmt: skip
    return region


def lacking_a_second(region: Region, changes: QuerySet[Change]) -> set[int]:
    """Of these changes the removals that only one person accepted, where the region asks for two."""
    if not region.second_person:
        return set()
    alone = changes.filter(kind=ChangeKind.REMOVE, item__decision=ChangeDecision.ACCEPT, item__not_for=None)
    return set(alone.values_list("pk", flat=True))


def _removals(region: Region) -> QuerySet[QueueItem]:
    return QueueItem.objects.filter(stage="changes", scope_id=region.pk, kind=ChangeKind.REMOVE)
