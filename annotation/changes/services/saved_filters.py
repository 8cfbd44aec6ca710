"""Filters that people keep by name, the signed addresses of their feeds, and who may still read them."""

from __future__ import annotations

from secrets import token_urlsafe

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery

from annotation.accounts.models import User
from annotation.changes.models import Change, SavedFilter
from annotation.common.errors import InvalidError, NotFoundError
from annotation.consistency.models import Scan
from annotation.review.services import audit
from annotation.sources.models import Region
from annotation.sources.selectors import visible_regions

MOST = 100
"""Filters of one person in one region."""
SIGNER = signing.Signer(salt="changes.feed")
NONE = "there is no such filter, or you are not a member of its region"


def filters_of(user: User, region: Region) -> QuerySet[SavedFilter]:
    """A region's filters that a person sees: their own, and those that others share."""
    rows = SavedFilter.objects.filter(Q(owner=user) | Q(shared=True), region=region)
    return rows.select_related("owner").order_by("name", "pk")


def get_own(user: User, filter_id: int) -> SavedFilter:
    """A filter of this person's, or NotFoundError; what others share is theirs alone to change."""
    rows = SavedFilter.objects.filter(pk=filter_id, owner=user, region__in=visible_regions(user))
    found = rows.select_related("owner", "region").first()
    if found is None:
        raise NotFoundError(NONE)
    return found


def save(
    *, user: User, region: Region, name: str, query: str = "", shared: bool = False, alert: bool = False,
    filter_id: int | None = None,
) -> SavedFilter:  # fmt: skip
    """Keep a filter, a new one or one there is.

    Raises:
        NotFoundError: no such filter of this person's.
        InvalidError: the name is taken, there are too many, or there is no way to tell its owner of what is new.
    """
    if alert:
        _check_can_be_told(user)
    if filter_id is None and SavedFilter.objects.filter(owner=user, region=region).count() >= MOST:
        raise InvalidError(f"at most {MOST} filters of a region are kept: delete some")
    try:
        with transaction.atomic():
            kept = SavedFilter(region=region, owner=user)
            if filter_id is not None:
                get_own(user, filter_id)
                kept = _locked(filter_id)
            if alert and (not kept.alert or kept.query != query):
                kept.alerted_to = newest_change(region.pk)
            kept.name, kept.query, kept.shared, kept.alert = name, query, shared, alert
            # The feed's key is not among them: one that is withdrawn meanwhile stays so.
            kept.save(update_fields=None if filter_id is None else ["name", "query", "shared", "alert", "alerted_to"])
            audit.record(
                actor=user, action="changes.save_filter", object_kind="saved_filter", object_id=kept.pk,
                scope_id=region.pk, shared=shared, alert=alert,
            )  # fmt: skip
    except IntegrityError as error:
        raise InvalidError(f"you have a filter named {name!r} here: choose another name, or change that one") from error
    return kept


def _locked(filter_id: int) -> SavedFilter:
    rows = SavedFilter.objects.select_for_update(of=("self",)).select_related("owner", "region")
    found = rows.filter(pk=filter_id).first()
    if found is None:
        raise NotFoundError(NONE)
    return found


@transaction.atomic
def renew_feed(*, user: User, filter_id: int, on: bool) -> SavedFilter:
    """Give the filter's feed a new address, so that the one before is worth nothing, or none at all."""
    get_own(user, filter_id)
    kept = _locked(filter_id)
    kept.feed_key = token_urlsafe(18) if on else ""
    kept.save(update_fields=["feed_key"])
    audit.record(
        actor=user, action="changes.renew_feed" if on else "changes.revoke_feed", object_kind="saved_filter",
        object_id=kept.pk, scope_id=kept.region_id,
    )  # fmt: skip
    return kept


def feed_token(kept: SavedFilter) -> str:
    """What the address of its feed carries; empty where it has none."""
    return SIGNER.sign(f"{kept.pk}.{kept.feed_key}").replace(":", "~") if kept.feed_key else ""


def filter_of_token(token: str) -> SavedFilter:
    """The filter of a feed's address, as long as its owner may see the region.

    Raises:
        NotFoundError: the address is made up, was revoked, or the owner sees the region no more.
    """
    try:
        number, _, key = SIGNER.unsign(token.replace("~", ":")).partition(".")
        kept = SavedFilter.objects.select_related("owner", "region").get(pk=int(number), feed_key=key)
    except (signing.BadSignature, ValueError, SavedFilter.DoesNotExist) as error:
        raise NotFoundError("there is no such feed, or its address was withdrawn") from error
    if not key or not kept.owner.is_active or not visible_regions(kept.owner).filter(pk=kept.region_id).exists():
        raise NotFoundError("there is no such feed, or its address was withdrawn")
    return kept


def newest_change(region_id: int) -> int:
    """Id of the newest change of a region; 0 where there is none."""
    # Of each scan by its index: asked of the region at once, all that other regions got since are read.
    newest = Change.objects.filter(scan=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    return Scan.objects.filter(region=region_id).aggregate(newest=Max(Subquery(newest)))["newest"] or 0


def _check_can_be_told(user: User) -> None:
    if not settings.SENDS_EMAIL:
        raise InvalidError("this Mapwright sends no e-mail: an administrator sets MAPWRIGHT_EMAIL_HOST")
    if not user.email:
        raise InvalidError("your account has no e-mail address: ask an administrator to enter it")
