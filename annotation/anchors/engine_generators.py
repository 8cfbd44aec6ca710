"""The other half of the engine: which generators this installation offers, and making the one a job asks for.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.common.engine import compute_device
from annotation.common.errors import ConflictError
from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.engine import MapIndex, PairSource, TileAddress, map_index, pair_source, tile_address
from mlcore.anchors.generators.base import Generator, GeneratorError, Outcome
from mlcore.anchors.generators.by_geometry import GeometricGenerator
from mlcore.anchors.generators.checkpoint import shown_name
from mlcore.anchors.generators.endpoint import Endpoint, endpoint_from
from mlcore.anchors.prompt import PROMPT_VERSION, Prompt, load_prompt
from mlcore.errors import ConfigError, MlcoreError
from mlcore.pairs.source import TileView

__all__ = [
    "Generator",
    "GeneratorError",
    "MlcoreError",
    "Outcome",
    "Prompt",
    "load_prompt",
    "shown_name",
    "tile_address",
]
GENERATORS = ("geometric", "transformers", "http")


class SettingError(ConflictError):
    """The settings about multimodal models can't be read."""

    code = "invalid_setting"


@dataclass(frozen=True)
class Choice:
    """What a job describes tiles with: a generator, and the endpoint or model it uses."""

    generator: str = "geometric"
    endpoint: str = ""
    model: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    @property
    def key(self) -> str:
        """Names it among the jobs of a region."""
        return ":".join(part for part in (self.generator, self.endpoint, self.model) if part)[:120]


class LateSource:
    """Image and map of a job's tiles; the image is opened when it is first looked at, the geometric way never does."""

    def __init__(self, imagery: Imagery, snapshot: MapSnapshot) -> None:
        self.imagery, self.snapshot = imagery, snapshot
        self.index: MapIndex = map_index(snapshot)

    @cached_property
    def pairs(self) -> PairSource:
        return pair_source(self.imagery, self.snapshot)

    def view(self, tile: TileAddress) -> TileView:
        return self.pairs.view(tile)


def endpoints() -> dict[str, Endpoint]:
    """The endpoints an administrator set up, by name.

    Raises:
        SettingError: the setting is no JSON or TOML, or an endpoint in it is wrong.
    """
    given = _read(str(settings.MLLM_ENDPOINTS).strip())
    try:
        return {str(name): endpoint_from(str(name), values) for name, values in given.items()}
    except (ConfigError, AttributeError, TypeError) as error:
        raise SettingError(f"MAPWRIGHT_MLLM_ENDPOINTS: {error}") from error


def models() -> dict[str, str]:
    """The models an administrator offers to be run here: name -> folder or hub name."""
    entries = [entry.partition("=") for entry in settings.MLLM_MODELS.split(",") if entry.strip()]
    if any(not name.strip() or not model.strip() for name, _, model in entries):
        raise SettingError("MAPWRIGHT_MLLM_MODELS must be name=folder or name=owner/model, separated by commas")
    return {name.strip(): model.strip() for name, _, model in entries}


def origin_of(generator: str, model: str = "") -> tuple[str, str, str]:
    """Generator, model and prompt as the anchors name them that such a choice would make now."""
    return generator, shown_name(model) if generator == "transformers" else model, PROMPT_VERSION if model else ""


def make(choice: Choice) -> Generator:
    """The generator of a job.

    Raises:
        SettingError: the endpoint is not set up (any more).
        MlcoreError: the model can't be loaded, or the endpoint's key is missing.
    """
    if choice.generator == "geometric":
        return GeometricGenerator()
    if choice.generator == "transformers":
        from mlcore.anchors.generators.local import TransformersGenerator

        model = models().get(choice.model, choice.model)
        return TransformersGenerator(model, device=compute_device(), batch=settings.MLLM_BATCH)
    from mlcore.anchors.generators.served import HttpGenerator

    return HttpGenerator(endpoint_of(choice), allowed_hosts=settings.MLLM_ALLOWED_HOSTS)


def endpoint_of(choice: Choice) -> Endpoint:
    """The endpoint of a choice, with another model where the choice names one."""
    endpoint = endpoints().get(choice.endpoint)
    if endpoint is None:
        raise SettingError(f"no endpoint {choice.endpoint[:40]!r} is set up: name it in MAPWRIGHT_MLLM_ENDPOINTS")
    return replace(endpoint, model=choice.model) if choice.model else endpoint


def cost(choice: Choice, tokens_in: int, tokens_out: int) -> tuple[float, str]:
    """What so many tokens cost, and in which currency; nothing where the model runs here."""
    if choice.generator != "http":
        return 0.0, ""
    endpoint = endpoint_of(choice)
    return endpoint.cost(tokens_in, tokens_out), endpoint.currency


def _read(given: str) -> Mapping[str, Any]:
    if not given:
        return {}
    try:
        return json.loads(given) if given.startswith("{") else tomllib.loads(Path(given).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"MAPWRIGHT_MLLM_ENDPOINTS can't be read: {type(error).__name__}: {error}") from error
