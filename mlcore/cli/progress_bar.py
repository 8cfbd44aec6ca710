"""Progress in a terminal: a bar on stderr with the latest figures; Ctrl-C asks the work to stop at a checkpoint."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from types import FrameType, TracebackType

from tqdm import tqdm


class BarProgress:
    """A progress bar; as a context manager it turns the first Ctrl-C into a wish to stop, the second interrupts."""

    def __init__(self, title: str) -> None:
        self._bar = tqdm(
            total=100.0, desc=title, file=sys.stderr, bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix}"
        )
        self._stop = False
        self._message = ""
        self._before: object = None

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        """Move the bar; a message of a new kind gets its own line."""
        self._bar.n = round(100 * min(max(fraction, 0.0), 1.0), 2)
        shown = " ".join(f"{name.rsplit('/', 1)[-1]}={value:.3g}" for name, value in (figures or {}).items())
        if shown:
            self._bar.set_postfix_str(shown, refresh=False)
        elif message and message != self._message:
            tqdm.write(message, file=sys.stderr)
        self._message = message
        self._bar.refresh()

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
        tqdm.write("stopping at the next checkpoint; press Ctrl-C again to stop at once", file=sys.stderr)
