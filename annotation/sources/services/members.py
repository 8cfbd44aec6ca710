"""Who works on a region."""

from __future__ import annotations

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import InvalidError, NotFoundError
from annotation.review.services import audit
from annotation.sources.models import Region, RegionMember


def add_member(*, user: User, region: Region, username: str) -> User:
    """Let a person into the region; who is in it already stays so.

    Raises:
        InvalidError: nobody of this name can sign in.
    """
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise InvalidError(f"nobody named {username} can sign in here: an admin makes accounts in the admin site")
    with transaction.atomic():
        _, new = RegionMember.objects.get_or_create(region=region, user=person)
        if new:
            _record(user, "region.add_member", region, person)
    return person


def remove_member(*, user: User, region: Region, member_id: int) -> None:
    """Take a person out of the region; what they decided stays.

    Raises:
        NotFoundError: they are no member.
    """
    with transaction.atomic():
        member = RegionMember.objects.select_related("user").filter(region=region, user=member_id).first()
        if member is None:
            raise NotFoundError("this person is no member of the region")
        member.delete()
        _record(user, "region.remove_member", region, member.user)


def _record(user: User, action: str, region: Region, person: User) -> None:
    audit.record(
        actor=user, action=action, object_kind="region", object_id=region.pk, scope_id=region.pk, member=person.username
    )
