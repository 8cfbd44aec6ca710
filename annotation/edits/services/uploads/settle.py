"""An admin's way out of an upload whose answer was lost and whose person can't go on: the map itself is asked."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import Role, User
from annotation.accounts.permissions import has_role
from annotation.common.errors import NotAllowedError
from annotation.common.models import Job
from annotation.edits.engine import Listed, Receipt, UnlikeOursError, Written, parse_change, receipts_of
from annotation.edits.errors import NotUploadableError, UnsettledError, UploadedAlreadyError
from annotation.edits.models import Upload, UploadReceipt, UploadState
from annotation.edits.services.uploads.accounts import open_to_all
from annotation.edits.services.webhooks import outbox
from annotation.review.services import audit

NOTHING = "the changeset is closed and empty: the map took nothing"
LOOKED = "an admin looked: the edits are not in the map"


@dataclass(frozen=True)
class Verdict:
    """What became of it.

    Attributes:
        holds: elements in the changeset.
        stated: an admin said so, as reading does not tell.
    """

    outcome: UploadState
    receipts: list[Receipt]
    holds: int
    stated: bool = False


def settle(*, user: User, upload: Upload, outcome: str | None = None) -> Upload:
    """End an upload that stands at sending, by what everybody may read of its changeset on the map's server.

    Closed and empty it ended without effect; where it holds exactly what was sent, it is in the map. Only where it
    holds something else, or the server knows no such changeset, does an admin say which it is.

    Args:
        outcome: `done` or `failed`, as the admin saw on the map's site; used only where reading does not tell.

    Raises:
        NotAllowedError: the person is no admin.
        NotUploadableError: it does not stand at sending.
        UploadedAlreadyError: its job is at work.
        UnsettledError: its changeset is still open, or (`choose`) an outcome has to be stated.
        ServerError: the map's server gives no usable answer.
    """
    if not has_role(user, Role.ADMIN):
        raise NotAllowedError("only an admin settles what became of an upload")
    if upload.state != UploadState.SENDING or upload.osm_changeset is None:
        raise NotUploadableError("only an upload whose answer was lost is settled: go on with it, or give it up")
    verdict = _judged(upload, outcome)
    with transaction.atomic():
        locked = Upload.objects.select_for_update(no_key=True, of=("self",)).get(pk=upload.pk)
        at_work = locked.job_id and Job.objects.unfinished().filter(pk=locked.job_id).exists()
        if at_work or (locked.state, locked.osm_changeset) != (upload.state, upload.osm_changeset):
            raise UploadedAlreadyError("its job is at work: wait for it, or cancel it first")
        locked.state = verdict.outcome
        if verdict.outcome == UploadState.DONE:
            locked.done_at = timezone.now()
            UploadReceipt.objects.bulk_create(
                [UploadReceipt(upload=locked, **vars(receipt)) for receipt in verdict.receipts], batch_size=2000
            )
        else:
            locked.problem = {"code": "settled", "detail": LOOKED if verdict.stated else NOTHING}
        locked.save(update_fields=["state", "problem", "done_at"])
        if locked.state == UploadState.DONE:
            outbox.uploaded(locked)
        audit.record(
            actor=user,
            action="edits.upload_settled",
            object_kind="changeset",
            object_id=locked.changeset_id,
            scope_id=locked.region_id,
            upload=locked.pk,
            osm_changeset=locked.osm_changeset,
            outcome=locked.state,
            stated=verdict.stated,
            holds=verdict.holds,
        )
    return locked


def _judged(upload: Upload, outcome: str | None) -> Verdict:
    told, theirs = _read(upload)
    receipts = _ours(upload, theirs)
    if receipts:
        return Verdict(UploadState.DONE, receipts, len(theirs))
    if told is not None and not told.changes and not theirs:
        return Verdict(UploadState.FAILED, [], 0)
    if outcome in {UploadState.DONE, UploadState.FAILED}:
        return Verdict(UploadState(outcome), [], len(theirs), stated=True)
    seen = "is not known to the server" if told is None else "holds something else than what was sent"
    raise UnsettledError(
        f"changeset {upload.osm_changeset} {seen}: look at {upload.url}, and say whether the edits are in the map",
        choose=True,
    )


def _read(upload: Upload) -> tuple[Listed | None, list[Written]]:
    """What the server says of the changeset, None where it knows none, and what that holds once nothing can come."""
    api, number = open_to_all(upload), upload.osm_changeset or 0
    told = api.changeset(number)
    if told is None:
        return None, []
    if told.open:
        raise UnsettledError(
            f"changeset {number} is still open, so what was sent may yet arrive: it closes by itself after an hour "
            "without edits, or a day at most; settle it then"
        )
    return told, api.contents(number)


def _ours(upload: Upload, theirs: list[Written]) -> list[Receipt]:
    """The receipts, if the changeset holds exactly what was sent."""
    if not theirs:
        return []
    try:
        return receipts_of(parse_change(bytes(upload.osc)), theirs)
    except UnlikeOursError:
        return []
