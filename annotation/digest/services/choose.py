"""A person asks for a digest, changes how often it comes, or leaves it, signed in or by the link of a message."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import InvalidError, NotFoundError
from annotation.digest.models import Digest, Every
from annotation.digest.selectors import regions_of, undone_by_upload
from annotation.review.services import audit

SIGNER = signing.Signer(salt="digest.unsubscribe")
NONE = "there is no such digest: its address is not whole, or its person is gone"


@transaction.atomic
def choose(*, user: User, every: str) -> Digest:
    """Let the person have a digest every day or week, or none; what happened before is not told.

    Raises:
        InvalidError: there is no way to send one.
    """
    if every != Every.NEVER:
        _check_can_be_told(user)
    Digest.objects.get_or_create(user=user)
    digest = Digest.objects.select_for_update(of=("self",)).get(user=user)
    if digest.every == Every.NEVER != every:
        digest.told_to = timezone.now()
        remember_undone(digest, digest.told_to)
    digest.every = every
    digest.save()
    audit.record(
        actor=user, action="digest.choose", object_kind="digest", object_id=digest.pk, scope_id=None, every=every
    )
    return digest


def remember_undone(digest: Digest, now: dt.datetime) -> None:
    """Note, unsaved, what is undone in the map by now, and of which regions that is known: only what comes is news."""
    digest.regions = [region.pk for region in regions_of(digest.user)]
    digest.undone = undone_by_upload(digest.regions, now)


def token_of(digest: Digest) -> str:
    """What the address to unsubscribe carries."""
    return SIGNER.sign(f"{digest.pk}.{digest.key}").replace(":", "~")


def digest_of_token(token: str) -> Digest:
    """The digest that an address to unsubscribe is about.

    Raises:
        NotFoundError: the address is made up, or cut.
    """
    try:
        number, _, key = SIGNER.unsign(token.replace("~", ":")).partition(".")
        return Digest.objects.select_related("user").get(pk=int(number), key=key)
    except (signing.BadSignature, ValueError, Digest.DoesNotExist) as error:
        raise NotFoundError(NONE) from error


@transaction.atomic
def unsubscribe(token: str) -> Digest:
    """Send no more of it; a second time changes nothing."""
    digest = digest_of_token(token)
    if Digest.objects.filter(pk=digest.pk).exclude(every=Every.NEVER).update(every=Every.NEVER):
        audit.record(
            actor=digest.user, action="digest.unsubscribe", object_kind="digest", object_id=digest.pk, scope_id=None,
            every=Every.NEVER,
        )  # fmt: skip
    return digest


def _check_can_be_told(user: User) -> None:
    if not settings.SENDS_EMAIL:
        raise InvalidError("this Mapwright sends no e-mail: an administrator sets MAPWRIGHT_EMAIL_HOST")
    if not user.email:
        raise InvalidError("your account has no e-mail address: ask an administrator to enter it")
