"""The job of an upload: one step after the other, each stored before its request is made and after its answer came.

A run that was killed is gone on with from what is stored. Only two steps may then have taken effect unseen. *Opening*:
the changeset is looked for by its tag among the person's open ones; one more that stays empty would do no harm.
*Sending*: what the changeset did is read back. Where that is nothing, it is closed and read once more: the server takes
an upload and a closing one after the other, so from then on a request that is still on its way can't take effect any
more. Only then is the diff sent, in a changeset of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from django.conf import settings
from django.utils import timezone

from annotation.common.engine import StoppedError, stop_if_asked
from annotation.common.errors import ConflictError, DomainError
from annotation.common.services.job_context import JobContext
from annotation.edits import selectors
from annotation.edits.engine import OsmApi, Receipt, UnlikeOursError, parse_change, receipts_of, with_changeset
from annotation.edits.errors import (
    BusyServerError,
    ChangesetClosedError,
    MapConflictError,
    NotSentError,
    NotUploadableError,
    RefusedByServerError,
    ServerError,
    SignedOutError,
)
from annotation.edits.models import ENDED, Upload, UploadReceipt, UploadState
from annotation.edits.services.uploads.accounts import account_of, api_of

logger = logging.getLogger(__name__)
TRIES = 8
MARK = "mapwright:upload"
"""The tag by which a changeset is found again whose number was lost."""
LATER = "; nothing is lost: go on with the upload later"
SAYS = {
    UploadState.PREPARED: (0.05, "asking what the server takes"),
    UploadState.OPENING: (0.1, "opening a changeset"),
    UploadState.OPEN: (0.2, "a changeset is open"),
    UploadState.SENDING: (0.3, "sending the edits"),
    UploadState.SENT: (0.8, "the map has the edits"),
    UploadState.CLOSING: (0.9, "closing the changeset"),
    UploadState.DONE: (1.0, "done"),
    UploadState.CONFLICTED: (1.0, "the map changed meanwhile"),
    UploadState.FAILED: (1.0, "the server refused it"),
}


def run(job: JobContext) -> None:
    """Bring an upload to its end, from wherever it stands."""
    upload = Upload.objects.get(pk=job.params["upload"])
    account = account_of(upload.user)
    if account is None or account.server != upload.server:
        raise SignedOutError(f"nobody is signed in at {upload.server}: sign in there, then go on")
    if account.osm_id != upload.osm_id:
        raise SignedOutError(f"this upload began as {upload.osm_name}: sign in as {upload.osm_name}, then go on")
    Sending(job, upload, api_of(account)).go()


class Sending:
    """One run of one upload."""

    def __init__(self, job: JobContext, upload: Upload, api: OsmApi) -> None:
        self.job, self.upload, self.api, self.tries = job, upload, api, 0
        self.steps: dict[str, Callable[[], None]] = {
            UploadState.PREPARED: self.prepare,
            UploadState.OPENING: self.find_or_open,
            UploadState.OPEN: self.send,
            UploadState.SENDING: self.read_back,
            UploadState.SENT: self.close,
            UploadState.CLOSING: self.finish,
        }

    def go(self) -> None:
        """Every step until it has ended; a server that gives no answer is asked again after a while.

        Raises:
            StoppedError: asked to stop.
            DomainError: it can't go on by itself, or ended without effect.
        """
        while self.upload.state not in ENDED:
            stop_if_asked(self.job)
            self.job.report(*SAYS[UploadState(self.upload.state)])
            try:
                self.steps[self.upload.state]()
            except ServerError as error:
                self._wait(error)

    def prepare(self) -> None:
        """See that the server takes so much, then open a changeset."""
        limits = self.api.limits()
        if not limits.online:
            raise BusyServerError("the map's server takes no edits at the moment")
        if self.upload.elements > limits.elements:
            self._end(
                UploadState.FAILED,
                NotUploadableError(
                    f"the server takes {limits.elements} elements in a changeset and this has {self.upload.elements}: "
                    "take it apart and make smaller ones"
                ),
            )
        self._to(UploadState.OPENING, round=self.upload.round + 1)
        self._open()

    def find_or_open(self) -> None:
        """The changeset may be open already: its number was lost, or the answer never came."""
        number = self.api.find_open(self.upload.osm_id, MARK, self.upload.mark)
        if number is None:
            self._open()
        else:
            self._to(UploadState.OPEN, osm_changeset=number)

    def _open(self) -> None:
        try:
            number = self.api.open({**self.upload.tags, MARK: self.upload.mark})
        except RefusedByServerError as error:
            self._end(UploadState.FAILED, error)
        self._to(UploadState.OPEN, osm_changeset=number)

    def send(self) -> None:
        """Send the diff, once; without an answer it stays on its way, to be read back."""
        self._to(UploadState.SENDING)
        number = self._number()
        try:
            receipts = self.api.upload(number, with_changeset(bytes(self.upload.osc), number))
        except ChangesetClosedError as error:
            self._count(error)
            self.read_back()
        except (BusyServerError, NotSentError, SignedOutError):
            self._to(UploadState.OPEN)  # surely nothing of it was taken
            raise
        except MapConflictError as error:
            self._end(UploadState.CONFLICTED, error)
        except RefusedByServerError as error:
            self._end(UploadState.FAILED, error)
        else:
            self._sent(receipts)

    def read_back(self) -> None:
        """What became of a diff whose answer was lost; where it is nothing, see that it stays so, and begin anew."""
        number = self._number()
        theirs = self.api.contents(number)
        if not theirs:
            self.api.close(number)
            theirs = self.api.contents(number)
        if not theirs:
            abandoned = [*self.upload.abandoned, number]
            self._to(UploadState.PREPARED, osm_changeset=None, abandoned=abandoned)
            return
        try:
            self._sent(receipts_of(parse_change(bytes(self.upload.osc)), theirs))
        except UnlikeOursError as error:
            raise ConflictError(
                f"changeset {number} holds something else than what was sent ({error}), so nothing more is sent: look "
                f"at {self.upload.url}"
            ) from error

    def close(self) -> None:
        self._to(UploadState.CLOSING)
        self.finish()

    def finish(self) -> None:
        """Close the changeset; one that is closed already is as well."""
        self.api.close(self._number())
        self.job.set_result({"upload": self.upload.pk, "changeset": self.upload.osm_changeset, "url": self.upload.url})
        self.job.report(*SAYS[UploadState.DONE])
        self._to(UploadState.DONE, final=True, done_at=timezone.now())

    def _sent(self, receipts: Sequence[Receipt]) -> None:
        if len(receipts) != self.upload.elements:
            raise ConflictError(
                f"the server gave {len(receipts)} receipts for {self.upload.elements} elements: "
                f"look at {self.upload.url}"
            )
        self._to(UploadState.SENT, receipts=receipts)
        self.tries = 0

    def _number(self) -> int:
        if self.upload.osm_changeset is None:
            raise ValueError(f"upload {self.upload.pk} is {self.upload.state} without a changeset")
        return self.upload.osm_changeset

    def _to(self, state: UploadState, *, final: bool = False, receipts: Sequence[Receipt] = (), **fields: Any) -> None:
        """Store the next step, if this run still owns the job and nobody else went on."""
        with self.job.transaction(final=final):
            locked = Upload.objects.select_for_update(no_key=True, of=("self",)).get(pk=self.upload.pk)
            if locked.state != self.upload.state or locked.round != self.upload.round:
                raise StoppedError("another run went on with this upload")
            for name, value in fields.items():
                setattr(locked, name, value)
            locked.state = state
            locked.save(update_fields=["state", *fields])
            UploadReceipt.objects.bulk_create(
                [UploadReceipt(upload=locked, **vars(receipt)) for receipt in receipts], batch_size=2000
            )
        self.upload = locked

    def _end(self, state: UploadState, error: DomainError) -> NoReturn:
        """It ends without effect: keep why, then let the empty changeset go."""
        problem = {"code": error.code, "detail": error.detail, **error.data}
        if error.data.get("key"):
            problem["change"] = selectors.change_about(self.upload.changeset, error.data["key"])
        number = self.upload.osm_changeset
        self._to(state, problem=problem)
        if number is not None:
            try:
                self.api.close(number)
            except DomainError as failed:
                logger.info("changeset %s stays open until it closes by itself: %s", number, failed)
        raise error

    def _count(self, error: DomainError) -> None:
        self.tries += 1
        if self.tries >= TRIES:
            error.detail += LATER
            error.args = (error.detail,)
            raise error

    def _wait(self, error: ServerError) -> None:
        self._count(error)
        asked = error.retry_after_s
        wait_s = settings.OSM_PAUSE_SECONDS * 2 ** (self.tries - 1)
        wait_s = max(min(wait_s, settings.OSM_LONGEST_PAUSE_SECONDS), asked or 0.0)
        if wait_s > settings.OSM_LONGEST_PAUSE_SECONDS:
            error.detail += f" for {wait_s:.0f} s{LATER}"
            error.args = (error.detail,)
            raise error
        self.job.report(SAYS[UploadState(self.upload.state)][0], f"{error.detail}; asking again in {wait_s:.0f} s")
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            stop_if_asked(self.job)
            time.sleep(min(left, 0.5))
