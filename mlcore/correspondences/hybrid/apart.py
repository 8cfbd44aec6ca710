"""A picture from outside is copied in a child process with limits of its own: a clean copy comes back, or nothing."""

from __future__ import annotations

from pathlib import Path

from mlcore.correspondences.hybrid.pictures import prepared
from mlcore.errors import InvalidInputError
from mlcore.ingestion.apart import ApartLimits, run_apart
from mlcore.progress import Progress

LIMITS = ApartLimits(memory_bytes=6 * 1024**3, cpu_s=900, wall_s=1800, file_bytes=16 * 1024**3)


def prepared_apart(
    source: Path, target: Path, progress: Progress, name: str = "", limits: ApartLimits = LIMITS
) -> None:
    """`pictures.prepared` for a file that nobody vouches for; the copy lies at `target`.

    Args:
        name: what to call the file in messages.

    Raises:
        InvalidInputError: as of `prepared`, or it cost more memory, time or disk than allowed.
        NoSpaceError: the disk of the copy is full.
        StoppedError: asked to stop; nothing is left of the copy.
    """
    name, source, target = name or source.name, source.resolve(), target.resolve()
    too_much = f"{name} took more than a picture may: cut it"
    try:
        run_apart(copied, [str(source), str(target)], limits, lambda ended: too_much, progress=progress, target=target)
    except InvalidInputError as error:
        raise InvalidInputError(str(error).replace(source.name, name)) from error


def copied(source: str, target: str, progress: Progress) -> None:
    """The work of the child."""
    prepared(Path(source), Path(target), progress)
