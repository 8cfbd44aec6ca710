"""Matchers of other people's, where a person installed the package `vismatch`, behind the same interface.

Their weights are downloaded by that package when one is first made, under licences of their own.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcore.correspondences.matches import Matches, checked_picture
from mlcore.errors import InvalidInputError, MissingPackageError

if TYPE_CHECKING:
    import torch

PREFIX = "vismatch:"
"""Before the name that the package has for a matcher, wherever matchers are named."""


class InstalledMatcher:
    """One matcher of `vismatch`.

    Args:
        name: with or without PREFIX, such as `vismatch:aliked-lightglue`.
        device: cpu, cuda, ...

    Raises:
        MissingPackageError: the package, or something that it needs, isn't installed.
        InvalidInputError: it has no such matcher, or can't make it.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        short = name.removeprefix(PREFIX)
        package = _package()
        if short not in package.available_models:
            raise InvalidInputError(
                f"vismatch has no matcher {short[:60]!r}; choose one of {', '.join(package.available_models)}"
            )
        try:
            self.model = package.get_matcher(short, device=device)
        except ImportError as error:
            raise MissingPackageError(f"vismatch can't make {short!r}: {error}; install what it names") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidInputError(f"vismatch can't make {short!r}: {error}") from error
        self.model.skip_ransac = True  # the estimate is ours, the same for every matcher
        self.name = f"{PREFIX}{short}"

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        """Pairs of points; where the package tells no confidence, each has 1."""
        sides = [_as_tensor(checked_picture(rgb, what)) for rgb, what in ((map_rgb, "map"), (image_rgb, "image"))]
        found = self.model(*sides)
        map_xy, image_xy = (
            np.asarray(found[f"matched_kpts{side}"], np.float64).reshape(-1, 2) + 0.5 for side in (0, 1)
        )
        sure = found.get("matched_confidences")
        confidence = np.ones(len(map_xy)) if sure is None else np.asarray(sure, np.float64).reshape(-1)
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        told = np.isfinite(map_xy).all(axis=1) & np.isfinite(image_xy).all(axis=1) & np.isfinite(confidence)
        return Matches(map_xy, image_xy, confidence.clip(0, 1), area).only(told)


def installed_version() -> str:
    """Of the package, as it names itself; where it does not, "unknown".

    Raises:
        MissingPackageError: it isn't installed.
    """
    package = _package()
    try:
        return version(package.__name__)
    except PackageNotFoundError:
        return str(getattr(package, "__version__", "unknown"))


def _package() -> Any:
    from mlcore.encoders.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    try:
        return importlib.import_module("vismatch")
    except ImportError as error:
        raise MissingPackageError(
            f"matchers named {PREFIX}... need the package vismatch ({error}): pip install vismatch"
        ) from error


def _as_tensor(rgb: np.ndarray) -> torch.Tensor:
    """(3, H, W) float in 0..1, as the package takes pictures."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1).float() / 255
