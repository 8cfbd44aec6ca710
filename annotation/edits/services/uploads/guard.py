"""What is in the map, or on its way there, does not change any more."""

from annotation.edits.errors import UploadedAlreadyError
from annotation.edits.models import Changeset, Upload, UploadState


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
        "an upload of this changeset is unfinished: go on with it, or give it up where nothing was sent yet",
        upload=upload.pk,
    )
