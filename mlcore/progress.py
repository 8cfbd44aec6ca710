"""How long work reports itself: one small protocol shared by the library, its command line and the application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mlcore.errors import StoppedError

STOPPED = "stopped on request; start it again to resume from the last checkpoint"


class Progress(Protocol):
    """Receives progress and answers whether to go on."""

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        """Tell that `fraction` (0..1) is done; `figures` are live numbers such as a loss, keyed by name.

        An "epoch" among them, from 1, says to which epoch the others belong.
        """

    def should_stop(self) -> bool:
        """True once the work was asked to stop."""


class SilentProgress:
    """Reports nothing and never stops: the default."""

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        return None

    def should_stop(self) -> bool:
        return False


class SpanProgress:
    """A part of a longer work: maps 0..1 of the part to [start, stop] of the whole."""

    def __init__(self, whole: Progress, start: float, stop: float) -> None:
        self.whole, self.start, self.stop = whole, start, stop

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.whole.report(self.start + (self.stop - self.start) * fraction, message, figures)

    def should_stop(self) -> bool:
        return self.whole.should_stop()


def stop_if_asked(progress: Progress) -> None:
    """Raise StoppedError when `progress` says so; call it between steps, after a checkpoint."""
    if progress.should_stop():
        raise StoppedError(STOPPED)
