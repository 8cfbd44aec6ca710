"""The vectors of a region's tiles as a file that is there as long as it is sent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from annotation.common.engine import MlcoreError
from annotation.common.errors import UnavailableError
from annotation.landmarks import engine, selectors
from annotation.landmarks.errors import NotIndexedError
from annotation.sources.models import Region
from annotation.sources.services.files import room_on_disk

NOT_READ = "no tile of this region was read yet: have the search updated first"


def embeddings(*, region: Region, form: str) -> IO[bytes]:
    """An open file of the vectors; it is gone once it is closed. It takes 2 KB a tile, and as many seconds as GB.

    Raises:
        NotIndexedError: no tile of the region was read.
        UnavailableError: a package that the form needs is missing.
    """
    row = selectors.index_serving()
    index = engine.index_folder(row) if row is not None else None
    noted = engine.read_state(index.regions, region.pk) if index is not None else None
    if row is None or index is None or noted is None:
        raise NotIndexedError(NOT_READ)
    images = selectors.imagery_named(noted.imagery)
    about = {
        "model": row.model_digest, "region": region.name, "imagery": images.sha256 if images else "",
        "licence": images.licence if images else "", "attribution": images.attribution if images else "",
        "captured_on": images.captured_on.isoformat() if images and images.captured_on else "",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mapwright-export-", dir=index.folder) as folder, room_on_disk():
        target = Path(folder) / f"embeddings.{form}"
        try:
            written = engine.export_embeddings(index, region.pk, selectors.places_of(region), about, form, target)
        except MlcoreError as error:
            raise UnavailableError(str(error)) from error
        if not written:
            raise NotIndexedError(NOT_READ)
        return target.open("rb")
