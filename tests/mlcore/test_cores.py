"""What comes of shared work does not depend on how many share it, nor on what becomes of them."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlcore.cores import Cores
from mlcore.errors import InvalidInputError, StoppedError
from tests.mlcore.shared_work import (
    Shared,
    in_a_daemon,
    in_a_process_that_is_killed,
    lost,
    refused,
    slow,
    squared,
    unsendable,
    until,
)


class Watcher:
    def __init__(self) -> None:
        self.told, self.stopped = list[float](), False

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.told.append(fraction)

    def should_stop(self) -> bool:
        return self.stopped


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("count", [2, 3])
def test_results_stand_in_order_whoever_did_them(tmp_path: Path, count: int):
    watcher, items = Watcher(), list(range(40))
    with Cores(count) as cores:
        done = cores.each(squared, Shared(tmp_path, os.getpid(), count - 1), items, progress=watcher)

    assert [value for value, _ in done] == [item * item for item in items]
    assert len({pid for _, pid in done}) == count
    assert watcher.told == sorted(watcher.told)
    assert watcher.told[-1] == 1.0


def test_helpers_stay_for_the_next_work(tmp_path: Path):
    shared = Shared(tmp_path, os.getpid(), 1)
    with Cores(2) as cores:
        cores.each(squared, shared, [1, 2, 3])
        cores.each(squared, shared, [4, 5, 6])

    assert len(shared.marks()) == 1


@pytest.mark.parametrize(("count", "items"), [(1, 5), (4, 1), (4, 0)])
def test_one_core_and_one_item_start_nothing(tmp_path: Path, count: int, items: int):
    shared = Shared(tmp_path, os.getpid(), 0)
    with Cores(count) as cores:
        done = cores.each(squared, shared, list(range(items)))

    assert done == [(item * item, os.getpid()) for item in range(items)]


def test_helpers_that_are_lost_cost_their_speed_alone(tmp_path: Path):
    with Cores(3) as cores:
        assert cores.each(lost, Shared(tmp_path, os.getpid(), 2), [5, 6, 7, 8]) == [5, 6, 7, 8]
        (again := tmp_path / "again").mkdir()
        assert len({pid for _, pid in cores.each(squared, Shared(again, os.getpid(), 1), [1, 2])}) == 2


def by_whom(_: object, item: int) -> tuple[int, int]:
    return item, os.getpid()


def test_helpers_that_can_not_be_started_cost_their_speed_alone():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as lowest:
        free = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))  # nothing more can be opened
    try:
        with Cores(3) as cores:
            done = cores.each(by_whom, None, [1, 2, 3])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert done == [(1, os.getpid()), (2, os.getpid()), (3, os.getpid())]


def test_an_error_in_a_helper_comes_out_as_what_it_is(tmp_path: Path):
    with Cores(2) as cores, pytest.raises(InvalidInputError, match="leave it out"):
        cores.each(refused, Shared(tmp_path, os.getpid(), 1), [1, 2, 3])


def test_an_error_that_no_line_can_carry_is_told(tmp_path: Path):
    with Cores(2) as cores, pytest.raises(RuntimeError, match="UnsendableError: what was wrong with"):
        cores.each(unsendable, Shared(tmp_path, os.getpid(), 1), [1, 2, 3])


def test_a_request_to_stop_ends_the_helpers_at_once(tmp_path: Path):
    watcher, shared = Watcher(), Shared(tmp_path, os.getpid(), 1)

    def stop_once_begun() -> None:
        until(lambda: len(shared.marks()) == 1)
        watcher.stopped = True

    with Cores(2) as cores, pytest.raises(StoppedError):
        cores.each(slow, shared, [1, 2], beside=stop_once_begun, progress=watcher)

    assert all(gone(pid) for pid in shared.marks())


def test_helpers_end_with_a_process_that_is_killed(tmp_path: Path):
    process = multiprocessing.get_context("spawn").Process(target=in_a_process_that_is_killed, args=(tmp_path,))
    process.start()
    shared = Shared(tmp_path, process.pid or 0, 1)
    until(lambda: len(shared.marks()) == 1)
    process.kill()
    process.join()
    (tmp_path / "over").touch()  # what the helper is at is done, and nobody asks for more

    (helper,) = shared.marks()
    until(lambda: gone(helper))


def test_a_worker_that_may_have_no_children_of_multiprocessing_has_helpers(tmp_path: Path):
    worker = multiprocessing.get_context("spawn").Process(target=in_a_daemon, args=(tmp_path,), daemon=True)
    worker.start()
    worker.join()

    assert (tmp_path / "done").read_text() == "[1, 4, 9]"
