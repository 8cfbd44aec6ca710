"""Remembers beside a database which files its bases come from, so that pixels are read without cutting anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import FeatureDatabaseError, InvalidInputError
from mlcore.files import whole_file
from mlcore.geolocation.bases import MOST_PIXELS, Base, JoinedBases, PictureBases, RasterBases
from mlcore.geolocation.cutting import Sheet, open_sheet, read_onto
from mlcore.geolocation.database import FeatureDatabase
from mlcore.imagery.picture import read_picture

FILE = "sources.json"
MOST_SHEETS = 32


class CatalogueBases:
    """The bases of a database, read from the files that it was built from.

    Raises:
        FeatureDatabaseError: nothing says which files those are.
    """

    def __init__(self, database: FeatureDatabase) -> None:
        self.database = database
        self._file_of = _read(database.folder)
        self._sheets: dict[str, Sheet] = {}

    def __iter__(self) -> Iterator[Base]:
        return iter(self.database.bases)

    def __len__(self) -> int:
        return len(self.database)

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        """The pixels of a base; see BaseSource."""
        label = base.name if base.transform is None else base.name.rsplit("/", 1)[0]
        if label not in self._file_of:
            raise InvalidInputError(f"nothing says which file {base.name} comes from: build the database again")
        path = Path(self._file_of[label]["path"])
        if not path.is_file() or path.stat().st_size != self._file_of[label]["bytes"]:
            raise InvalidInputError(f"{path} is gone or another file than {base.name} was cut from: build again")
        if base.transform is None:
            rgb = read_picture(path, MOST_PIXELS).rgb
            return rgb, np.ones(rgb.shape[:2], bool)
        if label not in self._sheets:
            if len(self._sheets) >= MOST_SHEETS:
                self._sheets.clear()
            self._sheets[label] = open_sheet(path)
        return read_onto(self._sheets[label], base.transform, base.height, base.width)


def remember(folder: Path, bases: JoinedBases) -> None:
    """Add the files of bases to what a database's folder remembers."""
    known = _read(folder) if (folder / FILE).exists() else {}
    for source in bases.sources:
        if isinstance(source, RasterBases):
            known[source.label] = _entry(source.path)
        elif isinstance(source, PictureBases):
            known |= {name: _entry(path) for name, path in source.path_of.items()}
    with whole_file(folder / FILE) as scratch:
        scratch.write_text(json.dumps(known, indent=1), encoding="utf-8")


def _entry(path: Path) -> dict[str, Any]:
    return {"path": str(path.resolve()), "bytes": path.stat().st_size}


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {str(name): {"path": str(one["path"]), "bytes": int(one["bytes"])} for name, one in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeatureDatabaseError(
            f"{folder / FILE}, which says where the bases come from, is missing or damaged: build the database again"
        ) from error
