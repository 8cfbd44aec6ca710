"""What is in the map, or on its way there, does not change any more."""

from annotation.edits import selectors
from annotation.edits.errors import ConflictingEditsError, UploadedAlreadyError
from annotation.edits.models import Changeset, Upload, UploadState

ANOTHER = "another changeset has it: drop this edit"


def refuse_if_uploaded(changeset: Changeset) -> None:
    """For whoever holds the changeset's lock and is about to change it, or to hand it out anew.

    Raises:
        UploadedAlreadyError: an upload of it is unfinished, or done.
    """
    upload = Upload.objects.in_force().filter(changeset=changeset).defer("osc").first()
    if upload is None:
        return
    if upload.state == UploadState.DONE:
        raise UploadedAlreadyError(
            f"this changeset is in the map as {upload.url}: what it did is changed there, or by a new changeset",
            upload=upload.pk,
        )
    raise UploadedAlreadyError(
        "an upload of this changeset is unfinished: go on with it, give it up where nothing was sent yet, or have an "
        "admin settle it where its answer was lost",
        upload=upload.pk,
    )


def refuse_if_sent_elsewhere(changeset: Changeset, server: str) -> None:
    """Regions may overlap: a new building is not sent from both.

    Raises:
        ConflictingEditsError: edits whose building another changeset has; of what that one is, nothing is told.
    """
    found = selectors.sent_elsewhere(changeset, server)
    if found:
        items = [vars(selectors.Conflict(one, None, "sent_elsewhere", ANOTHER)) for one in found]
        raise ConflictingEditsError(
            f"another changeset has {len(found)} of these new buildings: drop these edits", items=items
        )
