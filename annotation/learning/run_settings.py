"""Settings of a training as people name them: `part.name`, each with a number, yes or no, or a list of numbers.

What is a word, such as the network that looks at the image or a file of weights, goes with the size and stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from annotation.learning.errors import InvalidSettingError

Config = Mapping[str, Any]
MOST_TIMES = 50
"""No number may be more than so many times what the size has (0 counts as 1): a slip of the hand fills no memory."""


def changeable(config: Config, path: str = "") -> dict[str, Any]:
    """The settings that a person may change, by their dotted names, as they are."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            found |= changeable(value, f"{path}{name}.")
        elif _is_number(value) or isinstance(value, bool) or _is_list(value):
            found[f"{path}{name}"] = list(value) if _is_list(value) else value
    return found


def changed(config: Config, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with some of them changed; each stays of its kind.

    Args:
        config: the full settings of a size.
        changes: new values by dotted name.

    Raises:
        InvalidSettingError: there is no such setting, or its new value is of another kind or far too large.
    """
    known = changeable(config)
    for name, value in changes.items():
        if name not in known:
            raise InvalidSettingError(f"no setting {name!r} can be changed here: choose one of {', '.join(known)}")
        _check(name, known[name], value)
    return _with(config, changes, "")


def differences(config: Config, usual: Config) -> dict[str, Any]:
    """What of the settings is other than usual, by dotted name."""
    here, there = changeable(config), changeable(usual)
    return {name: value for name, value in here.items() if name in there and there[name] != value}


def _with(config: Config, changes: Mapping[str, Any], path: str) -> dict[str, Any]:
    mended: dict[str, Any] = {}
    for name, value in config.items():
        key = f"{path}{name}"
        if isinstance(value, Mapping):
            mended[name] = _with(value, changes, f"{key}.")
        elif key in changes:
            mended[name] = float(changes[key]) if isinstance(value, float) else changes[key]
        else:
            mended[name] = value
    return mended


def _check(name: str, before: Any, value: Any) -> None:
    """Raise InvalidSettingError, which names the setting, unless the value can stand in place of the one before."""
    if isinstance(before, list):
        if not isinstance(value, list) or len(value) != len(before):
            raise InvalidSettingError(
                f"setting {name} takes a list of {len(before)} numbers, such as {before}", setting=name
            )
        for one, other in zip(before, value, strict=True):
            _check(name, one, other)
    elif isinstance(before, bool):
        if not isinstance(value, bool):
            raise InvalidSettingError(f"setting {name} is true or false", setting=name)
    elif not _is_number(value) or (isinstance(before, int) and not isinstance(value, int)):
        whole = "a whole number" if isinstance(before, int) else "a number"
        raise InvalidSettingError(f"setting {name} takes {whole}, such as {before}", setting=name)
    elif value < 0 <= before:
        raise InvalidSettingError(f"setting {name} can't be below 0", setting=name)
    elif abs(value) > MOST_TIMES * (abs(before) or 1):
        most = MOST_TIMES * (abs(before) or 1)
        raise InvalidSettingError(
            f"setting {name} can be {most:g} at most with this size: choose a larger size", setting=name
        )


def _is_number(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)  # of any length: one may be too long for a float
    return whole or (isinstance(value, float) and math.isfinite(value))


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_is_number(one) for one in value)
