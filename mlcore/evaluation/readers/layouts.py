"""Folder layouts of WHU-CD and of Inria with OSM, with the splits that come with them.

WHU-CD as change-detection code shares it, in 256 px crops, in one of two shapes:

    A/ B/ label/ list/{train,val,test}.txt        or        {train,val,test}/{A,B,label}/

`B` is the newer image, `label` the mask of real changes. The map is `map/NAME.*` (an OSM drawing, or a mask of
buildings) or, without one, `A_label/NAME.*`, the buildings of the older date.

Inria as it is published, with the map beside it:

    [AerialImageDataset/]train/images/austin1.tif   train/gt/austin1.tif   train/map/austin1.tif   [list/*.txt]

Without `map`, the published building masks `gt` stand for the map. The test split of MSTcons is not published with the
images' names, so without `list` image numbers decide: 1 to 5 of every city validate (as the authors of Inria ask), 6 to
16 test (about the share that MSTcons tests on), the rest is learnt from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.crops import Crop, by_stem, crop_windows, read_mask, read_rgb

SPLITS = ("train", "val", "test")
VALIDATION_IMAGES, TEST_IMAGES = 5, 16
MAX_NAMES = 1_000_000
MAX_LIST_BYTES = 32 * 1024**2


@dataclass(frozen=True)
class DataSet:
    """A data set on disk.

    Attributes:
        layout: "WHU-CD" or "Inria".
        crops: split -> its crops, read one by one.
        has_changes: masks of real changes come with it.
        notes: what the report must say of the map.
    """

    layout: str
    crops: Callable[[str], Iterator[Crop]]
    has_changes: bool
    notes: str


def read_layout(root: Path) -> DataSet:
    """Recognise the layout of a folder.

    Raises:
        InvalidInputError: it is none of those known, or has no map.
    """
    if not root.is_dir():
        raise InvalidInputError(f"there is no folder {root}: give the data set's own folder after 'folder:'")
    if (root / "B").is_dir() or (root / "test" / "B").is_dir():
        return _whu(root)
    for base in (root, root / "AerialImageDataset"):
        if (base / "train" / "images").is_dir():
            return _inria(base / "train", base)
    raise InvalidInputError(
        f"{root} is laid out neither as WHU-CD (A, B, label, list) nor as Inria (train/images, train/gt)"
    )


def _whu(root: Path) -> DataSet:
    folders = {split: root if (root / "B").is_dir() else root / split for split in SPLITS}
    maps = {split: folder / ("map" if (folder / "map").is_dir() else "A_label") for split, folder in folders.items()}
    if not maps["test"].is_dir():
        raise InvalidInputError(f"{root} has no map: put OSM drawings or building masks into map/ or A_label/")

    def crops(split: str) -> Iterator[Crop]:
        folder = folders[split]
        images, drawn, changes = by_stem(folder / "B"), by_stem(maps[split]), by_stem(folder / "label")
        names = _listed(root / "list", split) if folder == root else sorted(images)
        for name in names:
            if name not in images or name not in drawn:
                raise InvalidInputError(f"{name} of the {split} split has no image in B or no map: fetch the set again")
            rgb, valid = read_rgb(images[name])
            share = float(read_mask(changes[name]).mean()) if name in changes else None
            yield Crop(name, rgb, read_mask(drawn[name]), valid, share)

    has_changes = any((folder / "label").is_dir() for folder in folders.values())
    source = "the map that lies beside" if maps["test"].name == "map" else "the older date's building masks"
    return DataSet("WHU-CD", crops, has_changes, f"The map is {source}.")


def _inria(train: Path, base: Path) -> DataSet:
    images = by_stem(train / "images")
    maps = by_stem(train / "map") or by_stem(train / "gt")
    if not images or not maps:
        raise InvalidInputError(f"{train} has no images, or neither map nor gt masks: fetch the set again")
    lists = base / "list"

    def crops(split: str) -> Iterator[Crop]:
        wanted = set(_listed(lists, split)) if lists.is_dir() else None
        for name, path in images.items():
            if wanted is None and inria_split(name) != split:
                continue
            if name not in maps:
                raise InvalidInputError(f"{name} has no map: put it into {train.name}/map")
            for column, row in crop_windows(path):
                crop = f"{name}_{column}_{row}"
                if wanted is not None and name not in wanted and crop not in wanted:
                    continue
                rgb, valid = read_rgb(path, column, row)
                yield Crop(crop, rgb, read_mask(maps[name], column, row), valid, None)

    source = "the map that lies beside" if (train / "map").is_dir() else "the published building masks"
    how = "the lists beside" if lists.is_dir() else "image numbers: 1-5 validate, 6-16 test"
    return DataSet("Inria", crops, False, f"The map is {source}; splits by {how}.")


def inria_split(name: str) -> str:
    """The split of an Inria image by its number, such as "vienna12"."""
    found = re.search(r"(\d+)$", name)
    number = int(found.group(1)) if found else TEST_IMAGES + 1
    return "val" if number <= VALIDATION_IMAGES else ("test" if number <= TEST_IMAGES else "train")


def _listed(folder: Path, split: str) -> list[str]:
    """Names of a split, one per line, with or without ending; never a path."""
    path = folder / f"{split}.txt"
    if not path.is_file() or path.stat().st_size > MAX_LIST_BYTES:
        raise InvalidInputError(f"there is no usable {split}.txt in {folder}: the splits' lists belong to the set")
    lines = path.read_text(encoding="utf-8", errors="replace").split()
    names = [re.sub(r"\.(png|tif|tiff|jpg)$", "", line, flags=re.IGNORECASE) for line in lines[:MAX_NAMES]]
    if any("/" in name or "\\" in name or name.startswith(".") for name in names):
        raise InvalidInputError(f"{path.name} names files outside of their folder: lists hold bare names")
    return list(dict.fromkeys(names))
