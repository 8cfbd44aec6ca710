"""The interface of all generators: tiles in, one outcome per tile out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlcore.anchors.schema import Anchor
from mlcore.errors import MlcoreError
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import TileView

Stopped = Callable[[], bool]


class GeneratorError(MlcoreError):
    """A generator that can't work at all: a model that is missing or unsafe, an endpoint that refuses everything."""

    code = "generator_unusable"


@dataclass(frozen=True)
class Origin:
    """Where an anchor comes from; together with the schema's version it decides whether a tile is done.

    Attributes:
        generator: geometric, transformers or http.
        model: folder, hub name or served name; "" where no model is used.
        model_digest: SHA-256 of the weights where they can be seen, else "".
        prompt_version, prompt_digest: "" where no prompt is used.
    """

    generator: str
    model: str = ""
    model_digest: str = ""
    prompt_version: str = ""
    prompt_digest: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one tile: an anchor, or the reason why there is none.

    Attributes:
        reason: stable code of what went wrong, "" with an anchor: timeout, unreachable, rate_limited, server_error,
            refused, bad_request, junk, given_up.
        detail: one sentence on it, written here; of an answer it quotes 40 characters at most.
        tokens_in, tokens_out: what the model was given and wrote for this tile, retries included; None if not told.
        tries: requests or generations it took.
    """

    tile: TileAddress
    anchor: Anchor | None = None
    reason: str = ""
    detail: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tries: int = 1


class TileSource(Protocol):
    """What generators need of a PairSource."""

    index: MapIndex

    def view(self, tile: TileAddress) -> TileView:
        """Image and map of a tile."""


class Generator(Protocol):
    """Describes tiles; made once per job and closed afterwards."""

    origin: Origin

    def describe(self, tiles: Sequence[TileAddress], source: TileSource, stopped: Stopped) -> Iterator[Outcome]:
        """One outcome per tile, as they come; ends early, without the rest, once `stopped()` is true.

        Raises:
            GeneratorError: nothing can be described at all.
        """

    def close(self) -> None:
        """Let go of connections and models."""
