"""Work in a child process: its result or its error comes back, every limit ends it, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore.correspondences.exchange.apart import read_gcps_apart
from mlcore.correspondences.hybrid.apart import prepared_apart
from mlcore.errors import InvalidInputError, MlcoreError, NoSpaceError, StoppedError
from mlcore.ingestion.apart import ApartLimits, Ended, run_apart
from mlcore.ingestion.sandbox import run_ingest
from mlcore.limits import RasterLimits
from mlcore.progress import SilentProgress
from tests.mlcore.ingestion import works
from tests.mlcore.source_makers import photo, write_tiff

GB = 1024**3
ROOMY = ApartLimits(memory_bytes=4 * GB, cpu_s=60, wall_s=60)


class Told(SilentProgress):
    """Remembers what it was told, and stops once it was told `stop_at`."""

    def __init__(self, stop_at: float = 2.0) -> None:
        self.told: list[tuple[float, str]] = []
        self.stop_at = stop_at

    def report(self, fraction: float, message: str = "", figures: Any = None) -> None:
        self.told.append((fraction, message))

    def should_stop(self) -> bool:
        return any(fraction >= self.stop_at for fraction, _ in self.told)


def why(ended: Ended) -> str:
    return f"over: {ended.reason}"


@pytest.fixture(autouse=True)
def room(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files of this test and its children lie."""
    folder = tmp_path_factory.mktemp("room")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_result_and_the_progress_come_back_from_a_bare_process(monkeypatch: pytest.MonkeyPatch, room: Path) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    progress = Told()
    told = run_apart(works.add, [2, 3], ROOMY, why, progress=progress)
    assert told["sum"] == 5 and progress.told == [(0.5, "half")]
    assert Path(told["at"]).parent == room and list(room.iterdir()) == []
    assert {"GDAL_PAM_ENABLED", "TMPDIR"} <= set(told["names"])
    assert not {"DJANGO_SECRET_KEY", "HTTPS_PROXY"} & set(told["names"])


@pytest.mark.parametrize(
    ("work", "arguments", "limits", "reason"),
    [
        (works.take_memory, [3000], ApartLimits(2 * GB, 60, 60), "memory"),
        (works.compute, [], ApartLimits(2 * GB, 1, 60), "cpu_time"),
        (works.compute, [], ApartLimits(2 * GB, 60, 0.5), "wall_time"),
        (works.die, [], ROOMY, "broke"),
        (works.fail, [], ROOMY, "broke"),
    ],
)
def test_work_over_a_limit_is_ended_with_its_reason(
    work: Callable[..., Any], arguments: list[Any], limits: ApartLimits, reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"^over: {reason}$"):
        run_apart(work, arguments, limits, why)


@pytest.mark.parametrize("work", [works.write, works.write_unseen])
def test_a_file_over_its_limit_ends_the_work_though_the_write_was_passed_over(
    tmp_path: Path, work: Callable[..., Any]
) -> None:
    limits = ApartLimits(4 * GB, 60, 60, file_bytes=100_000)
    assert run_apart(works.write, [str(tmp_path / "small"), 100_000], limits, why) == 100_000
    with pytest.raises(InvalidInputError, match=r"^over: file_size$"):
        run_apart(work, [str(tmp_path / "large"), 100_001], limits, why, target=tmp_path / "large")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("code", "kind"), [("invalid_input", InvalidInputError), ("no_space", NoSpaceError)])
def test_an_error_of_the_work_comes_back_of_its_class_in_its_words(code: str, kind: type[MlcoreError]) -> None:
    with pytest.raises(kind, match=r"^no such thing: try another$") as raised:
        run_apart(works.refuse, [code], ROOMY, why)
    assert raised.type is kind


@pytest.mark.parametrize("how", ["stopped", "out of time", "ended"])
def test_a_child_takes_its_children_and_its_files_with_it(tmp_path: Path, room: Path, how: str) -> None:
    told, target = tmp_path / "told", tmp_path / "out[1].tif"
    arguments = [str(told), str(target), how == "ended"]
    if how == "ended":
        run_apart(works.start_another, arguments, ROOMY, why, target=target)
    elif how == "stopped":
        with pytest.raises(StoppedError, match=r"^asked to$"):
            run_apart(works.start_another, arguments, ROOMY, why, progress=Told(0.1), stopped="asked to", target=target)
    else:
        with pytest.raises(InvalidInputError, match="wall_time"):
            run_apart(works.start_another, arguments, ApartLimits(4 * GB, 60, 5), why, target=target)
    pid, left = told.read_text().split()
    assert is_gone(int(pid)) and not Path(left).exists()
    assert list(room.iterdir()) == [] and [path.name for path in tmp_path.iterdir()] == ["told"]


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import sys; from mlcore.ingestion.apart import *; from tests.mlcore.ingestion import works;"
        "run_apart(works.start_another, [sys.argv[1], sys.argv[2], False], ApartLimits(4 << 30, 60, 60), str)"
    )
    told = tmp_path / "told"
    parent = subprocess.Popen([sys.executable, "-c", code, str(told), str(tmp_path / "out.tif")])
    deadline = time.monotonic() + 60
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    (child,) = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    parent.kill()
    parent.wait()
    assert is_gone(int(child))
    os.kill(int(told.read_text().split()[0]), 9)  # what the child started has nobody left that knows of it


def over(name: str) -> dict[str, Any]:
    """One limit that a harmless picture is over."""
    return {"memory": {"memory_bytes": 150 << 20}, "clock": {"wall_s": 0}, "computing": {"cpu_s": 0}}[name]


@pytest.mark.parametrize("limit", ["memory", "clock", "computing"])
def test_every_caller_says_in_its_own_words_what_a_harmless_file_is_over(tmp_path: Path, limit: str) -> None:
    image = write_tiff(tmp_path / "a.tif", photo(1024, 1024), "EPSG:32645", 355_000, 3_057_000, 0.3)
    few = ApartLimits(**{"memory_bytes": 4 * GB, "cpu_s": 60, "wall_s": 60} | over(limit))
    with pytest.raises(InvalidInputError, match=r"^mine\.tif broke the reader of control points: write it again$"):
        read_gcps_apart(image, "mine.tif", limits=few)
    with pytest.raises(InvalidInputError, match=r"^mine\.tif took more than a picture may: cut it$"):
        prepared_apart(image, tmp_path / "copy.tif", SilentProgress(), "mine.tif", limits=few)
    words = {
        "memory": "needs more than 150 MB|ended: cut it|broke the reader",
        "clock": "took longer than 0 s to read: cut it to the region",
        "computing": "took more than 0 s of computing: cut it to the region",
    }
    with pytest.raises(InvalidInputError, match=rf"^a\.tif ({words[limit]})"):
        run_ingest("raster", image, tmp_path / "out.tif", limits=RasterLimits(**over(limit)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_picture_whose_copy_is_over_its_limit_is_to_be_cut(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(1, 255, (3, 700, 700), np.uint8)
    image = write_tiff(tmp_path / "a.tif", noise, "EPSG:32645", 355_000, 3_057_000, 0.3)
    few = ApartLimits(4 * GB, 60, 60, file_bytes=1_800_000)
    with pytest.raises(InvalidInputError, match=r"^mine\.tif took more than a picture may: cut it$"):
        prepared_apart(image, tmp_path / "copy.tif", SilentProgress(), "mine.tif", limits=few)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
