"""Reads ahead: the next tiles are read and drawn by threads while the present ones are worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
AHEAD = 48
WORKERS = 2
BATCHES = 3


def prefetched(
    load: Callable[[Item], Loaded], items: Iterable[Item], *, workers: int = WORKERS, ahead: int = AHEAD
) -> Iterator[Loaded]:
    """What `load` makes of `items`, in order, made by threads up to `ahead` items before they are asked for.

    GDAL and OpenCV release the interpreter's lock, so threads are enough. Closing the iterator early drops what waits;
    an error in a thread comes out where its item would have.
    """
    waiting: deque[Future[Loaded]] = deque()
    rest = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="tiles") as pool:
        try:
            for item in rest:
                waiting.append(pool.submit(load, item))
                if len(waiting) >= ahead:
                    break
            while waiting:
                loaded = waiting.popleft().result()
                for item in rest:
                    waiting.append(pool.submit(load, item))
                    break
                yield loaded
        finally:
            for future in waiting:
                future.cancel()


def in_turn(make: Callable[[Item], Loaded], items: Iterable[Item]) -> Iterator[Loaded]:
    """Training batches made ahead of their use, by one thread alone: what `make` draws by chance, it draws in order."""
    return prefetched(make, items, workers=1, ahead=BATCHES)
