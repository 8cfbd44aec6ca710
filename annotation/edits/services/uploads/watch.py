"""What became of an upload: the map is asked whether its elements stand as they were sent, and what people say of it.

Everything is asked first and stored afterwards, in one transaction; nothing is held while the server answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.engine import stop_if_asked
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.common.services.job_context import JobContext
from annotation.edits.engine import MapServer, OsmApi, Present, parse_change
from annotation.edits.errors import MapConflictError, NotUploadableError, RefusedByServerError, UploadOffError
from annotation.edits.models import Fate, Upload, UploadReceipt, UploadState
from annotation.edits.services.uploads.accounts import server_in_use

logger = logging.getLogger(__name__)
KIND = "edits.watch"
AT_ONCE = 300
"""Elements asked for in one request: their ids keep the address short enough for any server."""
NEW, OFTEN, SELDOM = timedelta(days=2), timedelta(hours=1), timedelta(days=1)
"""How long an upload is new, how often it is asked about by itself as long as it is, and how often afterwards."""
WATCHED = timedelta(days=90)
STARTED_AT_ONCE = 20
"""Uploads asked about in an hour; where more are due, those come first that waited the longest."""
MOST_COMMENTS, MOST_CHARS = 100, 2000

Key = tuple[str, int]


def start(*, user: User | None, upload: Upload) -> Job:
    """Queue the question what became of an upload; one that is being asked already is not asked twice.

    Raises:
        UploadOffError: uploads are off, or go to another server by now.
        NotUploadableError: it is not in the map.
    """
    if upload.state != UploadState.DONE:
        raise NotUploadableError("this upload is not in the map: there is nothing to watch yet")
    _check_server(upload)
    with transaction.atomic():
        job = jobs.enqueue(
            kind=KIND,
            params={"upload": upload.pk},
            scope_id=upload.region_id,
            created_by=user,
            dedup_key=f"watch {upload.pk}",
        )
        Upload.objects.filter(pk=upload.pk).update(watch_job_id=job.pk, asked_at=timezone.now())
    return job


def start_due() -> int:
    """Queue it for uploads of the last months that are due; none while uploads are off.

    What counts is when it was asked, not whether the map answered: uploads that it does not answer for, as after a
    reset of a server for tests, take no turn from the others.
    """
    try:
        server = server_in_use().api_url
    except UploadOffError:
        return 0
    now = timezone.now()
    often = Q(done_at__gt=now - NEW, asked_at__lt=now - OFTEN)
    due = Upload.objects.filter(state=UploadState.DONE, done_at__gt=now - WATCHED, server=server).defer("osc")
    due = due.filter(Q(asked_at=None) | often | Q(asked_at__lt=now - SELDOM))
    chosen = list(due.order_by(F("asked_at").asc(nulls_first=True), "pk")[:STARTED_AT_ONCE])
    for upload in chosen:
        start(user=None, upload=upload)
    return len(chosen)


def run(job: JobContext) -> None:
    """Ask about every element and the changeset, then store what became of them."""
    upload = Upload.objects.get(pk=job.params["upload"])
    api = OsmApi(_check_server(upload))
    receipts = list(upload.receipts.order_by("pk"))
    now = {}
    for kind, numbers in _chunks((one.kind, _number(one)) for one in receipts):
        stop_if_asked(job)
        now.update({(one.kind, one.id): one for one in api.elements(kind, [str(number) for number in numbers])})
        job.report(0.8 * len(now) / max(1, len(receipts)), "asking what became of the elements")
    changed = [one for one in receipts if one.old_id > 0 and one.new_version and _edited(one, now)]
    before = _before(job, api, changed)
    comments = api.comments(upload.osm_changeset or 0)
    sent = {(one.kind, one.id): one.version for one in parse_change(bytes(upload.osc))} if upload.osc else {}
    for one in receipts:
        ours = one.new_version or sent.get((one.kind, one.old_id), 0) + 1
        _judge(one, ours, now.get((one.kind, _number(one))), before.get((one.kind, _number(one))))
    said = [{"at": c.at, "user": c.user[:255], "text": c.text[:MOST_CHARS]} for c in comments[-MOST_COMMENTS:]]
    job.set_result({"upload": upload.pk, "comments": len(comments)})
    with job.transaction(final=True):
        UploadReceipt.objects.bulk_update(
            receipts, ["fate", "their_version", "their_user", "their_changeset"], batch_size=1000
        )
        Upload.objects.filter(pk=upload.pk).update(watched_at=timezone.now(), comments=said)


def _check_server(upload: Upload) -> MapServer:
    server = server_in_use()
    if server.api_url != upload.server:
        raise UploadOffError(f"this upload went to {upload.server}, and {server.api_url} is in use by now")
    return server


def _number(receipt: UploadReceipt) -> int:
    """The element's id in the map; of a deleted one the same as before."""
    return receipt.new_id or receipt.old_id


def _chunks(keys: Iterable[Key]) -> Iterator[tuple[str, Sequence[int]]]:
    by_kind: dict[str, list[int]] = {}
    for kind, number in sorted(set(keys)):
        by_kind.setdefault(kind, []).append(number)
    for kind, numbers in by_kind.items():
        yield from ((kind, numbers[at : at + AT_ONCE]) for at in range(0, len(numbers), AT_ONCE))


def _edited(receipt: UploadReceipt, now: dict[Key, Present]) -> bool:
    there = now.get((receipt.kind, _number(receipt)))
    return there is not None and there.visible and there.version > (receipt.new_version or 0)


def _before(job: JobContext, api: OsmApi, changed: Sequence[UploadReceipt]) -> dict[Key, Present]:
    """What elements were before our version, for those that others edited since; hidden versions are not among them."""
    versions = {(one.kind, _number(one)): (one.new_version or 0) - 1 for one in changed}
    found: dict[Key, Present] = {}
    for kind, numbers in _chunks(key for key, version in versions.items() if version > 0):
        stop_if_asked(job)
        wanted = [f"{number}v{versions[kind, number]}" for number in numbers]
        try:
            found.update({(one.kind, one.id): one for one in api.elements(kind, wanted)})
        except (MapConflictError, RefusedByServerError) as error:
            logger.info("former versions of upload %s are not told: %s", job.params["upload"], error)
    return found


def _judge(receipt: UploadReceipt, ours: int, now: Present | None, before: Present | None) -> None:
    """Deleted: gone by somebody else. Reverted: as it was before, or there again though we deleted it.

    Args:
        ours: the version that the upload made of it.
    """
    receipt.fate, receipt.their_version, receipt.their_user, receipt.their_changeset = "", None, "", None
    if now is None or now.version < ours:
        return  # the server does not tell, or a copy that is behind answers
    deleted_by_us = receipt.new_version is None
    if now.visible == (not deleted_by_us) and (deleted_by_us or now.version == receipt.new_version):
        receipt.fate = Fate.AS_SENT
        return
    receipt.their_version, receipt.their_user, receipt.their_changeset = now.version, now.user[:255], now.changeset
    if not now.visible:
        receipt.fate = Fate.DELETED
    elif deleted_by_us or (before is not None and now.same(before)):
        receipt.fate = Fate.REVERTED
    else:
        receipt.fate = Fate.EDITED
