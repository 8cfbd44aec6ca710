"""An OpenAI-compatible endpoint: where it is, what it may cost, how hard it may be asked."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from mlcore.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float)}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, set up by an administrator.

    Attributes:
        url: base address that ends in /v1; `chat/completions` is asked below it.
        model: the name the server knows the model by.
        key_env: environment variable that holds the API key; "" for none. The key itself is never configuration.
        price_in, price_out: per 1,000 tokens read and written, in `currency`.
        concurrency: requests under way at once.
        timeout_s: for one whole request.
        attempts: requests per tile and answer, the first included.
        wait_s, longest_wait_s: first pause before another attempt (it doubles), and the longest, Retry-After included.
        max_tokens: of one answer.
        side_px: size of the pictures.
    """

    url: str
    model: str
    name: str = "endpoint"
    key_env: str = ""
    price_in: float = 0.0
    price_out: float = 0.0
    currency: str = ""
    concurrency: int = 4
    timeout_s: float = 120.0
    attempts: int = 5
    wait_s: float = 1.0
    longest_wait_s: float = 60.0
    max_tokens: int = 1024
    side_px: int = 448

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"the url of endpoint {self.name} must start with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(f"the url of endpoint {self.name} may hold no password, query or fragment: use key_env")
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"an endpoint can't be called {self.name[:40]!r}: letters, digits, dot, dash")
        if not self.model or len(self.model) > 200:
            raise ConfigError(f"endpoint {self.name} needs the name of a model, at most 200 characters")
        if self.key_env and not _VARIABLE.fullmatch(self.key_env):
            raise ConfigError(f"key_env of endpoint {self.name} is no name of an environment variable")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"{name} of endpoint {self.name} must lie in {low}..{high}")

    @property
    def key(self) -> str:
        """The API key from the environment; ConfigError if it is wanted and not there."""
        if not self.key_env:
            return ""
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise ConfigError(f"endpoint {self.name} wants its key in the environment variable {self.key_env}: set it")
        return key

    @property
    def chat_url(self) -> str:
        return self.url.rstrip("/") + "/chat/completions"

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost, in `currency`."""
        return tokens_in / 1000 * self.price_in + tokens_out / 1000 * self.price_out


LIMITS: dict[str, tuple[float, float]] = {
    "price_in": (0, 1000), "price_out": (0, 1000), "concurrency": (1, 256), "timeout_s": (0.1, 3600),
    "attempts": (1, 20), "wait_s": (0, 60), "longest_wait_s": (0, 3600), "max_tokens": (64, 32768),
    "side_px": (28, 2048),
}  # fmt: skip


def endpoint_from(name: str, values: Mapping[str, Any]) -> Endpoint:
    """An endpoint from plain values, as from JSON or TOML; an unknown key or wrong kind of value raises ConfigError."""
    kinds = {field.name: field.type for field in fields(Endpoint)}
    for key, value in values.items():
        if key not in kinds or key == "name":
            raise ConfigError(f"endpoint {name} has no setting {str(key)[:40]!r}: it knows {', '.join(sorted(kinds))}")
        if not isinstance(value, _KINDS[str(kinds[key])]) or isinstance(value, bool):
            raise ConfigError(f"{key} of endpoint {name} must be of kind {kinds[key]}")
    if "url" not in values or "model" not in values:
        raise ConfigError(f"endpoint {name} needs at least url and model")
    return Endpoint(name=name, **values)
