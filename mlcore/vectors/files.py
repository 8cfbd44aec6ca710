"""The files of a store besides its segments, each replaced whole, and who may write.

manifest.json   format, digest of the model, length of a vector
log/            the segments
index/          index.json and the file of FAISS that it names
lock, index.lock
"""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlcore.errors import OtherModelError, VectorStoreError
from mlcore.files import whole_file
from mlcore.vectors import segments as parts

MANIFEST, LOG, INDEX, LOCK, INDEX_LOCK = "manifest.json", "log", "index", "lock", "index.lock"
FORMAT = 1
MOST_DIMENSIONS = 65_536
WAIT_S, TRY_S = 60.0, 0.05


@contextmanager
def held(folder: Path, name: str, wait_s: float = WAIT_S) -> Iterator[None]:
    """Keep other processes out while one does the same.

    Raises:
        VectorStoreError: another one is at it for longer than `wait_s`.
    """
    until = time.monotonic() + wait_s
    with (folder / name).open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() >= until:
                    raise VectorStoreError(
                        f"another process works on the store {folder.name}: wait until it is done, or stop it"
                    ) from error
                time.sleep(TRY_S)
        yield


@contextmanager
def writing(folder: Path, wait_s: float = WAIT_S) -> Iterator[None]:
    """Keep other writers out, and clear away what one that was killed left.

    Raises:
        VectorStoreError: another process writes for longer than `wait_s`.
    """
    with held(folder, LOCK, wait_s):
        log = folder / LOG
        for left in log.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)
        parts.drop(log, parts.superseded(log))
        yield


def create(folder: Path, model: str, dimension: int) -> None:
    """Begin a store; one that is there, of the same model and size, is left as it is.

    Raises:
        VectorStoreError: the folder holds other things, or a store of another size.
        OtherModelError: it holds a store of another model.
    """
    if not 1 <= dimension <= MOST_DIMENSIONS:
        raise VectorStoreError(f"vectors of {dimension} numbers can't be kept: choose 1 to {MOST_DIMENSIONS}")
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder, LOCK):
        if (folder / MANIFEST).exists():
            if (kept := read_manifest(folder, model)["dimension"]) != dimension:
                raise VectorStoreError(
                    f"the store {folder.name} has vectors of {kept} numbers, not of {dimension}: use another folder"
                )
            return
        others = [path.name for path in folder.iterdir() if path.name not in (LOCK, LOG, f".{MANIFEST}")]
        if others := [name for name in others if not name.endswith(f"-{MANIFEST}")]:
            raise VectorStoreError(f"{folder} is no store but holds {others[0]}: choose an empty folder")
        (folder / LOG).mkdir(exist_ok=True)
        write_json(folder / MANIFEST, {"format": FORMAT, "model": model, "dimension": dimension})


def read_manifest(folder: Path, model: str | None) -> dict[str, Any]:
    """The manifest: `model` and `dimension`.

    Raises:
        VectorStoreError: there is none, or it is damaged or of another version.
        OtherModelError: the store is of another model.
    """
    if not (folder / MANIFEST).is_file():
        raise VectorStoreError(f"there is no store of vectors in {folder}: make one first")
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = {"model": str(content["model"]), "dimension": int(content["dimension"])}
        if content["format"] != FORMAT or not 1 <= known["dimension"] <= MOST_DIMENSIONS:
            raise ValueError("it is of another version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VectorStoreError(
            f"{folder / MANIFEST} can't be read ({error}): make the store anew in another folder"
        ) from error
    if model is not None and known["model"] != model:
        raise OtherModelError(
            f"the store {folder.name} is of the model {known['model'][:12]}, not of {model[:12]}: use that model, or "
            "make a store of this one in another folder"
        )
    return known


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file as a whole, and bring it onto the disk."""
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(content), encoding="utf-8")
        parts.flush(scratch)
    parts.flush(path.parent)
