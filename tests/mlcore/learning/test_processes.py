"""Two real processes train like one on the joint batch; the first alone writes; a killed run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from mlcore.learning.checkpoints import read_tensors, sorted_checkpoints
from mlcore.learning.processes import LaunchedProcesses, Processes, join_processes
from tests.mlcore.learning.two_processes import train

ROOT = Path(__file__).parents[3]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
          "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]  # fmt: skip


def start(folder: Path, changes: dict) -> subprocess.Popen:
    """`accelerate launch` of the tiny training in two processes, as a group of its own."""
    words = [*LAUNCH, "--main_process_port", "0", str(Path(__file__).with_name("two_processes.py"))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [*words, str(folder / "run"), str(folder / "model.safetensors"), json.dumps(changes)],
        cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def launched(folder: Path, changes: dict) -> None:
    process = start(folder, changes)
    _, said = process.communicate(timeout=280)
    assert process.returncode == 0, said.decode()[-3000:]


def weights(folder: Path, rank: int) -> dict[str, torch.Tensor]:
    return read_tensors(folder / f"model-{rank}-of-2.safetensors")[0]


def differences(first: dict, second: dict) -> float:
    assert set(first) == set(second)
    return max(float((first[name].double() - second[name].double()).abs().max()) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"accumulate": 2}, {"spatial": False, "anchors": "tiles", "freeze_encoders": True}]
)
def test_two_processes_end_with_the_weights_of_one_on_the_joint_batch(tmp_path, changes):
    launched(tmp_path, changes)
    alone = train(tmp_path / "alone", Processes(), {**changes, "accumulate": 1}).to_tensors()
    first, second = weights(tmp_path, 0), weights(tmp_path, 1)
    assert differences(first, second) == 0.0
    moved = differences(alone, train(tmp_path / "other", Processes(), {"matching_rate": 1e-9, **changes}).to_tensors())
    assert differences(first, alone) < 2e-3 < moved


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_in_two_processes_stopped_and_killed_ends_like_a_straight_one(tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    changes = {"augment": True, "edited_negatives": True, "batch_norm": "batch"}
    for folder in (straight, broken):
        folder.mkdir()
    launched(broken, {**changes, "stop_after": 1})
    assert not list(broken.glob("model-*")) and len(sorted_checkpoints(broken / "run" / "contrastive")) == 1
    process = start(broken, changes)
    deadline = time.monotonic() + 200
    while process.poll() is None and not sorted_checkpoints(broken / "run" / "matching"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    launched(broken, changes)
    launched(straight, changes)
    for rank in (0, 1):
        assert differences(weights(broken, rank), weights(straight, rank)) == 0.0
    assert not list((broken / "run").rglob("*.part"))


def test_one_process_alone_is_its_own_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = join_processes("cpu")
    tensor = torch.arange(3.0)
    assert not isinstance(alone, LaunchedProcesses) and (alone.rank, alone.count, alone.device) == (0, 1, "cpu")
    assert torch.equal(alone.gather(tensor), tensor) and alone.any(True) and not alone.any(False)
    alone.add_up([tensor])
    assert torch.equal(tensor, torch.arange(3.0))
