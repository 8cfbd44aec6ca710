"""Published sets for geolocation, as pictures without georeference.

TZC (980 maps of 5,000 px at 1 m per pixel) is told of as a set of base maps, its queries are cut from them; nothing is
published of its folders. Read are all pictures of a folder and of those below it, a base each:

    root/anything/0001.png

MTGL40-5 (scenes of 5,120 px at 0.5 m per pixel, each at five dates) is read in any of three layouts; pictures of one
scene show the same ground, however many pixels they have:

    root/SCENE/DATE.png        or        root/DATE/SCENE.png        or        root/SCENE_DATE.png

Where folders could be either, there are more scenes than dates. The first date by name is the base.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlcore.errors import InvalidInputError

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
MOST_FILES = 200_000
TZC_RESOLUTION_M, MTGL_RESOLUTION_M = 1.0, 0.5
FLAT = re.compile(r"(?P<scene>.+)[_-](?P<date>[^_-]+)\Z")


@dataclass(frozen=True)
class DatedScene:
    """One scene: its pictures by the name of their date, in order."""

    name: str
    dates: tuple[tuple[str, Path], ...]


def read_base_maps(root: Path) -> list[Path]:
    """All pictures of a folder and of those below it, in the order of their names.

    Raises:
        InvalidInputError: there is none.
    """
    found = pictures_of(root, "**/*")
    if not found:
        raise InvalidInputError(f"{root} holds no picture ({', '.join(ENDINGS)}): give the data set's own folder")
    return found


def read_dated_scenes(root: Path) -> list[DatedScene]:
    """The scenes of a folder that have two dates at least.

    Raises:
        InvalidInputError: there is none, in any of the layouts.
    """
    nested = pictures_of(root, "*/*")
    named = [(path.parent.name, path.stem, path) for path in nested] if nested else _flat(root)
    if nested and len({outer for outer, _, _ in named}) < len({inner for _, inner, _ in named}):
        named = [(inner, outer, path) for outer, inner, path in named]
    scenes: dict[str, dict[str, Path]] = {}
    for scene, date, path in named:
        scenes.setdefault(scene, {})[date] = path
    found = [
        DatedScene(name, tuple(sorted(dates.items()))) for name, dates in sorted(scenes.items()) if len(dates) >= 2
    ]
    if not found:
        raise InvalidInputError(
            f"{root} holds no scene of two dates: lay it out as SCENE/DATE.png, DATE/SCENE.png or SCENE_DATE.png"
        )
    return found


def pictures_of(root: Path, pattern: str) -> list[Path]:
    """Pictures of a folder; symbolic links are not followed.

    Raises:
        InvalidInputError: there is no folder, or too many files.
    """
    if not root.is_dir():
        raise InvalidInputError(f"there is no folder {root}: give the data set's own folder")
    found = sorted(
        path for path in root.glob(pattern)
        if path.suffix.lower() in ENDINGS and path.is_file() and not path.is_symlink()
    )  # fmt: skip
    if len(found) > MOST_FILES:
        raise InvalidInputError(f"{root} holds more than {MOST_FILES:,} pictures: give a part of it")
    return found


def _flat(root: Path) -> list[tuple[str, str, Path]]:
    matches = [(FLAT.match(path.stem), path) for path in pictures_of(root, "*")]
    return [(match["scene"], match["date"], path) for match, path in matches if match is not None]
