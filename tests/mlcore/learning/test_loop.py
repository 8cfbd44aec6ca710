"""The loop: stopped, killed or undisturbed, a run ends with the same weights."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mlcore.errors import CheckpointError, StoppedError
from mlcore.learning.checkpoints import read_tensors, sorted_checkpoints
from mlcore.learning.loop import DivergedError, Stage, run_stage
from mlcore.progress import SilentProgress
from tests.mlcore.learning import tiny_run

SCRIPT = Path(__file__).with_name("tiny_run.py")
ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("MAPWRIGHT_KILLS", "4"))
EPOCHS = 10 * KILLS


class Recorder:
    """Keeps what is reported; asks to stop after `stop_after` epochs."""

    def __init__(self, stop_after=None):
        self.messages, self.figures, self.stop_after = [], [], stop_after

    def report(self, fraction, message="", figures=None):
        self.messages.append(message)
        if figures:
            self.figures.append(dict(figures))

    def should_stop(self):
        return self.stop_after is not None and len(self.figures) >= self.stop_after


def weights_of(folder, progress, epochs=8):
    stage = tiny_run.make_stage(epochs)
    run_stage(stage, run_dir=folder, seed=5, progress=progress, figures_prefix="test/")
    return stage.module.state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in second)


def test_a_stopped_and_resumed_run_ends_with_the_weights_of_a_straight_one(tmp_path):
    straight = weights_of(tmp_path / "straight", SilentProgress())
    for _ in range(2):
        with pytest.raises(StoppedError):
            weights_of(tmp_path / "stopped", Recorder(stop_after=3))
    assert same(weights_of(tmp_path / "stopped", SilentProgress()), straight)


@pytest.mark.slow
def test_a_run_killed_at_random_points_ends_with_the_weights_of_a_straight_one(tmp_path):
    """F7; the whole check takes MAPWRIGHT_KILLS=20."""

    def start(name):
        command = [
            sys.executable,
            str(SCRIPT),
            str(tmp_path / name),
            str(tmp_path / f"{name}.safetensors"),
            str(EPOCHS),
        ]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    assert start("straight").wait(120) == 0
    chance, kills = random.Random(1), 0
    while kills < KILLS:
        process = start("killed")
        before = sorted_checkpoints(tmp_path / "killed" / "tiny")[:1]
        wanted = chance.randrange(1, 6)
        deadline = time.monotonic() + 60
        seen = set()
        while process.poll() is None and time.monotonic() < deadline and len(seen) < wanted:
            seen.update(path for path in sorted_checkpoints(tmp_path / "killed" / "tiny")[:1] if [path] != before)
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            assert process.wait(30) == -signal.SIGKILL
        kills += 1
    assert start("killed").wait(120) == 0
    expected, _ = read_tensors(tmp_path / "straight.safetensors")
    assert same(read_tensors(tmp_path / "killed.safetensors")[0], expected)


def test_a_damaged_newest_checkpoint_is_reported_and_costs_one_epoch_alone(tmp_path):
    straight = weights_of(tmp_path / "straight", SilentProgress())
    with pytest.raises(StoppedError):
        weights_of(tmp_path / "run", Recorder(stop_after=4))
    newest = sorted_checkpoints(tmp_path / "run" / "tiny")[0]
    newest.write_bytes(newest.read_bytes()[:200])
    progress = Recorder()
    assert same(weights_of(tmp_path / "run", progress), straight)
    assert any("previous checkpoint" in message for message in progress.messages)
    assert [int(each["epoch"]) for each in progress.figures] == [4, 5, 6, 7, 8]
    assert all("test/loss" in each for each in progress.figures)


def test_a_finished_stage_is_not_trained_again(tmp_path):
    done = weights_of(tmp_path, SilentProgress())
    progress = Recorder()
    assert same(weights_of(tmp_path, progress), done)
    assert not [message for message in progress.messages if "epoch 8 of 8" in message]


def test_a_finished_stage_reports_its_last_figures_again(tmp_path):
    first, again = Recorder(), Recorder()
    weights_of(tmp_path, first)
    weights_of(tmp_path, again)
    assert again.figures == first.figures[-1:]


def test_a_folder_of_another_run_is_refused(tmp_path):
    weights_of(tmp_path, SilentProgress())
    with pytest.raises(CheckpointError, match="other data or settings"):
        run_stage(tiny_run.make_stage(8, "other"), run_dir=tmp_path, seed=5, progress=SilentProgress())


def test_a_loss_that_is_not_a_number_stops_the_run_before_it_is_stored(tmp_path):
    stage = tiny_run.make_stage(2)
    broken = Stage("tiny", stage.module, stage.optimiser, 2, lambda epoch, generator: {"loss": float("nan")})
    with pytest.raises(DivergedError, match="lower the learning rate"):
        run_stage(broken, run_dir=tmp_path, seed=0, progress=SilentProgress())
    assert sorted_checkpoints(tmp_path / "tiny") == []
