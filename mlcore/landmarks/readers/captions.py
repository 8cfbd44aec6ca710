"""Reads captions of aerial images in the form of RSICD, UCM-captions and Sydney-captions.

    {"images": [{"filename": "airport_1.jpg", "split": "train", "imgid": 0, "sentences": [{"raw": "..."}]}], ...}

UCM-captions names UC Merced's images by number, `1.tif` to `2100.tif`, in the order of the classes' names and, within
a class, of the images': where a folder has no such file but UC Merced's 21 folders of 100, the number says which image
it is (as the captions' order of classes shows; their authors don't tell it).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.errors import InvalidInputError
from mlcore.landmarks.readers.items import PICTURES, picture_of, pictures_in
from mlcore.landmarks.samples import Sample

MOST_BYTES = 512 * 1024**2
UCMERCED_CLASSES, UCMERCED_EACH = 21, 100
LONGEST = 1000
"""Letters of a sentence that are kept."""


@dataclass(frozen=True)
class Captioned:
    """An image with its sentences; `split` as the file says, "" where it doesn't."""

    path: Path
    texts: tuple[str, ...]
    split: str


class CaptionFile:
    """Aerial images with sentences that people wrote.

    Args:
        path: of the JSON file.
        images: the folder of the images, which may have folders for classes.
        split: only images of it, such as "test"; None: all.

    Attributes:
        missing: names in the file that the folder doesn't have.

    Raises:
        InvalidInputError: no such file, or not of this form; or none of its images is there.
    """

    def __init__(self, path: Path, images: Path, split: str | None = None) -> None:
        records = _records(Path(path))
        files = pictures_in(Path(images))
        by_name = {file.name: file for file in files} | {file.stem: file for file in files}
        numbered = _ucmerced(Path(images))
        self.entries: list[Captioned] = []
        self.missing: list[str] = []
        for record in records:
            name = str(record.get("filename", ""))
            file = by_name.get(Path(name).name) or by_name.get(Path(name).stem) or numbered.get(Path(name).stem)
            texts = tuple(_sentence(one) for one in record.get("sentences", []) if _sentence(one))
            kept_split = str(record.get("split", ""))
            if split is not None and kept_split != split:
                continue
            if file is None:
                self.missing.append(name)
            elif texts:
                self.entries.append(Captioned(file, texts, kept_split))
        if not self.entries:
            raise InvalidInputError(
                f"none of the {len(records)} images that {Path(path).name} names has a caption and lies in {images}"
            )

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, number: int) -> Sample:
        """The image with its sentences; its group is its folder's name."""
        one = self.entries[number]
        name = f"{one.path.parent.name}/{one.path.stem}"
        return Sample(name, name, aerial=picture_of(one.path), texts=one.texts, group=one.path.parent.name)


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it is over {MOST_BYTES >> 20} MB")
        content = json.loads(path.read_text(encoding="utf-8"))
        records = content["images"]
        if not isinstance(records, list) or not all(
            isinstance(one, dict) and isinstance(one.get("sentences", []), list) for one in records
        ):
            raise ValueError("its images are no list of records")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInputError(
            f"{path} is no file of captions ({error}): it needs images, each with filename and sentences"
        ) from error
    return records


def _sentence(record: Any) -> str:
    """A sentence in whichever of its forms it was written."""
    text = record.get("raw") if isinstance(record, dict) else record
    if not isinstance(text, str) and isinstance(record, dict) and isinstance(record.get("tokens"), list):
        text = " ".join(str(one) for one in record["tokens"])
    return " ".join(text.split())[:LONGEST] if isinstance(text, str) else ""


def _ucmerced(folder: Path) -> dict[str, Path]:
    """UC Merced's images by the numbers of UCM-captions; empty where the folder is not that set."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [sorted(file for file in one.iterdir() if file.suffix.lower() in PICTURES) for one in classes]
    if len(classes) != UCMERCED_CLASSES or any(len(one) != UCMERCED_EACH for one in files):
        return {}
    return {str(number): file for number, file in enumerate((file for one in files for file in one), start=1)}
