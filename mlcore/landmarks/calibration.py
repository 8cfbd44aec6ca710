"""Where the floors lie: queries that mean something against such that mean nothing, on photos never learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mlcore.landmarks.floors import Floors, floor_between
from mlcore.landmarks.land_use import LandUsePhotos, Part, read_words
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.nonsense import Part as NonsensePart
from mlcore.landmarks.nonsense import read_nonsense
from mlcore.landmarks.samples import Modality

SIDE_PX = 256
NOTHINGS = 30


def calibrate_floors(model: LandmarkModel, folder: Path, *, seed: int = 0) -> tuple[Floors, dict[str, Any]]:
    """Floors for texts and photos.

    They are chosen on the part "choose" of the photos and one half of the nonsense, and told on the part "report" and
    the other half.

    Args:
        folder: of photos by class, as `LandUsePhotos` reads them.

    Returns:
        The floors; by modality, the shares of the meant that are kept and of the nonsense that are refused.
    """
    chosen, told = _likeness(model, folder, "choose", "learn", seed), _likeness(model, folder, "report", "report", seed)
    floors: dict[str, float] = {}
    shares: dict[str, Any] = {}
    for modality, (meant, nonsense) in chosen.items():
        floors[modality] = floor_between(meant, nonsense)[0]
        kept, refused = (told[modality][0] >= floors[modality]).mean(), (told[modality][1] < floors[modality]).mean()
        shares[modality] = {"kept": float(kept), "refused": float(refused)}
    return Floors(floors), shares


def pictures_of_nothing(count: int, seed: int = 0) -> list[np.ndarray]:
    """(256, 256, 3) uint8 pictures that show nothing: one tone, noise, and a slow change from one tone to another."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        first, last = rng.integers(0, 256, (2, 3))
        share = np.linspace(0, 1, SIDE_PX)[:, None, None]
        if number % 3 == 0:
            share = share * 0
        elif number % 3 == 1:
            share = rng.random((SIDE_PX, SIDE_PX, 3))
        picture = first + (last - first) * share + np.zeros((SIDE_PX, SIDE_PX, 3))
        made.append(np.ascontiguousarray(np.rot90(picture.astype(np.uint8), number % 4)))
    return made


def _likeness(
    model: LandmarkModel, folder: Path, part: Part, nonsense: NonsensePart, seed: int
) -> dict[Modality, tuple[np.ndarray, np.ndarray]]:
    """By modality of the query, the likeness of the best find of what means something and of what does not."""
    photos = LandUsePhotos(folder, part, sentences=2, seed=seed)
    samples = [photos.get(number) for number in range(len(photos))]
    pictures = [sample.aerial for sample in samples if sample.aerial is not None]
    gallery = model.embed_images(pictures)
    names = [name for kind in photos.classes for name in read_words()["classes"].get(kind, {"names": [kind]})["names"]]
    texts = sorted({text for sample in samples for text in sample.texts} | set(names))
    found: dict[Modality, tuple[np.ndarray, np.ndarray]] = {
        "text": (
            (model.embed_texts(texts) @ gallery.T).max(axis=1),
            (model.embed_texts(read_nonsense(nonsense)) @ gallery.T).max(axis=1),
        )
    }
    nothing = pictures_of_nothing(NOTHINGS, seed + (nonsense == "report"))
    others = np.where(np.eye(len(pictures), dtype=bool), -1.0, 1.0)
    for role in ("aerial", "ground"):
        asked = gallery if role == "aerial" else model.embed_images(pictures, role="ground")
        likeness = np.where(others > 0, asked @ gallery.T, -1.0)
        found[role] = likeness.max(axis=1), (model.embed_images(nothing, role=role) @ gallery.T).max(axis=1)
    return found
