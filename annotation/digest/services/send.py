"""Send the digests that are due: one message for a period at most, whatever is killed and whenever it runs again.

A period is over once `told_to` lies behind its end. That is stored before the message leaves, under a lock of the row:
who is killed in between loses one message and never sends two. A server that can't be reached is met before that, so
that nothing is lost with it, and the run ends: one that is silent takes a worker for as long as one wait, not for one
of each person. One run sends at a time, over one connection.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from annotation.common.alone import alone
from annotation.digest.models import Digest, Every
from annotation.digest.selectors import RegionNews, news_of
from annotation.digest.services.choose import remember_undone, token_of

LONGEST = dt.timedelta(days=31)
"""After a longer silence no more than this is told."""
LOCK = 0x64_69_67_65
"""Of the one run at a time."""
SILENT = (smtplib.SMTPServerDisconnected, ConnectionError, TimeoutError)
"""The server broke off, or did not answer: whom it would be told of next fares no better."""

logger = logging.getLogger(__name__)


class NoMailServerError(Exception):
    """The server of mail can't be reached, or does not let us in."""


def tell(now: dt.datetime) -> int:
    """Send what is due at this moment, unless another run does; gives the number of messages.

    Trouble of one person is nobody else's; where the server is gone, the others wait for the next run.
    """
    if not settings.SENDS_EMAIL:
        return 0
    with alone(LOCK) as free:
        return _tell_all(now) if free else 0


def _tell_all(now: dt.datetime) -> int:
    due = Q(every=Every.DAY, told_to__lt=end_of_period(Every.DAY, now))
    due |= Q(every=Every.WEEK, told_to__lt=end_of_period(Every.WEEK, now))
    rows = Digest.objects.filter(due, user__is_active=True).exclude(user__email="")
    connection, sent = get_connection(), 0
    try:
        for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
            try:
                sent += _tell(pk, now, connection)
            except (NoMailServerError, *SILENT):
                logger.exception("the server of mail is gone: digests from %s on wait for the next run", pk)
                break
            except Exception:  # whatever is wrong with one address or region: the others get theirs
                logger.exception("the digest %s could not be sent", pk)
    finally:
        _close(connection)
    return sent


def _reach(connection: BaseEmailBackend) -> None:
    """Have the connection open; one that the server closed since the last message is made anew.

    Raises:
        NoMailServerError: that can't be.
    """
    open_already = getattr(connection, "connection", None)
    if isinstance(open_already, smtplib.SMTP):
        with suppress(OSError):
            if open_already.noop()[0] == 250:
                return
        _close(connection)
    try:
        connection.open()
    except OSError as error:  # of the network, and smtplib's own
        raise NoMailServerError(str(error)) from error


def _close(connection: BaseEmailBackend) -> None:
    with suppress(OSError):
        connection.close()


def end_of_period(every: str, now: dt.datetime) -> dt.datetime:
    """The end of the newest period that is over: days and weeks end at DIGEST_HOUR (UTC), weeks on Mondays."""
    shifted = now.astimezone(dt.UTC) - dt.timedelta(hours=settings.DIGEST_HOUR)
    day = shifted.replace(hour=0, minute=0, second=0, microsecond=0)
    start = day - dt.timedelta(days=day.weekday()) if every == Every.WEEK else day
    return start + dt.timedelta(hours=settings.DIGEST_HOUR)


def _tell(pk: int, now: dt.datetime, connection: BaseEmailBackend) -> int:
    with transaction.atomic():
        rows = Digest.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
        digest = rows.filter(pk=pk).exclude(every=Every.NEVER).first()
        if digest is None:  # another run has it, or its person left
            return 0
        until = end_of_period(digest.every, now)
        if digest.told_to >= until:
            return 0
        since = max(digest.told_to, until - LONGEST)
        news = news_of(digest, since, until)
        if news:
            _reach(connection)
        digest.told_to = until
        remember_undone(digest, until)
        digest.save(update_fields=["told_to", "undone", "regions"])
    if not news:
        return 0
    message = message_of(digest, news, since, until)
    message.connection = connection
    return message.send()


def message_of(
    digest: Digest, news: Sequence[RegionNews], since: dt.datetime, until: dt.datetime
) -> EmailMultiAlternatives:
    """The digest as text and as HTML, with what RFC 8058 asks for so that one click ends it."""
    leave = f"{settings.PUBLIC_URL}/digest/{token_of(digest)}/"
    context = {
        "news": news, "since": since, "until": until, "leave": leave, "account": f"{settings.PUBLIC_URL}/account/",
        "every": Every(digest.every).label.lower(), "name": digest.user.get_username(),
    }  # fmt: skip
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2] or "localhost"
    message = EmailMultiAlternatives(
        _subject(news), render_to_string("digest/digest.txt", context),
        settings.DEFAULT_FROM_EMAIL, [digest.user.email],
        headers={
            "List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated", "Message-ID": f"<digest-{digest.pk}-{until:%Y%m%d%H}@{host}>",
        },
    )  # fmt: skip
    message.attach_alternative(render_to_string("digest/digest.html", context), "text/html")
    return message


def _subject(news: Sequence[RegionNews]) -> str:
    sums = [
        (sum(one.new for one in news), "new"),
        (sum(sum(one.decided.values()) for one in news), "decided"),
        (sum(one.uploads for one in news), "uploaded"),
        (sum(one.undone for one in news), "undone in the map"),
        (sum(one.given for one in news), "given to you"),
    ]
    return "Mapwright: " + ", ".join(f"{number} {what}" for number, what in sums if number)
