"""An image as it came -> a clean copy and what it says of itself, read in a process with limits."""

from __future__ import annotations

from pathlib import Path

from django.utils import timezone

from annotation.common.engine import Progress
from mlcore.imagery.photo import PreparedPhoto
from mlcore.ingestion.photos import photo_apart


class _Quiet:
    """Asks whether to stop, and leaves the progress of the whole job alone."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def report(self, fraction: float, message: str = "", figures: object = None) -> None:
        return None

    def should_stop(self) -> bool:
        return self.progress.should_stop()


def prepare_image(upload: Path, picture: Path, preview: Path, name: str, progress: Progress) -> PreparedPhoto:
    """The copy at `picture`, a small one at `preview`, and what is known of both.

    Raises:
        InvalidInputError: it can't be used; NoSpaceError: the disk is full; StoppedError: asked to stop.
    """
    picture.parent.mkdir(parents=True, exist_ok=True)
    return photo_apart(upload, picture, preview, timezone.now(), name=name, progress=_Quiet(progress))
