"""Reads MMLandmarks as it was published (version 1.0, May 2026): 18,557 landmarks of the United States.

Known from the authors' description of the set and their code:

    train/   17,557 landmarks, 310,661 ground photos, 186,574 aerial images
    query/    1,000 landmarks,  18,688 ground photos; one aerial image each, the latest (10,631 with all dates)
    index/   714,554 ground photos and 99,539 aerial images that show none of the landmarks: the rest of the galleries

    SPLIT/mml_SPLIT.csv               landmark_id, CommonsCategory, lat, lon
    SPLIT/mml_SPLIT_ground.csv        landmark_id, images: ids with spaces between them
    SPLIT/mml_SPLIT_satellite.csv     the same, oldest first; mml_query_all_satellite.csv of all dates
    SPLIT/mml_SPLIT_text.csv          landmark_id, json: id of a file of sections by their title
    query/mml_query_text_sentences.csv  landmark_id, sentences: first sentences without names of places
    index/mml_index_ground.csv        images, gldv2_id
    index/mml_index_satellite.csv     images, lat, lon, year
    SPLIT/MODALITY/a/b/c/ID.EXT       ground .jpg, satellite .png, text .json, by the first three letters of the id

Assumed: ids have letters, digits, hyphens and underscores alone; an id may lack its file, and a landmark any modality
(parts of the set are downloaded apart), which is then not known of it; what is in no `mml_SPLIT.csv` has no position
and stays. The set itself was never read here: tests use a made one in this layout.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.landmarks.readers.items import Items, picture_of, sentences_in
from mlcore.landmarks.samples import Modality, Sample

Split = Literal["train", "query"]
FOLDERS = {"ground": ("ground", ".jpg"), "aerial": ("satellite", ".png"), "text": ("text", ".json")}
ID = re.compile(r"[0-9A-Za-z_-]{3,64}")
SENTENCES = 8
MOST_JSON_BYTES = 8 * 1024**2


class PublishedLandmarks:
    """The landmarks of a split as samples: one aerial image, one ground photo, sentences, the position.

    Args:
        folder: that holds `train`, `query` and `index`.
        split: "train" or "query".
        texts: "sections": the first sentences of the description; "no_cues": those without names of places, of the
            query split alone.
        sentences: at most so many of each landmark.

    Raises:
        InvalidInputError: a list is missing or damaged.
    """

    def __init__(
        self, folder: Path, split: Split = "train", *, texts: Literal["sections", "no_cues"] = "sections",
        sentences: int = SENTENCES,
    ) -> None:  # fmt: skip
        self.folder, self.split, self.sentences = Path(folder) / split, split, sentences
        self._gps = {
            landmark: (_degrees(row, "lon", 180.0), _degrees(row, "lat", 90.0))
            for landmark, row in _rows(self.folder / f"mml_{split}.csv")
        }
        self._ids: dict[str, dict[int, list[str]]] = {}
        for modality, (name, _) in FOLDERS.items():
            column = "json" if modality == "text" else "images"
            path = self.folder / f"mml_{split}_{name}.csv"
            self._ids[modality] = {landmark: _ids(row, column, path) for landmark, row in _rows(path, needed=False)}
        self._plain: dict[int, str] = {}
        if texts == "no_cues":
            path = self.folder / f"mml_{split}_text_sentences.csv"
            self._plain = {landmark: row.get("sentences") or "" for landmark, row in _rows(path)}
            self._ids["text"] = {}
        self.landmarks = sorted({*self._gps, *self._plain, *(one for known in self._ids.values() for one in known)})
        if not self.landmarks:
            raise InvalidInputError(f"{self.folder} names no landmark: check that it is {split} of MMLandmarks")

    def __len__(self) -> int:
        return len(self.landmarks)

    def get(self, number: int) -> Sample:
        """The sample of that number; of several images the latest aerial one and the first photo."""
        landmark = self.landmarks[number]
        gps = self._gps.get(landmark)
        place = f"{math.floor(gps[0])} {math.floor(gps[1])}" if gps else f"{self.split} {landmark}"
        aerial, ground = (self._files(landmark, modality) for modality in ("aerial", "ground"))
        return Sample(
            name=f"{self.split}/{landmark}",
            place=place,
            aerial=picture_of(aerial[-1]) if aerial else None,
            ground=picture_of(ground[0]) if ground else None,
            texts=self._texts(landmark),
            gps=gps,
        )

    def items(self, modality: Modality) -> Items:
        """Everything of one modality, owned by the landmarks' own numbers: every photo, the latest aerial image, the
        first sentence, the position."""
        if modality == "gps":
            known = [one for one in self.landmarks if one in self._gps]
            return Items("gps", _owners(known), lambda number: self._gps[known[number]])
        if modality == "text":
            texts = [(one, said[0]) for one in self.landmarks if (said := self._texts(one))]
            return Items("text", _owners([one for one, _ in texts]), lambda number: texts[number][1])
        found = [(one, path) for one in self.landmarks for path in self._latest(one, modality)]
        return Items(modality, _owners([one for one, _ in found]), lambda number: picture_of(found[number][1]))

    def counts(self) -> dict[str, int]:
        """Landmarks, and how many of them have each modality on this disk."""
        told = {modality: sum(bool(self._files(one, modality)) for one in self.landmarks) for modality in FOLDERS}
        if self._plain:
            told["text"] = len(self._plain)
        return {"landmarks": len(self), **told, "gps": len(self._gps)}

    def _latest(self, landmark: int, modality: str) -> list[Path]:
        files = self._files(landmark, modality)
        return files[-1:] if modality == "aerial" else files

    def _files(self, landmark: int, modality: str) -> list[Path]:
        paths = [_path(self.folder, modality, one) for one in self._ids[modality].get(landmark, [])]
        return [path for path in paths if path.is_file()]

    def _texts(self, landmark: int) -> tuple[str, ...]:
        if landmark in self._plain:
            return sentences_in(self._plain[landmark], self.sentences)
        files = self._files(landmark, "text")
        return sentences_in("\n".join(_sections(files[0])), self.sentences) if files else ()


def published_gallery(folder: Path, modality: Modality) -> Items:
    """What `index` adds to a gallery: photos, aerial images or their middles; nobody's, as no query shows them.

    Raises:
        InvalidInputError: the list is missing or damaged, or there is none of this modality.
    """
    index = Path(folder) / "index"
    if modality not in ("ground", "aerial", "gps"):
        raise InvalidInputError(f"the index of MMLandmarks has no {modality}: ask for ground, aerial or gps")
    name = FOLDERS["aerial" if modality == "gps" else modality][0]
    path = index / f"mml_index_{name}.csv"
    rows = list(_table(path))
    if modality == "gps":
        places = [(_degrees(row, "lon", 180.0), _degrees(row, "lat", 90.0)) for row in rows]
        return Items("gps", np.full(len(places), -1), lambda number: places[number])
    files = [_path(index, modality, one) for row in rows for one in _ids(row, "images", path)]
    files = [file for file in files if file.is_file()]
    return Items(modality, np.full(len(files), -1), lambda number: picture_of(files[number]))


def _owners(landmarks: Sequence[int]) -> np.ndarray:
    return np.array(landmarks, np.int64)


def _path(folder: Path, modality: str, name: str) -> Path:
    inside, ending = FOLDERS[modality]
    return folder / inside / name[0] / name[1] / name[2] / f"{name}{ending}"


def _table(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(f"{path} can't be read ({error}): download the lists of MMLandmarks again") from error


def _rows(path: Path, *, needed: bool = True) -> Iterator[tuple[int, dict[str, str]]]:
    if not needed and not path.is_file():
        return
    for number, row in enumerate(_table(path), start=2):
        try:
            yield int(row["landmark_id"]), row
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"{path}, line {number}: there is no landmark_id, a whole number") from error


def _ids(row: dict[str, str], column: str, path: Path) -> list[str]:
    names = (row.get(column) or "").split()
    if wrong := [name for name in names if not ID.fullmatch(name)]:
        raise InvalidInputError(f"{path}: {wrong[0][:80]!r} is no id of an image: download the list again")
    return names


def _degrees(row: dict[str, str], column: str, most: float) -> float:
    try:
        value = float(row[column])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"landmark {row.get('landmark_id')} has no {column}: download the list again"
        ) from error
    if not abs(value) <= most:
        raise InvalidInputError(f"landmark {row.get('landmark_id')}: {column} {value} is not on Earth")
    return value


def _sections(path: Path) -> Sequence[str]:
    """Texts of a description's sections, the lead first."""
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise ValueError("it is larger than a description can be")
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no sections")
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is damaged ({error}): download it again") from error
    return [text for text in content.values() if isinstance(text, str)]
