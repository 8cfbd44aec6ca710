"""Settings that a person changed, read by the library as a training will read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from annotation.learning.errors import InvalidSettingError
from mlcore.correspondences.tuning import TuningConfig
from mlcore.errors import ConfigError
from mlcore.region.config import RegionConfig


class Settings(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


def checked_by(read: Callable[[Mapping[str, Any]], Settings], config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as plain values again, after `read` took them.

    Raises:
        InvalidSettingError: they do not go together, or one is out of its range.
    """
    try:
        return read(config).to_dict()
    except (ConfigError, ValueError, ArithmeticError) as error:
        raise InvalidSettingError(str(error)) from error


def checked_region(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a region's model; raises InvalidSettingError."""
    return checked_by(RegionConfig.from_dict, config)


def checked_matcher(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a matcher's training; raises InvalidSettingError."""
    return checked_by(TuningConfig.from_dict, config)


def checked_locator(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a locator; raises InvalidSettingError."""
    from mlcore.geolocation.config import GeolocationConfig

    return checked_by(GeolocationConfig.from_dict, config)
