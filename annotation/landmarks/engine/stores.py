"""The folder of an index: a store of vectors for tiles, one for texts of landmarks and one for their photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from django.conf import settings

from annotation.landmarks.models import SearchIndex

if TYPE_CHECKING:
    from mlcore.vectors import VectorStore

TILES, TEXTS, PHOTOS = "tiles", "texts", "photos"
_OPENING = Lock()


@dataclass(frozen=True)
class IndexFolder:
    """Where an index lies, and whose vectors it holds.

    Attributes:
        folder: everything of it: a store of vectors each for tiles, texts and photos, and the regions' files.
        model: digest of the model.
    """

    folder: Path
    model: str

    @property
    def regions(self) -> Path:
        """Files of what a search is narrowed by."""
        return self.folder / "regions"

    def begin(self, name: str, dimension: int) -> VectorStore:
        """A store to write to, made where there is none.

        Raises:
            VectorStoreError: its folder can't be used.
        """
        from mlcore.vectors import VectorStore

        self.folder.mkdir(parents=True, exist_ok=True)
        return VectorStore.create(self.folder / name, self.model, dimension)

    def opened(self, name: str) -> VectorStore | None:
        """A store to search in, as it is now; None where there is none yet. A process keeps it open, and mapped."""
        if not (self.folder / name).is_dir():
            return None
        with _OPENING:
            store = _store(self.folder / name, self.model)
            store.refresh()
        return store

    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def index_folder(row: SearchIndex) -> IndexFolder:
    """The folder of an index."""
    return IndexFolder(Path(settings.MEDIA_ROOT) / row.folder, row.model_digest)


@lru_cache(maxsize=6)
def _store(folder: Path, model: str) -> VectorStore:
    from mlcore.vectors import VectorStore

    return VectorStore.open(folder, model)
