"""How long browser tests wait and how fast their pages run, as the environment says."""

from __future__ import annotations

import os

PATIENCE = float(os.environ.get("MAPWRIGHT_BROWSER_PATIENCE", "1"))
"""Longer waits where the machine has other work; a test that passes needs none of it."""
SLOWDOWN = float(os.environ.get("MAPWRIGHT_BROWSER_SLOWDOWN", "1"))
"""How many times slower pages run: at 4 to 6, tests and pages fail that are right only on a fast machine."""


def patient(time: float) -> float:
    """A time to wait at most, in whatever unit, and more where the environment says so."""
    return time * PATIENCE
