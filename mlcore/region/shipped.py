"""The general model that ships with the library: a new region starts from it."""

from __future__ import annotations

from mlcore.region.model import RegionModel
from mlcore.weights import GENERAL_FILE


def shipped_model() -> RegionModel | None:
    """The model of `mlcore/weights`; None where its file was left out of the installation."""
    return RegionModel.load(GENERAL_FILE) if GENERAL_FILE.is_file() else None
