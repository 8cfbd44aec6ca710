"""A photograph from outside is read and copied in a child process with limits of its own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from mlcore.errors import InvalidInputError
from mlcore.imagery.photo import MOST_PIXELS, PreparedPhoto, prepare_photo, prepared_from_json, prepared_to_json
from mlcore.ingestion.apart import ApartLimits, run_apart
from mlcore.progress import Progress

LIMITS = ApartLimits(memory_bytes=3 * 1024**3, cpu_s=180, wall_s=300, file_bytes=2 * 1024**3)


def photo_apart(
    source: Path,
    target: Path,
    preview: Path,
    now: dt.datetime,
    *,
    name: str = "",
    progress: Progress | None = None,
    limits: ApartLimits = LIMITS,
    most_pixels: int = MOST_PIXELS,
) -> PreparedPhoto:
    """`imagery.photo.prepare_photo` for a file that nobody vouches for.

    Args:
        name: what to call the file in messages.
        most_pixels: width x height above which it is refused unread.

    Raises:
        InvalidInputError: as of `prepare_photo`, or it cost more memory, time or disk than allowed.
        NoSpaceError: the disk is full.
        StoppedError: asked to stop.
    """
    name = name or source.name
    source, target, preview = (path.resolve() for path in (source, target, preview))
    too_much = f"{name} took more memory or time than a picture may: save it again as a JPEG, or cut it"
    arguments: list[Any] = [str(source), str(target), str(preview), now.isoformat(), most_pixels]
    try:
        record = run_apart(prepared, arguments, limits, lambda ended: too_much, progress=progress, target=target)
    except InvalidInputError as error:
        raise InvalidInputError(str(error).replace(source.name, name)) from error
    return prepared_from_json(record)


def prepared(source: str, target: str, preview: str, now: str, most_pixels: int, progress: Progress) -> dict[str, Any]:
    """The work of the child."""
    paths = Path(source), Path(target), Path(preview)
    return prepared_to_json(prepare_photo(*paths, dt.datetime.fromisoformat(now), most_pixels))
