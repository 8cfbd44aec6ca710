"""Progress in a terminal: a bar on stderr with the latest figures; Ctrl-C asks the work to stop at a checkpoint."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from types import FrameType, TracebackType

from tqdm import tqdm


class BarProgress:
    """A progress bar; as a context manager it turns the first Ctrl-C into a wish to stop, the second interrupts.

    On a terminal it overwrites its line and messages stand above it; elsewhere each new message is a line with its per
    cent, so that a log stays readable.

    Args:
        title: what is being done.
        quiet: show nothing, but heed Ctrl-C all the same.
    """

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._title, self._quiet = title, quiet
        self._live = sys.stderr.isatty() and not quiet
        self._bar = tqdm(
            total=100.0, desc=title, file=sys.stderr, disable=not self._live,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix}",
        )  # fmt: skip
        self._stop = False
        self._message = ""
        self._before: object = None

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        """Move the bar; a message of a new kind gets its own line."""
        percentage = 100 * min(max(fraction, 0.0), 1.0)
        shown = " ".join(f"{_short(name)}={value:.3g}" for name, value in (figures or {}).items())
        if self._live:
            self._bar.n = round(percentage, 2)
            if shown:
                self._bar.set_postfix_str(shown, refresh=False)
            elif message and message != self._message:
                tqdm.write(message, file=sys.stderr)
            self._bar.refresh()
        elif not self._quiet and (shown or message != self._message or fraction >= 1):
            print(f"{self._title}: {percentage:3.0f} %  {shown or message}".rstrip(), file=sys.stderr, flush=True)
        self._message = message

    def should_stop(self) -> bool:
        return self._stop

    def __enter__(self) -> BarProgress:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]
        self._bar.close()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
        if not self._quiet:
            tqdm.write("stopping at the next checkpoint; press Ctrl-C again to stop at once", file=sys.stderr)


def _short(name: str) -> str:
    """ "evidence/loss/fold-1" and "evidence/loss" as "loss"."""
    parts = name.split("/")
    return parts[min(1, len(parts) - 1)]
