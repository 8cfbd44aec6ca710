"""Landmarks -> vectors in the index: what is said of them, and what their photos show."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from PIL import Image

from annotation.common.engine import Progress, stop_if_asked
from annotation.landmarks.engine.stores import PHOTOS, TEXTS, IndexFolder
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel

logger = logging.getLogger(__name__)
BATCH = 256
MOST_WAITING, KEPT_EACH_S = 64, 10.0
"""Batches, and seconds, after which what is embedded goes to the store."""
PHOTO_BATCH = 16


@dataclass(frozen=True)
class LandmarkText:
    """What is said of a landmark: its id, and its name with what describes it."""

    id: int
    text: str


def read_texts(index: IndexFolder, model: LandmarkModel, rows: Sequence[LandmarkText], progress: Progress) -> int:
    """Bring the texts of landmarks up to the database; how many were embedded.

    Of every text a checksum is kept beside the store, so that only what is new or other is embedded. What a killed
    worker has to do again are MOST_WAITING batches or KEPT_EACH_S seconds. A text that the model's tower has no word
    for is passed over, and told in the log.

    Raises:
        StoppedError: asked to stop; what is embedded stays.
    """
    store = index.begin(TEXTS, model.dimension)
    path = index.folder / "texts.npy"
    before = dict(_sums(path).T.tolist())
    ids = np.array([row.id for row in rows], np.int64)
    sums = np.array([crc32(row.text.encode()) for row in rows], np.int64)
    store.remove(np.setdiff1d(store.ids, ids))
    held = np.isin(ids, store.ids)
    fresh = [number for number in range(len(rows)) if not held[number] or before.get(int(ids[number])) != sums[number]]
    done: dict[int, int] = {int(key): int(before[int(key)]) for key in ids[held] if int(key) in before}
    waiting: list[tuple[list[int], np.ndarray]] = []
    kept_at, refused = time.monotonic(), 0

    def keep() -> None:
        if waiting:
            numbers = [number for some, _ in waiting for number in some]
            store.add(ids[numbers], np.concatenate([vectors for _, vectors in waiting]))
            done.update(zip(ids[numbers].tolist(), sums[numbers].tolist(), strict=True))
            waiting.clear()
        _write_sums(path, done)

    try:
        for start in range(0, len(fresh), BATCH):
            stop_if_asked(progress)
            batch = fresh[start : start + BATCH]
            some, vectors = _embedded(model, [rows[number].text for number in batch])
            waiting.append(([batch[place] for place in some], vectors))
            refused += len(batch) - len(some)
            if len(waiting) >= MOST_WAITING or time.monotonic() - kept_at > KEPT_EACH_S:
                keep()
                kept_at = time.monotonic()
            progress.report(min(1.0, (start + BATCH) / len(fresh)), f"{start + len(batch)} of {len(fresh)} landmarks")
    finally:
        keep()
    if refused:
        logger.warning("%d landmarks can't be found by what is said of them: there is no word in it", refused)
    store.update_index()
    return len(fresh)


def _embedded(model: LandmarkModel, texts: Sequence[str]) -> tuple[list[int], np.ndarray]:
    """Places of the texts that could be embedded, and their (K, D) vectors; one that is refused stops no other."""
    some = [place for place, text in enumerate(texts) if any(sign.isalnum() for sign in text)]
    try:
        return some, model.embed_texts([texts[place] for place in some])
    except InvalidInputError:
        pass
    taken, vectors = [], [np.zeros((0, model.dimension), np.float32)]
    for place in some:
        try:
            vectors.append(model.embed_texts([texts[place]]))
            taken.append(place)
        except InvalidInputError:
            continue
    return taken, np.concatenate(vectors)


def read_photos(
    index: IndexFolder, model: LandmarkModel, photos: Sequence[tuple[int, Path]], progress: Progress
) -> int:
    """Bring the photos of landmarks up to the database; how many were embedded. A photo never changes.

    Args:
        photos: (id, file) of each; one whose file can't be read is passed over.

    Raises:
        StoppedError: asked to stop; what is embedded stays.
    """
    store = index.begin(PHOTOS, model.dimension)
    there = np.array([number for number, _ in photos], np.int64)
    store.remove(np.setdiff1d(store.ids, there))
    missing = [photo for photo, held in zip(photos, np.isin(there, store.ids), strict=True) if not held]
    for start in range(0, len(missing), PHOTO_BATCH):
        stop_if_asked(progress)
        pictures = [(number, picture_of(path)) for number, path in missing[start : start + PHOTO_BATCH]]
        read = [(number, rgb) for number, rgb in pictures if rgb is not None]
        if read:
            vectors = model.embed_images([rgb for _, rgb in read], role="ground")
            store.add(np.array([number for number, _ in read], np.int64), vectors)
        progress.report((start + PHOTO_BATCH) / len(missing), f"{start + len(read)} of {len(missing)} photos")
    store.update_index()
    return len(missing)


def picture_of(path: Path) -> np.ndarray | None:
    """(H, W, 3) uint8 of a photo that was taken in here; None where its file is gone or damaged."""
    try:
        with Image.open(path, formats=["WEBP"]) as image:
            return np.array(image.convert("RGB"))
    except (OSError, ValueError):
        return None


def _sums(path: Path) -> np.ndarray:
    """(2, N) int64: ids and checksums."""
    try:
        kept: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return np.zeros((2, 0), np.int64)
    return kept


def _write_sums(path: Path, sums: dict[int, int]) -> None:
    with whole_file(path) as scratch, scratch.open("wb") as file:
        np.save(file, np.array([list(sums), list(sums.values())], np.int64), allow_pickle=False)
