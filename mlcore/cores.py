"""Shares work among the cores of a machine: by processes beside this one, where threads would wait for each other.

Networks, GDAL and OpenCV release the interpreter's lock, so threads do (`mlcore.pairs.prefetch`). Measuring shapes is
Python for the most part: it is handed, piece by piece, to helpers, and this process takes its share. What comes out
does not depend on how many there are: a piece is a function of what it is given alone, and results keep their order.

A helper is an interpreter of its own, started anew. A worker's process has a database, a card and threads, which a copy
of it (`fork`) would share and break, and Celery's may start no processes of `multiprocessing`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, TypeVar

from mlcore.progress import Progress, SilentProgress, stop_if_asked

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_HELPERS = 7
"""More would need more memory than they save time: each holds an interpreter, some 100 MB, and a piece of work."""
LOOK_S = 0.1
"""Seconds between two looks at a request to stop, once only helpers are at work."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Cores:
    """So many cores to work on; its helpers are started when there is work for them, and gone when it is closed.

    Args:
        count: of cores, this process's own among them: with one, all is done here and nothing is started.
    """

    def __init__(self, count: int = 1) -> None:
        self.count = max(1, count)
        self._helpers: list[_Helper] = []

    def __enter__(self) -> Cores:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all helpers, whatever they are at."""
        for helper in self._helpers:
            helper.close()
        self._helpers = []

    def each(
        self,
        work: Callable[[Any, Any], Result],
        shared: object,
        items: Sequence[Item],
        *,
        sent: Callable[[Item], object] | None = None,
        beside: Callable[[], None] | None = None,
        progress: Progress | None = None,
        message: str = "",
    ) -> list[Result]:
        """`work(shared, item)` of every item, in order.

        A helper that ends before its answer, as where memory runs out, costs its speed alone: the item is taken by
        another.

        Args:
            work: a function of a module.
            shared: what all items need; each helper gets it once.
            sent: what a helper gets for an item, where that is less than the item.
            beside: done by this process before it takes items itself.

        Raises:
            StoppedError: asked to stop.
            Exception: what `work` raised, here or in a helper.
        """
        progress = progress or SilentProgress()
        run = _Run(list(items))
        threads = self._set_to_work(run, work, shared, sent or (lambda item: item))
        try:
            if beside is not None:
                beside()
            told = 0
            while not run.over:
                stop_if_asked(progress)
                if (taken := run.take()) is None:
                    run.wait(LOOK_S)
                else:
                    run.give(taken, work(shared, run.items[taken]))
                if len(run.results) > told:
                    told = len(run.results)
                    progress.report(told / len(run.items), message)
        except BaseException:
            run.fail(None)
            self.close()
            raise
        finally:
            for thread in threads:
                thread.join()
        if run.error is not None:
            raise run.error
        return [run.results[number] for number in range(len(run.items))]

    def _set_to_work(
        self, run: _Run, work: Callable[..., Any], shared: object, sent: Callable[[Any], object]
    ) -> list[threading.Thread]:
        wanted = min(self.count - 1, MOST_HELPERS, len(run.items) - 1)
        for helper in self._helpers:
            if not helper.alive:
                helper.close()
        self._helpers = [helper for helper in self._helpers if helper.alive]
        try:
            while len(self._helpers) < wanted:
                self._helpers.append(_Helper())
        except OSError as error:  # no more processes, or no memory for one: those that there are do the work
            logger.warning("a helper could not be started: %s", error)
        if wanted < 1:
            return []
        begin = ForkingPickler.dumps((work, shared))
        threads = [
            threading.Thread(target=_feed, args=(helper, run, begin, sent), name="helper", daemon=True)
            for helper in self._helpers[:wanted]
        ]
        for thread in threads:
            thread.start()
        return threads


@dataclass
class _Run:
    """What is left of a list of items, and what came of the others; used by several threads."""

    items: list[Any]
    results: dict[int, Any] = field(default_factory=dict)
    error: BaseException | None = None
    failed: bool = False

    def __post_init__(self) -> None:
        self._left = list(range(len(self.items)))[::-1]
        self._changed = threading.Condition()

    @property
    def over(self) -> bool:
        return self.failed or len(self.results) == len(self.items)

    def take(self) -> int | None:
        """The next item by its number; None where none is left."""
        with self._changed:
            return self._left.pop() if self._left and not self.failed else None

    def give(self, number: int, result: object) -> None:
        with self._changed:
            self.results[number] = result
            self._changed.notify_all()

    def give_back(self, number: int) -> None:
        """Somebody else is to do it."""
        with self._changed:
            self._left.append(number)
            self._changed.notify_all()

    def fail(self, error: BaseException | None) -> None:
        """Nothing more is taken."""
        with self._changed:
            self.error, self.failed = self.error or error, True
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until something comes."""
        with self._changed:
            if not self._left and not self.over:
                self._changed.wait(seconds)


class _Helper:
    """One interpreter beside this one; it ends when this one does, which closes the line between them."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[1])
        self._line, end = Pipe()
        with end, contextlib.ExitStack() as undone:
            undone.callback(self._line.close)
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", f"from mlcore.cores import serve; serve({end.fileno()})"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[end.fileno()], start_new_session=True,
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": root},
            )  # fmt: skip
            undone.pop_all()
        self.alive = True

    def begin(self, told: memoryview) -> None:
        """Tell what the next items are for, as `ForkingPickler` packs (work, shared).

        Raises:
            _LostError: it ended.
        """
        try:
            self._line.send_bytes(told)
        except OSError as error:
            raise _LostError from error

    def ask(self, item: object) -> Any:
        """What comes of an item.

        Raises:
            _LostError: it ended.
            Exception: what the work raised.
        """
        try:
            self._line.send(_Item(item))
            well, answer = self._line.recv()
        except (EOFError, OSError) as error:
            raise _LostError from error
        if not well:
            raise answer
        return answer

    def close(self) -> None:
        self.alive = False
        self._child.kill()
        self._child.wait()
        self._line.close()


@dataclass(frozen=True)
class _Item:
    """What a helper is to work on."""

    of: object


class _LostError(Exception):
    """A helper ended before its answer."""


def _feed(helper: _Helper, run: _Run, begin: memoryview, sent: Callable[[Any], object]) -> None:
    """Hand items to a helper until none is left."""
    taken = None
    try:
        helper.begin(begin)
        while (taken := run.take()) is not None:
            run.give(taken, helper.ask(sent(run.items[taken])))
    except _LostError:
        helper.alive = False
        if not run.failed:  # else it was ended with the work
            logger.warning("a process beside this one ended before its answer: its work is done by the others")
        if taken is not None:
            run.give_back(taken)
    except Exception as error:
        run.fail(error)


def serve(line: int) -> None:
    """A helper's life: what the work is, then items; what comes of each goes back.

    Args:
        line: the open socket that it is asked through.
    """
    work, shared = None, None
    with Connection(line) as asked, contextlib.suppress(EOFError, OSError):
        while True:
            told = asked.recv()
            if isinstance(told, _Item):
                _answer(asked, work, shared, told.of)
            else:
                work, shared = told


def _answer(line: Connection, work: Any, shared: object, item: object) -> None:
    try:
        answer = True, work(shared, item)
    except MemoryError:
        raise  # this helper is lost: somebody else does the item
    except Exception as error:
        answer = False, error
        with contextlib.suppress(Exception):  # where an error can't be sent as it is, it is told
            line.send(answer)
            return
        answer = False, RuntimeError(f"{type(error).__name__}: {error}")
    line.send(answer)
