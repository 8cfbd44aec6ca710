"""What the file of a map names, with its points of interest, which no row keeps."""

from __future__ import annotations

from annotation.common.engine import Progress
from annotation.common.errors import NotFoundError
from annotation.sources.models import MapSnapshot, Region
from annotation.sources.services.files import absolute
from mlcore.landmarks.readers.apart import NamedPlaces, map_landmarks_apart


def named_in(region: Region, snapshot: MapSnapshot, progress: Progress) -> NamedPlaces:
    """The places in a region's area that its map names, or tags as sights; a process with limits reads the file.

    Raises:
        NotFoundError: the file is gone.
        InvalidInputError: the map names nothing.
        StoppedError: asked to stop.
    """
    path = absolute(snapshot.upload_path)
    if not snapshot.upload_path or not path.is_file():
        raise NotFoundError("the file of this map is gone: import the map again")
    area = bytes(region.area.wkb) if region.area is not None else None
    return map_landmarks_apart(path, area=area, name=snapshot.original_name, progress=progress)
