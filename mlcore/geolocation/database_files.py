"""The files of a feature database besides its shards' own, each replaced whole, and who may write."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlcore.errors import FeatureDatabaseError, OtherModelError
from mlcore.files import whole_file
from mlcore.geolocation.shards import Shard, flush

MANIFEST, STATE, SHARDS, LOCK = "manifest.json", "state.json", "shards", "lock"
FORMAT = 1


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Keep other writers out, and clear away what one that was killed left.

    Raises:
        FeatureDatabaseError: another process writes.
    """
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FeatureDatabaseError(
                f"another process writes to the database {folder.name}: wait until it is done, or stop it"
            ) from error
        _clean(folder / SHARDS)
        yield


def create(folder: Path, model: str, settings: Mapping[str, Any]) -> None:
    """Begin a database in a folder that holds nothing else.

    Raises:
        FeatureDatabaseError: the folder holds other things.
    """
    others = [path.name for path in folder.iterdir() if path.name not in (LOCK, SHARDS)]
    if others:
        raise FeatureDatabaseError(f"{folder} is no database but holds {others[0]}: choose an empty folder")
    (folder / SHARDS).mkdir(exist_ok=True)
    _write(folder / MANIFEST, {"format": FORMAT, "model": model, "settings": dict(settings)})


def read_manifest(folder: Path, digest: str | None) -> dict[str, Any]:
    """The manifest, which says what `create` wrote.

    Raises:
        FeatureDatabaseError: there is none, or one of another format.
        OtherModelError: the database is of another model than `digest`.
    """
    if not (folder / MANIFEST).is_file():
        raise FeatureDatabaseError(f"there is no feature database in {folder}: build one with locate build")
    content = _read(folder / MANIFEST)
    if content.get("format") != FORMAT or not isinstance(content.get("settings"), dict) or "model" not in content:
        raise FeatureDatabaseError(
            f"{folder / MANIFEST} is of another version: build the database anew in another folder"
        )
    if digest is not None and content["model"] != digest:
        raise OtherModelError(
            f"the database {folder.name} was built by the model {content['model'][:12]}, not by {digest[:12]}: use "
            "that model, or build a database of this one in another folder"
        )
    return content


def read_state(folder: Path) -> tuple[set[int], int]:
    """Numbers of the bases that were removed, and the least that no base has had.

    Raises:
        FeatureDatabaseError: the file is damaged.
    """
    if not (folder / STATE).exists():
        return set(), 0
    content = _read(folder / STATE)
    try:
        return {int(number) for number in content["removed"]}, int(content["next_number"])
    except (KeyError, TypeError, ValueError) as error:
        raise FeatureDatabaseError(
            f"{folder / STATE} is damaged: delete it, and remove again what was removed"
        ) from error


def write_state(folder: Path, removed: set[int], next_number: int) -> None:
    """Replace what `read_state` reads."""
    _write(folder / STATE, {"removed": sorted(removed), "next_number": next_number})


def read_shards(folder: Path) -> tuple[list[Shard], list[str]]:
    """The shards that count, in order, and a sentence about each that is damaged, which begins with `shard NAME`."""
    shards, damaged = [], []
    for path in sorted(path for path in (folder / SHARDS).glob("*") if path.name.isdigit()):
        try:
            shards.append(Shard(path))
        except FeatureDatabaseError as error:
            damaged.append(str(error))
    replaced = {number for shard in shards for number in shard.replaces}
    return [shard for shard in shards if shard.number not in replaced], damaged


def drop_shards(folder: Path, names: Sequence[str]) -> None:
    """Delete shards by the names of their folders."""
    for name in names:
        shutil.rmtree(folder / SHARDS / name, ignore_errors=True)


def _clean(shards: Path) -> None:
    """Clear away what a killed writer left: shards that were never whole, and those that another one replaced."""
    for path in shards.glob(".*"):
        shutil.rmtree(path, ignore_errors=True)
    if shards.is_dir():
        replaced = {number for shard in read_shards(shards.parent)[0] for number in shard.replaces}
        drop_shards(shards.parent, [f"{number:06d}" for number in replaced])


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(content, indent=1), encoding="utf-8")
        flush(scratch)
    flush(path.parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FeatureDatabaseError(f"{path} is damaged ({error}): build the database anew in another folder") from error
    if not isinstance(content, dict):
        raise FeatureDatabaseError(f"{path} is damaged: build the database anew in another folder")
    return content
