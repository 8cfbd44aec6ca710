"""A store that processes write to at once, and that are killed at any point, holds exactly what was acknowledged."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mlcore.errors import VectorStoreError
from mlcore.vectors import VectorStore, files
from mlcore.vectors import segments as parts
from tests.mlcore.vectors.made import clustered

ROOT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
import numpy as np
from mlcore.vectors import VectorStore
folder, start, count, step = sys.argv[1], *map(int, sys.argv[2:])
store = VectorStore.open(folder)
for number in range(start, start + count * step, step):
    ids = np.arange(number, number + 3)
    store.add(ids, np.repeat(ids[:, None] % 97 / 97.0, 8, axis=1))
    if number % 4 == 0:
        store.remove([number])
    print(number, flush=True)
    if number % 30 == 0:
        store.update_index("ivfsq")
        store.compact()
"""


def writer(folder: Path, start: int, count: int, step: int = 3) -> subprocess.Popen:
    """A process that adds three vectors again and again, removes some, and tells after each."""
    command = [sys.executable, "-c", WRITER, str(folder), str(start), str(count), str(step)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def expected(numbers: list[int]) -> set[int]:
    return {one for number in numbers for one in range(number, number + 3) if not (one == number and number % 4 == 0)}


def test_two_processes_that_write_at_once_lose_nothing(tmp_path):
    VectorStore.create(tmp_path / "s", "model", 8)
    both = [writer(tmp_path / "s", 0, 25), writer(tmp_path / "s", 9000, 25)]
    told = [[int(line) for line in one.communicate(timeout=240)[0].split()] for one in both]
    assert [one.returncode for one in both] == [0, 0] and [len(one) for one in told] == [25, 25]
    store = VectorStore.open(tmp_path / "s")
    assert set(store.ids.tolist()) == expected(told[0]) | expected(told[1])
    assert np.allclose(store.vectors_of(store.ids)[:, 0], store.ids % 97 / 97.0, atol=1e-3)


def test_a_writer_that_is_killed_leaves_what_it_acknowledged_and_no_half_write(tmp_path):
    VectorStore.create(tmp_path / "s", "model", 8)
    draw, start, acknowledged, begun = random.Random(4), 0, [], []
    for _ in range(6):
        process = writer(tmp_path / "s", start, 400)
        assert process.stdout is not None
        lines = [process.stdout.readline()]  # it is at work
        time.sleep(draw.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        done = [int(line) for line in lines if line.endswith("\n") and line.strip()]
        acknowledged += done
        begun.append((done[-1] if done else start - 3) + 3)
        store = VectorStore.open(tmp_path / "s")
        ids = set(store.ids.tolist())
        assert expected(acknowledged) <= ids
        # of the write that was under way: its vectors or none, and its removal or not
        for number in begun:
            assert len(ids & {number, number + 1, number + 2}) in (0, 2, 3)
        assert ids <= expected(acknowledged) | {one for number in begun for one in range(number, number + 3)}
        assert np.allclose(store.vectors_of(store.ids)[:, 0], store.ids % 97 / 97.0, atol=1e-3)
        start = begun[-1] + 3
    store.add([10**6], np.ones((1, 8)))
    log = tmp_path / "s" / "log"
    assert not list(log.glob(".*")) and not parts.superseded(log)


@pytest.mark.parametrize("merged_first", [False, True])
def test_a_kill_between_bringing_segments_together_and_deleting_them_changes_nothing(tmp_path, merged_first):
    """Both the segments and the one that stands for them lie there: as it was before, or after, every deletion."""
    store, vectors = VectorStore.create(tmp_path / "s", "model", 8), clustered(30, 8)
    for start in range(0, 30, 5):
        store.add(np.arange(start, start + 5), vectors[start : start + 5])
        store.remove([start])
    log = tmp_path / "s" / "log"
    kept = {path.name: {file.name: file.read_bytes() for file in path.iterdir()} for path in log.iterdir()}
    before = store.ids.copy()
    store.compact()
    for name in list(kept)[:: 2 if merged_first else 1]:
        (log / name).mkdir()
        for file, content in kept[name].items():
            (log / name / file).write_bytes(content)
    again = VectorStore.open(tmp_path / "s")
    assert np.array_equal(again.ids, before)
    assert np.array_equal(again.vectors_of(before), vectors[before])
    again.add([99], vectors[:1])
    assert not parts.superseded(log)


def test_files_that_a_killed_writer_left_are_cleared_away_by_the_next(tmp_path):
    store = VectorStore.create(tmp_path / "s", "model", 8)
    (tmp_path / "s" / "log" / ".123-00000001-00000001").mkdir()
    (tmp_path / "s" / "log" / ".123-00000001-00000001" / "ids.npy").write_bytes(b"half")
    assert len(VectorStore.open(tmp_path / "s")) == 0
    store.add([1], np.ones((1, 8)))
    assert [path.name for path in (tmp_path / "s" / "log").iterdir()] == ["00000001-00000001"]


def test_an_index_whose_file_is_gone_is_none(tmp_path):
    store = VectorStore.create(tmp_path / "s", "model", 32)
    store.add(np.arange(800), clustered(800))
    store.update_index("ivfsq")
    for path in (tmp_path / "s" / "index").glob("*.faiss"):
        path.unlink()
    assert VectorStore.open(tmp_path / "s").search(clustered(800)[5], 1).ids[0, 0] == 5


def test_who_waits_too_long_for_another_writer_is_told(tmp_path):
    VectorStore.create(tmp_path / "s", "model", 8)
    with (
        files.held(tmp_path / "s", files.LOCK),
        pytest.raises(VectorStoreError, match="another process"),
        files.writing(tmp_path / "s", wait_s=0.2),
    ):
        pass


def test_a_reader_goes_on_while_segments_are_brought_together(tmp_path):
    store, vectors = VectorStore.create(tmp_path / "s", "model", 8), clustered(60, 8)
    for start in range(0, 60, 20):
        store.add(np.arange(start, start + 20), vectors[start : start + 20])
    reader = VectorStore.open(tmp_path / "s")
    store.compact()
    assert np.array_equal(reader.vectors_of(np.arange(60)), vectors)
