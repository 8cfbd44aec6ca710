"""Published weights: from a local file or by a hub's name, only as safetensors or of a digest that was asked for.

A safetensors file can't run code, so a path or a name is enough; a digest is checked where one is given. A pickled
file (.pth, .pt, .bin) is refused unread unless its SHA-256 is given, and even then only plain tensors are taken from
it. From a hub only safetensors files are fetched. What was used is kept as an `Origin`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mlcore.errors import CheckpointError, MissingPackageError, WeightsUnavailableError

RANDOM = "random"
HUB_PREFIX = "hf-hub:"
PICKLES = (".pth", ".pt", ".bin")


@dataclass(frozen=True)
class Origin:
    """Where an encoder's first weights came from.

    Attributes:
        model: the architecture they were put into.
        source: "random", a hub's name, or a file's name.
        sha256: of the file; empty where no file was read.
        activation: which the weights were trained with, where it had to be found out.
    """

    model: str
    source: str
    sha256: str = ""
    activation: str = ""

    def to_dict(self) -> dict[str, str]:
        """As a model keeps it; an activation only where one was found out."""
        return {name: value for name, value in asdict(self).items() if value or name != "activation"}

    def __str__(self) -> str:
        if self.source == RANDOM:
            return f"{self.model}: random weights, no knowledge to start from"
        if not self.sha256:
            return f"{self.model}: {self.source}"
        activation = f", activation {self.activation}" if self.activation else ""
        return f"{self.model}: weights of {self.source}, sha256 {self.sha256}{activation}"


def split_digest(reference: str) -> tuple[str, str | None]:
    """ "FILE#sha256=HEX" -> (FILE, HEX); without a digest, (reference, None)."""
    name, mark, digest = reference.partition("#sha256=")
    return name, digest.strip().lower() if mark else None


def fetch_from_hub(repository: str, filename: str) -> Path:
    """The local path of a file of a hub's repository, downloaded unless it is in the cache.

    Raises:
        WeightsUnavailableError: no network, no such repository or file.
    """
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HFValidationError
    except ImportError as error:
        raise MissingPackageError(
            f"huggingface_hub can't be imported ({error}): pip install huggingface_hub"
        ) from error
    try:
        return Path(hf_hub_download(repository, filename))
    except (OSError, ValueError, RuntimeError, HFValidationError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsUnavailableError(
            f"can't get {filename} of {repository} from the hub ({reason}): download it where there is a network and "
            'give the file\'s path, or ask for "random" weights in so many words'
        ) from error


def read_weights(reference: str) -> tuple[dict[str, Tensor], str]:
    """The tensors of a weights file and its SHA-256.

    Args:
        reference: path of a .safetensors file; or of a .pth, .pt or .bin file followed by "#sha256=HEX".

    Raises:
        WeightsUnavailableError: no such file.
        CheckpointError: a pickle without a digest, another digest than the given one, or a damaged file.
    """
    name, wanted = split_digest(reference)
    path = Path(name).expanduser()
    if not path.is_file():
        raise WeightsUnavailableError(f"no weights file {path}: check the path, or name a hub's model")
    pickled = path.suffix in PICKLES
    if pickled and wanted is None:
        raise CheckpointError(
            f"{path.name} is pickled, which is opened only when its SHA-256 is given: compare it with the publisher's "
            f'and write "{path.name}#sha256=...", or use the .safetensors file'
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if wanted is not None and wanted != digest:
        raise CheckpointError(f"{path} has SHA-256 {digest}, not {wanted}: it is another file than the one asked for")
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True) if pickled else load_file(path)
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError, UnpicklingError) as error:
        raise CheckpointError(f"{path} can't be read as weights ({_first_line(error)}): download it again") from error
    return _plain(tensors, path), digest


def read_hub_weights(repository: str, filename: str) -> tuple[dict[str, Tensor], str]:
    """As `read_weights`, for a safetensors file of a hub's repository."""
    return read_weights(str(fetch_from_hub(repository, filename)))


def load_into(module: torch.nn.Module, tensors: Mapping[str, Tensor], *, ignore: tuple[str, ...], what: str) -> None:
    """Put `tensors` into `module`; names that start with one of `ignore` may be left over, none may be missing.

    Raises:
        CheckpointError: the weights are of another network.
    """
    wanted = {name: tensor for name, tensor in tensors.items() if not name.startswith(ignore)}
    try:
        module.load_state_dict(wanted)
    except RuntimeError as error:
        raise CheckpointError(f"these are not the weights of {what}: {_first_line(error, 3)}") from error


def _plain(tensors: Any, path: Path) -> dict[str, Tensor]:
    """A flat dictionary of tensors, without the wrappers that training tools leave around it."""
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(tensors, Mapping) and isinstance(tensors.get(key), Mapping):
            tensors = tensors[key]
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointError(f"{path} holds no plain table of tensors: give a file of weights alone")
    flat = {str(name): value for name, value in tensors.items()}
    for prefix in ("_orig_mod.", "module."):
        if flat and all(name.startswith(prefix) for name in flat):
            flat = {name.removeprefix(prefix): value for name, value in flat.items()}
    return flat


def _first_line(error: Exception, lines: int = 1) -> str:
    return " ".join(line.strip() for line in str(error).strip().splitlines()[:lines])
