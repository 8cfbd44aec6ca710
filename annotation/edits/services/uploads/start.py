"""Start an upload, go on with one that was stopped, give one up that sent nothing."""

from __future__ import annotations

import hashlib
import secrets

from django.db import connection, transaction

from annotation.accounts.models import User
from annotation.common.errors import NotAllowedError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.edits.engine import parse_change
from annotation.edits.errors import NotUploadableError, SignedOutError, UploadedAlreadyError
from annotation.edits.models import ENDED, NOTHING_SENT, Changeset, Upload, UploadState
from annotation.edits.osmchange.elements import MAX_TAG_CHARS
from annotation.edits.osmchange.write import clean
from annotation.edits.services import export
from annotation.edits.services.uploads.accounts import account_of, server_in_use
from annotation.edits.services.uploads.guard import refuse_if_sent_elsewhere, refuse_if_uploaded
from annotation.review.services import audit

KIND = "edits.upload"
LOCK = (7305, 0)
"""Two uploads that begin at once see each other."""


def start(*, user: User, changeset: Changeset) -> Upload:
    """Freeze the changeset's diff and queue its upload in the person's name.

    Raises:
        UploadOffError, SignedOutError: it can't be sent at all.
        UploadedAlreadyError: an upload of it is unfinished, or done.
        ConflictingEditsError: a new building of it is in another changeset on its way to the map, or in it.
        ConflictError: as `export.osc` refuses edits.
    """
    server, account = server_in_use(), account_of(user)
    if account is None:
        raise SignedOutError(f"sign in at {server.site_url} first: the changeset is uploaded in your name")
    with transaction.atomic():
        locked = Changeset.objects.select_for_update(no_key=True, of=("self",)).get(pk=changeset.pk)
        refuse_if_uploaded(locked)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)
        refuse_if_sent_elsewhere(locked, server.api_url)
        change = "".join(export.osc(locked, to_person=False)).encode()
        cleaned = {clean(key): clean(str(value))[:MAX_TAG_CHARS] for key, value in locked.tags.items()}
        tags = {key: value for key, value in cleaned.items() if value}
        upload = Upload.objects.create(
            region_id=locked.region_id,
            changeset=locked,
            user=user,
            server=server.api_url,
            site=server.site_url,
            osm_id=account.osm_id,
            osm_name=account.name,
            tags=tags,
            token=secrets.token_hex(16),
            osc=change,
            sha256=hashlib.sha256(change).hexdigest(),
            elements=len(parse_change(change)),
        )
        _record(user, upload, "edits.upload")
        _queue(user, upload)
    return upload


def resume(*, user: User, upload: Upload) -> Upload:
    """Go on where it stopped; whether the last request took effect is read back first.

    Raises:
        NotAllowedError: it is somebody else's.
        NotUploadableError: it has ended.
    """
    with transaction.atomic():
        locked = _own(user, upload)
        if locked.state in ENDED:
            raise NotUploadableError("this upload has ended: start another one where the map took nothing")
        _record(user, locked, "edits.upload_resumed")
        _queue(user, locked)
    return locked


def give_up(*, user: User, upload: Upload) -> Upload:
    """End an upload of which nothing was sent yet; its changeset may be changed again.

    Raises:
        NotAllowedError: it is somebody else's.
        UploadedAlreadyError: something may be in the map, or its job is at work.
    """
    with transaction.atomic():
        locked = _own(user, upload)
        if locked.state not in NOTHING_SENT:
            raise UploadedAlreadyError(
                "what was sent may be in the map: go on, so that it is read back, or have an admin settle it"
            )
        if locked.job_id and Job.objects.unfinished().filter(pk=locked.job_id).exists():
            raise UploadedAlreadyError("its job is at work: wait for it, or have an admin cancel it first")
        locked.state = UploadState.FAILED
        locked.problem = {"code": "given_up", "detail": f"given up by {user.get_username()}; the map took nothing"}
        locked.save(update_fields=["state", "problem"])
        _record(user, locked, "edits.upload_given_up")
    return locked


def _own(user: User, upload: Upload) -> Upload:
    locked = Upload.objects.select_for_update(no_key=True, of=("self",)).get(pk=upload.pk)
    if locked.user_id != user.pk and not user.is_admin:
        raise NotAllowedError("this upload goes out in somebody else's name: they go on with it, or an admin")
    return locked


def _queue(user: User, upload: Upload) -> None:
    job = jobs.enqueue(
        kind=KIND,
        params={"upload": upload.pk},
        scope_id=upload.region_id,
        created_by=user,
        dedup_key=f"upload {upload.pk}",
    )
    upload.job_id = job.pk
    upload.save(update_fields=["job_id"])


def _record(user: User, upload: Upload, action: str) -> None:
    audit.record(
        actor=user,
        action=action,
        object_kind="changeset",
        object_id=upload.changeset_id,
        scope_id=upload.region_id,
        upload=upload.pk,
        server=upload.server,
        sha256=upload.sha256,
    )
