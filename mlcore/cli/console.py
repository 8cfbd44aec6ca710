"""Progress on the command line: one line that overwrites itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TextIO


class ConsoleProgress:
    """Reports to standard error; silent when `quiet`."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet, self.stream = quiet, stream or sys.stderr
        self.last = ""

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        line = f"{100 * fraction:3.0f} %  {message}"
        if self.quiet or line == self.last:
            return
        self.last = line
        terminal = self.stream.isatty()
        self.stream.write(f"\r{line:<60}" if terminal else f"{line}\n")
        self.stream.flush()

    def should_stop(self) -> bool:
        return False

    def done(self) -> None:
        """End the line."""
        if not self.quiet and self.stream.isatty():
            self.stream.write("\n")
