"""Checkpoints and weights files: safetensors only, written atomically, checked by digest, never unpickled.

A file holds tensors and one JSON text of metadata. The digest of the content stands in the metadata, so a file that
was cut short or altered is noticed when it is read; a registry that stores the file's own SHA-256 passes it to
`read_tensors`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from mlcore.errors import CheckpointError
from mlcore.files import whole_file

FORMAT = 1
METADATA_KEY = "mlcore"
MAX_HEADER_BYTES = 50_000_000
_STEP_FILE = re.compile(r"^step-(\d{8})\.safetensors$")


@dataclass(frozen=True)
class Checkpoint:
    """What a training run goes on from.

    Attributes:
        step: epochs done when it was written.
        tensors: weights, optimiser state and random state by name.
        meta: whatever the run stored beside them.
        skipped: one sentence per newer checkpoint that was damaged and passed over.
    """

    step: int
    tensors: dict[str, Tensor]
    meta: dict[str, Any]
    skipped: tuple[str, ...] = field(default=())


def content_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of the tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> str:
    """Write tensors and JSON metadata to one safetensors file, atomically.

    The file appears under its name only when it is whole and on the disk; an older file of that name stays until then.

    Returns:
        SHA-256 of the file, hexadecimal.

    Raises:
        CheckpointError: the disk is full or the folder can't be written.
    """
    path = Path(path)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    header = {"format": FORMAT, "digest": content_digest(plain), "meta": dict(meta)}
    data = save_safetensors(plain, metadata={METADATA_KEY: json.dumps(header, sort_keys=True)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as scratch, scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"can't write {path}: {error.strerror}; free some space or choose another folder"
        ) from error
    return hashlib.sha256(data).hexdigest()


def read_tensors(path: Path, *, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Args:
        path: a safetensors file of this library.
        sha256: the digest the file must have, where a registry knows it.

    Raises:
        CheckpointError: missing, another format (a pickle is refused unread), damaged, or not of the expected digest.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            header = _read_header(path, file.read(8), file)
            file.seek(0)
            data = file.read()
    except OSError as error:
        raise CheckpointError(f"can't read {path}: {error.strerror}") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(
            f"{path} is not the registered file (its SHA-256 differs); restore it from a copy or train again"
        )
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); use an older checkpoint or train again") from error
    if content_digest(tensors) != header.get("digest"):
        raise CheckpointError(f"{path} is damaged (its content digest differs); use an older checkpoint or train again")
    return tensors, dict(header.get("meta", {}))


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], *, keep: int = 2
) -> Path:
    """Write checkpoint number `step` into `folder` and drop all but the newest `keep`."""
    path = Path(folder) / f"step-{step:08d}.safetensors"
    write_tensors(path, tensors, {**meta, "step": step})
    for old in sorted_checkpoints(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def load_newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint of `folder` that is whole; None where there is none.

    Damaged ones are passed over, and `Checkpoint.skipped` says which and why.

    Raises:
        CheckpointError: there are checkpoints, and every one of them is damaged.
    """
    skipped: list[str] = []
    for path in sorted_checkpoints(folder):
        try:
            tensors, meta = read_tensors(path)
        except CheckpointError as error:
            skipped.append(str(error))
            continue
        return Checkpoint(int(meta["step"]), tensors, meta, tuple(skipped))
    if skipped:
        raise CheckpointError(
            f"every checkpoint in {folder} is damaged; delete the folder to start anew: " + "; ".join(skipped)
        )
    return None


def sorted_checkpoints(folder: Path) -> list[Path]:
    """Checkpoint files of `folder`, newest first."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _STEP_FILE.match(path.name)), reverse=True)


def _read_header(path: Path, prefix: bytes, file: Any) -> dict[str, Any]:
    """The library's own metadata; anything that isn't safetensors is refused before a byte of it is interpreted."""
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    if prefix[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or not 2 <= length <= MAX_HEADER_BYTES:
        raise CheckpointError(f"{path} is not a safetensors file; pickled weights are never loaded, convert them first")
    try:
        metadata = json.loads(file.read(length))["__metadata__"][METADATA_KEY]
        header = json.loads(metadata)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a weights file of this library, or its header is damaged") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"{path} has an unknown format; it needs another version of this library")
    return header


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
