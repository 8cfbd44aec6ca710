"""Finds a multimodal checkpoint and proves it safe to load: safetensors only, no code of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from mlcore.anchors.generators.base import GeneratorError
from mlcore.digests import sha256_of

HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "tokenizer.model"]
"""What is fetched from a hub: never Python, never pickles."""


def find_checkpoint(model: str) -> Path:
    """The folder of a model: a local folder, or a hub name that is fetched once and kept in the hub's cache.

    Raises:
        GeneratorError: there is no such model, or it holds no safetensors.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith((".", "~")):
            raise GeneratorError(f"there is no folder {model}: give the folder of a checkpoint, or a hub name")
        folder = _fetch(model)
    if not (folder / "config.json").is_file():
        raise GeneratorError(f"{model} holds no config.json: it is no checkpoint of a model")
    if not any(folder.glob("*.safetensors")):
        raise GeneratorError(f"{model} holds no safetensors file: other formats can run code and are refused")
    return folder


def shown_name(model: str) -> str:
    """How anchors name the model that wrote them: its hub name, or the name of its folder without the path."""
    folder = Path(model).expanduser()
    return folder.resolve().name if folder.is_dir() else model


def weights_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the configuration, the tokenizer and the weights of a checkpoint."""
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix in (".safetensors", ".jinja") or (path.suffix == ".json" and path.is_file())
    )
    content = [(name, sha256_of(folder / name)) for name in names]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _fetch(model: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, allow_patterns=HUB_FILES))
    except HFValidationError as error:
        raise GeneratorError(f"{model[:80]!r} is neither a folder nor a hub name such as owner/model") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise GeneratorError(
            f"{model} can't be fetched ({type(error).__name__}): check the name and the network, or give a local folder"
        ) from error
