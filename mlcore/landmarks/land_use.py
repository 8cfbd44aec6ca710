"""Photos in folders named after their class (UC Merced land use), with sentences of the class and of what is visible.

Every class is cut the same way: pictures 0-59 to learn from, 60-79 to choose settings by, 80-99 to report on. A third
of the classes is never learnt: `unseen_classes`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.landmarks.readers.items import picture_of
from mlcore.landmarks.samples import Sample
from mlcore.landmarks.visible import measure, phrases_of

Part = Literal["learn", "choose", "report"]
PARTS: dict[Part, range] = {"learn": range(60), "choose": range(60, 80), "report": range(80, 100)}
UNSEEN_SHARE, UNSEEN_SEED = 1 / 3, 0
WORDS = "land_use_v1"
MIXED, NAMED = (0.35, 0.4, 0.25), (0.45, 0.55, 0.0)
"""Shares of sentences with the class alone, with what is visible too, and with that alone."""
MOST_PIXELS = 16_000_000
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


@lru_cache
def read_words(version: str = WORDS) -> dict[str, Any]:
    """The names of the classes and the forms of sentences; InvalidInputError where there is no such version."""
    path = Path(__file__).parent / "sentences" / f"{version}.json"
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise InvalidInputError(f"no words {version!r}: choose one of mlcore/landmarks/sentences") from error


def unseen_classes(classes: Sequence[str], seed: int = UNSEEN_SEED) -> tuple[str, ...]:
    """The third of the classes that is never learnt, drawn by seed from their names in order."""
    ordered = sorted(set(classes))
    drawn = np.random.default_rng(seed).permutation(len(ordered))[: round(len(ordered) * UNSEEN_SHARE)]
    return tuple(sorted(ordered[number] for number in drawn))


class LandUsePhotos:
    """Samples of one part of some classes; texts are the same at every call."""

    def __init__(
        self, folder: Path, part: Part, *, classes: Sequence[str] | None = None, sentences: int = 8, seed: int = 0
    ) -> None:
        """
        Args:
            folder: of folders of photos, named by class.
            part: "learn", "choose" or "report".
            classes: which ones; None: all.
            sentences: made for each photo.

        Raises:
            InvalidInputError: no such folder, part or class.
        """
        if part not in PARTS:
            raise InvalidInputError(f"no part {part!r}: choose from {', '.join(get_args(Part))}")
        there = classes_of(folder)
        unknown = sorted(set(classes or ()) - set(there))
        if unknown:
            raise InvalidInputError(f"{folder} has no folder {', '.join(unknown)}: check the names")
        self.classes = tuple(there if classes is None else classes)
        self.paths = [(kind, path) for kind in self.classes for path in _photos(folder / kind, PARTS[part])]
        self.part, self.sentences, self.seed = part, sentences, seed

    def __len__(self) -> int:
        return len(self.paths)

    def get(self, number: int) -> Sample:
        kind, path = self.paths[number]
        rgb = picture_of(path, most_pixels=MOST_PIXELS)
        rng = np.random.default_rng([self.seed, number])
        texts = sentences_of(kind, rgb, self.sentences, rng, named=self.part != "learn")
        return Sample(path.stem, place=path.stem, aerial=rgb, texts=texts, group=kind)


def classes_of(folder: Path) -> list[str]:
    """Names of the folders of photos, in order; InvalidInputError where there are none."""
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not found:
        raise InvalidInputError(f"{folder} holds no folders of photos, one per class: check the path")
    return found


def sentences_of(
    kind: str, rgb: np.ndarray, count: int, rng: np.random.Generator, *, named: bool = False
) -> tuple[str, ...]:
    """Sentences of a picture's class and of what is visible in it.

    Args:
        kind: the class; one without words of its own is called by its name.
        rgb: (H, W, 3) uint8.
        named: every sentence names the class; else about three of four do, the others say what is visible alone.
    """
    shares = NAMED if named else MIXED
    words = read_words()
    known = words["classes"].get(kind, {"names": [f"a {kind.replace('_', ' ')}"], "shows": []})
    visible = [str(rng.choice(ways)) for ways in phrases_of(measure(rgb))] or ["nothing that stands out"]
    found = []
    for _ in range(count):
        shown = rng.permutation([*known["shows"], *visible]).tolist()
        shown = [*shown, *visible][:2] if len(shown) < 2 else shown[:2]
        form = rng.choice(words[rng.choice(["templates", "joined", "shown"], p=shares)])
        found.append(str(form).format(name=rng.choice(known["names"]), shown=shown[0], more=shown[-1]))
    return tuple(found)


def _photos(folder: Path, numbers: range) -> list[Path]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return [paths[number] for number in numbers if number < len(paths)]
