"""The job of an upload: one step after the other, each stored before its request is made and after its answer came.

A run that was killed is gone on with from what is stored. Only two steps may then have taken effect unseen. *Opening*:
the changeset is looked for by its tag among the person's, open or closed, and so is any of an earlier round before one
is opened: a database that was restored from a backup may know nothing of it. One more that stays empty does no harm.
*Sending*: what the changeset did is read back. Where that is nothing, it is closed and read once more: the server takes
an upload and a closing one after the other, so from then on a request that is still on its way can't take effect any
more. Only then is the diff sent, in a changeset of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, NoReturn

from django.conf import settings
from django.utils import timezone

from annotation.accounts.models import Role, User
from annotation.accounts.permissions import has_role
from annotation.common.engine import StoppedError, stop_if_asked
from annotation.common.errors import ConflictError, DomainError, NotAllowedError
from annotation.common.services.job_context import JobContext
from annotation.edits import selectors
from annotation.edits.engine import OsmApi, Receipt, UnlikeOursError, parse_change, receipts_of, with_changeset
from annotation.edits.errors import (
    BusyServerError,
    ChangesetClosedError,
    ForbiddenServerError,
    MapConflictError,
    NotSentError,
    NotUploadableError,
    RefusedByServerError,
    ServerAddressError,
    ServerError,
    SignedOutError,
    UploadOffError,
)
from annotation.edits.models import ENDED, Upload, UploadReceipt, UploadState
from annotation.edits.services.uploads.accounts import account_of, api_of
from annotation.edits.services.webhooks import outbox
from annotation.sources.selectors import visible_regions

logger = logging.getLogger(__name__)
TRIES = 8
MARK = "mapwright:upload"
"""The tag by which a changeset is found again whose number was lost."""
NO_ACCESS = (ForbiddenServerError, RefusedByServerError, ServerAddressError, SignedOutError, UploadOffError)
"""Nobody gets to the server in the person's name any more."""
CLOCKS = timedelta(days=1)
"""By how much the server's clock may be behind ours."""
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
    Sending(job, Upload.objects.get(pk=job.params["upload"])).go()


class Sending:
    """One run of one upload."""

    def __init__(self, job: JobContext, upload: Upload) -> None:
        self.job, self.upload, self.tries = job, upload, 0
        self.steps: dict[str, Callable[[], None]] = {
            UploadState.PREPARED: self.prepare,
            UploadState.OPENING: self.find_or_open,
            UploadState.OPEN: self.send,
            UploadState.SENDING: self.read_back,
            UploadState.SENT: self.close,
            UploadState.CLOSING: self.finish,
        }

    @cached_property
    def api(self) -> OsmApi:
        """Access in the name that the upload began in."""
        account = account_of(self.upload.user)
        if account is None or account.server != self.upload.server:
            raise SignedOutError(f"nobody is signed in at {self.upload.server}: sign in there, then go on")
        if account.osm_id != self.upload.osm_id:
            name = self.upload.osm_name
            raise SignedOutError(f"this upload began as {name}: sign in as {name}, then go on")
        return api_of(account)

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
        self._check_rights()
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
        self.find_or_open()

    def find_or_open(self) -> None:
        """The changeset may be there already: its number was lost, or the answer never came, or a backup came back."""
        upload = self.upload
        found = self.api.find(upload.osm_id, upload.created_at - CLOCKS, MARK, f"{upload.token}.")
        found = [one for one in found if one.id not in upload.abandoned]
        for one in found:
            if one.changes or self.api.contents(one.id):
                self._to(UploadState.SENDING, osm_changeset=one.id)  # read back next
                return
        mine = [one.id for one in found if one.open and one.tags[MARK] == upload.mark]
        if mine:
            self._to(UploadState.OPEN, osm_changeset=mine[0])
            return
        try:
            number = self.api.open({**upload.tags, MARK: upload.mark})
        except RefusedByServerError as error:
            self._end(UploadState.FAILED, error)
        self._to(UploadState.OPEN, osm_changeset=number)

    def send(self) -> None:
        """Send the diff, once; without an answer it stays on its way, to be read back."""
        self._check_rights()
        api, number = self.api, self._number()
        self._to(UploadState.SENDING)
        try:
            receipts = api.upload(number, with_changeset(bytes(self.upload.osc), number))
        except ChangesetClosedError as error:
            self.read_back()
            if self.upload.state == UploadState.PREPARED:
                self._count(error)
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
        """Close the changeset, unless it is closed already or nobody may any more: the server does so by itself."""
        try:
            self.api.close(self._number(), or_unknown=True)
        except NO_ACCESS as error:
            logger.info("changeset %s stays open until it closes by itself: %s", self._number(), error)
        self.job.set_result({"upload": self.upload.pk, "changeset": self.upload.osm_changeset, "url": self.upload.url})
        self.job.report(*SAYS[UploadState.DONE])
        self._to(UploadState.DONE, final=True, done_at=timezone.now())

    def _check_rights(self) -> None:
        """Whoever sends it may edit, here and now; what was sent is read back and closed all the same.

        Raises:
            NotAllowedError: the person may not upload this any more.
        """
        user = User.objects.filter(pk=self.upload.user_id or 0).first()
        seen = user is not None and visible_regions(user).filter(pk=self.upload.region_id).exists()
        if not seen or not has_role(user, Role.EDITOR):
            raise NotAllowedError(
                "the person of this upload may not edit in this region any more, so nothing is sent: an admin gives it "
                "up, or gives them the right again"
            )

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
            if state == UploadState.DONE:
                outbox.uploaded(locked)
        self.upload = locked

    def _end(self, state: UploadState, error: DomainError) -> NoReturn:
        """It ends without effect: keep why, then let the empty changeset go."""
        problem = {"code": error.code, "detail": error.detail, **error.data}
        if error.data.get("key"):
            problem["change"] = selectors.change_about(self.upload.changeset, error.data["key"], error.data.get("ours"))
        number = self.upload.osm_changeset
        self._to(state, problem=problem)
        if number is not None:
            try:
                self.api.close(number, or_unknown=True)
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
