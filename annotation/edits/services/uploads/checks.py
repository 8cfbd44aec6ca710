"""What stands against an upload, told before it is tried."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from annotation.accounts.models import User
from annotation.common.errors import DomainError
from annotation.edits import selectors
from annotation.edits.engine import MapServer
from annotation.edits.models import Changeset, OsmAccount, Upload, UploadState
from annotation.edits.osmchange.elements import MAX_CHANGES
from annotation.edits.services import freshness, policy
from annotation.edits.services.compiling import Compiled, compile_changeset
from annotation.edits.services.uploads.accounts import account_of, server_in_use


@dataclass(frozen=True)
class Reason:
    """One thing that stands against it, and what to do."""

    code: str
    detail: str


@dataclass
class Outlook:
    """What an upload would send, and whether it may.

    Attributes:
        counts: elements by what happens to them: create, modify, delete.
        warnings: what a person should know before they confirm.
    """

    why_not: list[Reason] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    server: MapServer | None = None
    account: OsmAccount | None = None


def outlook(user: User, changeset: Changeset) -> Outlook:
    """What an upload of the changeset by this person would do, and all that stands against it."""
    told = Outlook()
    try:
        told.server = server_in_use()
        told.account = account_of(user)
        if told.account is None:
            told.why_not.append(Reason("signed_out", f"sign in at {told.server.site_url} first"))
    except DomainError as error:
        told.why_not.append(Reason(error.code, error.detail))
    upload = Upload.objects.in_force().filter(changeset=changeset).defer("osc").first()
    if upload is not None:
        done = upload.state == UploadState.DONE
        told.why_not.append(Reason("uploaded_already", "it is in the map" if done else "an upload of it is unfinished"))
    compiled = compile_changeset(changeset)
    told.counts = dict(Counter(one.action for one in compiled.operations))
    told.why_not += _against(changeset, compiled)
    elsewhere = selectors.sent_elsewhere(changeset, told.server.api_url) if told.server else []
    if elsewhere:
        numbers = ", ".join(map(str, elsewhere[:10]))
        told.why_not.append(
            Reason(
                "sent_elsewhere", f"another changeset has {len(elsewhere)} of its new buildings: drop edit {numbers}"
            )
        )
    newer = freshness.newer_of(changeset)
    if newer:
        numbers = ", ".join(map(str, newer[:10]))
        told.warnings.append(
            Reason(
                "newer_there",
                f"the map's server has newer versions of {len(newer)} of these buildings: see edit {numbers}",
            )
        )
    if changeset.handed_out_at is not None:
        told.warnings.append(
            Reason("exported", "its osmChange was made before: if anybody uploaded that file, don't upload it again")
        )
    return told


def _against(changeset: Changeset, compiled: Compiled) -> list[Reason]:
    found = []
    conflicts = selectors.conflicts(changeset)
    if conflicts:
        found.append(
            Reason("conflicting_edits", f"the newest map says otherwise than {len(conflicts)} edits: drop them")
        )
    nobody = policy.without_verdict(selectors.items_of(changeset))
    if nobody:
        found.append(Reason("no_verdict", f"{len(nobody)} edits carry no person's verdict in force: drop them"))
    missing = [one for one in compiled.refusals if one.missing]
    if missing:
        found.append(Reason("unknown_versions", f"{len(missing)} edits lack versions: give them"))
    if len(compiled.refusals) > len(missing):
        others = len(compiled.refusals) - len(missing)
        found.append(Reason("refused_items", f"{others} edits can't be written as osmChange: drop them"))
    if len(compiled.operations) > MAX_CHANGES:
        found.append(
            Reason(
                "too_many_changes",
                f"it touches {len(compiled.operations)} elements of {MAX_CHANGES}: make smaller ones",
            )
        )
    return found
