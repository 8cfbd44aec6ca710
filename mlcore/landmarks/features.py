"""What the frozen towers make of samples: computed once, kept by the digest of what went in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlcore.errors import CheckpointError
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import SampleSource
from mlcore.landmarks.towers import BATCH
from mlcore.learning.checkpoints import read_tensors, write_tensors
from mlcore.progress import Progress, stop_if_asked

SHARD = 128
"""So many samples are computed before they are kept."""


class FeatureCache:
    """Features of pictures by the digest of their pixels, for one image tower and number of views."""

    def __init__(self, folder: Path, tower: str) -> None:
        """
        Args:
            folder: of the shards; made where it is missing.
            tower: names the tower, its weights and the views; another one's shards are passed over.
        """
        self.folder, self.tower = Path(folder), tower
        self._known: dict[str, Tensor] = {}
        self._new: dict[str, Tensor] = {}
        for path in sorted(self.folder.glob("shard-*.safetensors")):
            try:
                tensors, meta = read_tensors(path)
            except CheckpointError:  # killed while it was written, or by a failing disk: computed again
                path.unlink()
                continue
            if meta.get("tower") == tower:
                self._known |= dict(zip(meta["digests"], tensors["features"], strict=True))

    def __contains__(self, digest: str) -> bool:
        return digest in self._known

    def __getitem__(self, digest: str) -> Tensor:
        return self._known[digest]

    def __setitem__(self, digest: str, features: Tensor) -> None:
        self._known[digest] = self._new[digest] = features.half().cpu()

    def keep(self) -> None:
        """Write what is new."""
        if self._new:
            number = max((int(path.stem.rpartition("-")[2]) for path in self.folder.glob("shard-*.safetensors")),
                         default=-1) + 1  # fmt: skip
            write_tensors(
                self.folder / f"shard-{number:06d}.safetensors", {"features": torch.stack(list(self._new.values()))},
                {"tower": self.tower, "digests": list(self._new)},
            )  # fmt: skip
            self._new = {}


def picture_digest(rgb: np.ndarray) -> str:
    """SHA-256 of a picture's shape and pixels."""
    return hashlib.sha256(repr(rgb.shape).encode() + np.ascontiguousarray(rgb).tobytes()).hexdigest()


def views_of(rgb: np.ndarray, count: int) -> list[np.ndarray]:
    """The picture, its turns by 90 degrees, then the same of its mirror image: the first `count` of eight."""
    turned = [np.rot90(rgb, number % 4) for number in range(count)]
    return [np.ascontiguousarray(one[:, ::-1] if number >= 4 else one) for number, one in enumerate(turned)]


def picture_features(
    model: LandmarkModel, pictures: Sequence[np.ndarray], cache: FeatureCache, views: int
) -> list[str]:
    """Digests of pictures, whose (views, C) features are in the cache afterwards."""
    digests = [picture_digest(rgb) for rgb in pictures]
    missing = {digest: rgb for digest, rgb in zip(digests, pictures, strict=True) if digest not in cache}
    seen = [view for rgb in missing.values() for view in views_of(rgb, views)]
    parts = [model.image_features(seen[start : start + BATCH]) for start in range(0, len(seen), BATCH)]
    if parts:
        for digest, features in zip(missing, torch.cat(parts).reshape(len(missing), views, -1), strict=True):
            cache[digest] = features
    return digests


class SampleFeatures:
    """All samples of a source as features, in memory.

    Attributes:
        pictures: by role, (N,) row in `table` of each sample's picture, -1 for none.
        table: (P, views, C) float16.
        texts: (N,) lists of rows of `text_table`; text_table: (T, C') float32.
        lonlat: (N, 2) float64, NaN where there is none.
        groups: (N,) whole numbers; places: (N,) names.
        digest: SHA-256 of all that went in.
    """

    def __init__(self, model: LandmarkModel, samples: SampleSource, cache: FeatureCache, views: int,
                 progress: Progress) -> None:  # fmt: skip
        """
        Raises:
            StoppedError: asked to stop; what was computed is kept.
        """
        count = len(samples)
        self.lonlat = np.full((count, 2), np.nan)
        self.groups, self.texts, self.places = np.zeros(count, np.int64), [], []
        names: dict[str, list[str]] = {"aerial": [], "ground": []}
        group_of: dict[str, int] = {}
        sentences: dict[str, int] = {}
        digest = hashlib.sha256()
        for number in range(count):
            sample = samples.get(number)
            for role, known in names.items():
                # of a street photo neither turns nor its mirror image are to be expected: its views are all the same
                rgb = getattr(sample, role)
                known.extend(["" if rgb is None else picture_features(model, [rgb], cache, views)[0]])
            self.texts.append([sentences.setdefault(text, len(sentences)) for text in sample.texts])
            self.places.append(sample.place)
            self.groups[number] = group_of.setdefault(sample.group or f"#{number}", len(group_of))
            if sample.gps is not None:
                self.lonlat[number] = sample.gps
            told = (names["aerial"][-1], names["ground"][-1], sample.texts, sample.gps, sample.group)
            digest.update(repr(told).encode())
            if number % SHARD == SHARD - 1 or number == count - 1:
                cache.keep()
                progress.report(0.5 * (number + 1) / count, f"features of sample {number + 1} of {count}")
                stop_if_asked(progress)
        self.digest = digest.hexdigest()
        rows = {name: row for row, name in enumerate(sorted({*names["aerial"], *names["ground"]} - {""}))}
        self.table = torch.stack([cache[name] for name in rows]) if rows else torch.zeros(0, views, 1)
        self.pictures = {role: np.array([rows.get(name, -1) for name in each]) for role, each in names.items()}
        self.text_table = model.text_features(list(sentences)).cpu()

    def __len__(self) -> int:
        return len(self.groups)

    def has(self, modality: str) -> np.ndarray:
        """(N,) bool: which samples have it."""
        if modality in self.pictures:
            return np.asarray(self.pictures[modality] >= 0)
        there = [bool(each) for each in self.texts] if modality == "text" else np.isfinite(self.lonlat[:, 0])
        return np.asarray(there, bool)
