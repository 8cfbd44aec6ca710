"""Pieces of work for `test_cores`, which helpers import by their names."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlcore.cores import Cores
from mlcore.errors import InvalidInputError

SOON_S = 60


@dataclass(frozen=True)
class Shared:
    """What the pieces share: every helper leaves a mark, and the process that asks waits for so many of them."""

    folder: Path
    own: int
    helpers: int

    def begun(self) -> bool:
        """Whether this is a helper; all of them have begun before anything is done."""
        (self.folder / f"helper-{os.getpid()}" if os.getpid() != self.own else self.folder / "own").touch()
        until(lambda: len(self.marks()) == self.helpers)
        return os.getpid() != self.own

    def marks(self) -> set[int]:
        """The helpers by their process numbers."""
        return {int(path.name.partition("-")[2]) for path in self.folder.glob("helper-*")}


def squared(shared: Shared, item: int) -> tuple[int, int]:
    """Of an item, and who did it."""
    shared.begun()
    return item * item, os.getpid()


def slow(shared: Shared, item: int) -> int:
    """Is not done before the test says so."""
    shared.begun()
    until((shared.folder / "over").exists)
    return item


def lost(shared: Shared, item: int) -> int:
    if shared.begun():
        os._exit(9)
    return item


def refused(shared: Shared, item: int) -> int:
    if shared.begun():
        raise InvalidInputError(f"item {item} is no good: leave it out")
    return item


class UnsendableError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)
        self.open = (one for one in first)


def unsendable(shared: Shared, item: int) -> int:
    if shared.begun():
        raise UnsendableError("what was ", f"wrong with {item}")
    return item


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


def in_a_daemon(folder: Path) -> None:
    """What a worker does whose process may start none of multiprocessing's."""
    with Cores(2) as cores:
        done = cores.each(squared, Shared(folder, os.getpid(), 1), [1, 2, 3])
    (folder / "done").write_text(repr([value for value, _ in done]))


def in_a_process_that_is_killed(folder: Path) -> None:
    with Cores(2) as cores:
        cores.each(slow, Shared(folder, os.getpid(), 1), [1, 2])
