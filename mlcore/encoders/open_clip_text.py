"""CLIP's text tower from open_clip, frozen: the space in which U-CSA's paper lets image and map meet."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.activation import (
    OPENAI_NAMES,
    Trained,
    activation_of_config,
    activation_of_file,
    asked_for,
)
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.encoders.weights import HUB_PREFIX, RANDOM, Origin, fetch_from_hub, load_into, read_weights, split_digest
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, WeightsUnavailableError

LOCAL_PREFIX = "local-dir:"
CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
BATCH = 64
PROJECTION_SEED = 0


class OpenClipTextEncoder:
    """Texts -> unit vectors of CLIP's text tower; it is never trained.

    A text longer than the tower's context is cut at words into windows that fit, and the windows' vectors are averaged:
    nothing is dropped. `attribute=value` is read as "attribute value". A tower whose own vectors have another size is
    followed by a fixed random projection with orthonormal columns or rows: to more dimensions it keeps all cosines, to
    fewer it keeps them about.
    """

    def __init__(
        self,
        architecture: str,
        weights: str,
        *,
        activation: str = "",
        dimension: int | None = None,
        device: str = "cpu",
    ) -> None:
        """Build the tower and fill it.

        Args:
            architecture: a name of open_clip such as "RN50"; or "local-dir:<folder>" or "hf-hub:<owner>/<name>", which
                hold open_clip_config.json and open_clip_model.safetensors.
            weights: a tag of open_clip such as "openai", a file (see `mlcore.encoders.weights`), or "random"; empty
                for a folder or a hub's repository with its own file.
            activation: "gelu" or "quick_gelu", which the weights were trained with; empty: what the tag, the model's
                configuration or the file tells, else GELU with a warning.
            dimension: of the vectors; None: the tower's own.
            device: where texts are encoded.

        Raises:
            ConfigError: an unknown architecture, or no weights were said.
            WeightsUnavailableError, CheckpointError: they can't be had, or are of another network.
        """
        ensure_torchvision()
        folder = _folder(architecture)
        reference, source, published = _where(architecture, folder, weights)
        tensors, digest = read_weights(reference) if reference else ({}, "")
        trained = asked_for(activation) or published or activation_of_config(_config(architecture, folder))
        if trained is None and reference:
            trained = activation_of_file(tensors, digest, file=source, architecture=architecture)
        model = _create(architecture, folder, trained)
        if reference:
            load_into(model, _in_form_of(model, tensors), ignore=("visual.",), what=f"the text tower of {architecture}")
        name = architecture.removeprefix(LOCAL_PREFIX).rpartition("/")[2]
        self.origin = Origin(name, source, digest, str(trained) if reference else "")
        self._model: Any = model.requires_grad_(False).eval().to(device)
        self._tokenizer = _tokenizer(architecture, folder)
        self._device = device
        own = int(
            self._model.encode_text(torch.zeros(1, self.context_length, dtype=torch.long, device=device)).shape[1]
        )
        self.dimension = dimension or own
        self._projection = None if self.dimension == own else fixed_projection(own, self.dimension).to(device)

    @property
    def context_length(self) -> int:
        """Tokens of one window, start and end included."""
        return int(self._tokenizer.context_length)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """texts -> (len(texts), dimension) float32 of unit length, on the CPU; an empty text is an error."""
        windows = [self._windows(text) for text in texts]
        flat = [window for each in windows for window in each]
        parts = [self._encode(flat[start : start + BATCH]) for start in range(0, len(flat), BATCH)]
        vectors = torch.cat(parts).split([len(each) for each in windows]) if flat else ()
        means = [vector.mean(dim=0) for vector in vectors]
        return F.normalize(torch.stack(means), dim=1) if means else torch.zeros(0, self.dimension)

    @torch.inference_mode()
    def _encode(self, windows: Sequence[str]) -> Tensor:
        vectors = self._encode_tokens(self._tokenizer(list(windows)))
        if self._projection is not None:
            vectors = F.normalize(vectors @ self._projection, dim=1)
        return vectors.cpu()

    @torch.inference_mode()
    def _encode_tokens(self, tokens: Tensor) -> Tensor:
        vectors: Tensor = self._model.encode_text(tokens.to(self._device), normalize=True)
        return vectors.float()

    def _windows(self, text: str) -> list[str]:
        """The text in pieces that fit the context, each of whole words and about equally long."""
        words = text.replace("_", " ").replace("=", " ").split()
        if not words:
            raise InvalidInputError("an empty text has no place in the text space: give it at least one word")
        room = self.context_length - 2
        pieces = 1
        while True:
            size = -(-len(words) // pieces)
            windows = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
            if size == 1 or all(len(self._tokenizer.encode(window)) <= room for window in windows):
                return windows
            pieces += 1


def fixed_projection(columns_in: int, columns_out: int) -> Tensor:
    """(columns_in, columns_out) with orthonormal rows (to more dimensions) or columns, the same in every process."""
    generator = torch.Generator().manual_seed(PROJECTION_SEED)
    tall = max(columns_in, columns_out), min(columns_in, columns_out)
    basis = torch.linalg.qr(torch.randn(*tall, generator=generator, dtype=torch.float64)).Q.float()
    return basis if columns_in >= columns_out else basis.T.contiguous()


def _folder(architecture: str) -> Path | None:
    """The folder of a local or fetched model; None for a name of open_clip."""
    if architecture.startswith(HUB_PREFIX):
        repository = architecture.removeprefix(HUB_PREFIX)
        fetch_from_hub(repository, WEIGHTS_FILE)
        return fetch_from_hub(repository, CONFIG_FILE).parent
    if not architecture.startswith(LOCAL_PREFIX):
        return None
    folder = Path(architecture.removeprefix(LOCAL_PREFIX)).expanduser()
    if not (folder / CONFIG_FILE).is_file():
        raise WeightsUnavailableError(f"no {CONFIG_FILE} in {folder}: give a folder as open_clip publishes them")
    return folder


def _where(architecture: str, folder: Path | None, weights: str) -> tuple[str, str, Trained | None]:
    """(reference of the file or "" for random ones, how it is called, the activation where it was published)."""
    import open_clip

    if weights == RANDOM:
        return "", RANDOM, None
    if not weights and folder is not None:
        hub = architecture.startswith(HUB_PREFIX)
        own = activation_of_config(_config(architecture, folder), of_these_weights=True)
        return str(folder / WEIGHTS_FILE), architecture if hub else f"{folder.name}/{WEIGHTS_FILE}", own
    if not weights:
        raise ConfigError(f'say which weights {architecture} has: text_weights = "openai", a file, or "random"')
    settings = {} if folder else open_clip.pretrained.get_pretrained_cfg(architecture, weights)
    if settings:
        repository = str(settings.get("hf_hub", "")).strip("/")
        if not repository:
            raise WeightsUnavailableError(
                f"the weights {weights!r} are not published as safetensors: download them and give the file's path"
            )
        path = fetch_from_hub(repository, WEIGHTS_FILE)
        return str(path), HUB_PREFIX + repository, activation_of_config(settings, of_these_weights=True)
    name = split_digest(weights)[0]
    if not Path(name).expanduser().is_file() and not Path(name).suffix:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise WeightsUnavailableError(f"no weights {weights!r} for {architecture}: its tags are {tags}; or give a file")
    return weights, Path(name).name, None


def _create(architecture: str, folder: Path | None, trained: Trained | None, *, image: bool = False) -> Any:
    """The model, without its image tower unless that is asked for."""
    import open_clip

    quick = trained is not None and trained.quick
    if trained is not None and not quick and _config(architecture, folder).get("quick_gelu"):
        raise ConfigError(f"{architecture!r} is built with QuickGELU: name the architecture without it for GELU")
    root = logging.getLogger()
    root.addFilter(_not_from_the_factory)
    try:
        name = architecture if folder is None else f"{LOCAL_PREFIX}{folder}"
        model = open_clip.create_model(name, load_weights=False, force_quick_gelu=quick)
    except (RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        raise ConfigError(f"open_clip can't make {architecture!r} ({error}): see open_clip.list_models()") from error
    finally:
        root.removeFilter(_not_from_the_factory)
    if not hasattr(model, "encode_text"):
        raise ConfigError(f"{architecture!r} has no text tower: choose a CLIP model")
    if not image:
        del model.visual
    return model


def _config(architecture: str, folder: Path | None) -> dict[str, Any]:
    """The model's configuration, from its folder or from open_clip; empty for an unknown name."""
    import open_clip

    if folder is not None:
        return dict(json.loads((folder / CONFIG_FILE).read_text("utf-8"))["model_cfg"])
    return open_clip.get_model_config(architecture) or {}


def _not_from_the_factory(record: logging.LogRecord) -> bool:
    """Keeps back open_clip's warning of random weights, which are filled right after; `Origin` says what is true."""
    return record.module != "factory"


def _tokenizer(architecture: str, folder: Path | None) -> Any:
    import open_clip

    text = _config(architecture, folder).get("text_cfg", {})
    if text.get("hf_tokenizer_name"):
        raise ConfigError(f"{architecture!r} needs a tokenizer of its own: choose a model with CLIP's, such as RN50")
    return open_clip.SimpleTokenizer(context_length=int(text.get("context_length", 77)))


def _in_form_of(model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names and shapes that differ between generations of open_clip's files, made equal."""
    from open_clip.model import convert_to_custom_text_state_dict

    if "positional_embedding" in tensors and not hasattr(model, "positional_embedding"):
        tensors = convert_to_custom_text_state_dict(tensors)
    own = model.state_dict()
    if not any(name in tensors for name in own):
        raise CheckpointError("this file holds no weights of a CLIP text tower: check the path")
    return {
        name: value.reshape(own[name].shape) if name in own and value.numel() == own[name].numel() == 1 else value
        for name, value in tensors.items()
        if name not in OPENAI_NAMES
    }
