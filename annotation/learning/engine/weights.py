"""Which weights of a kind that serves all regions are in use: the registry's, else what is built in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from annotation.learning import selectors
from annotation.learning.models import ModelVersion
from mlcore.digests import sha256_of


@dataclass(frozen=True)
class Weights:
    """Weights of a model: the file, its digest, and the model of the registry; None: what ships, or a setting."""

    path: Path
    sha256: str
    model: ModelVersion | None = None


def weights_in_use(kind: str, built_in: Path) -> Weights | None:
    """The weights of a kind from now on: what people put in use, else the file that is built in; None without both."""
    model = selectors.active_model(None, kind)
    if model is not None:
        return Weights(Path(settings.MEDIA_ROOT) / model.path, model.sha256, model)
    return Weights(built_in, _digest(built_in, built_in.stat().st_mtime_ns)) if built_in.is_file() else None


def weights_of(kind: str, digest: str, built_in: Path) -> Weights | None:
    """The weights of this digest, wherever they lie; None where they are gone."""
    model = selectors.model_of_digest(kind, digest)
    if model is not None:
        path = Path(settings.MEDIA_ROOT) / model.path
        return Weights(path, digest, model) if path.is_file() else None
    if not built_in.is_file() or _digest(built_in, built_in.stat().st_mtime_ns) != digest:
        return None
    return Weights(built_in, digest)


@lru_cache(maxsize=8)
def _digest(path: Path, changed_ns: int) -> str:
    return sha256_of(path)
