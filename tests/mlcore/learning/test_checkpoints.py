"""Checkpoints: whole or not used, safetensors or refused."""

import pickle

import pytest
import torch

from mlcore.errors import CheckpointError
from mlcore.learning.checkpoints import load_newest, read_tensors, save_checkpoint, sorted_checkpoints, write_tensors

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "empty": torch.zeros(0)}


def test_tensors_and_metadata_come_back_and_equal_content_gives_equal_files(tmp_path):
    first = write_tensors(tmp_path / "one.safetensors", TENSORS, {"note": "é", "n": 1})
    second = write_tensors(tmp_path / "two.safetensors", TENSORS, {"n": 1, "note": "é"})
    tensors, meta = read_tensors(tmp_path / "one.safetensors", sha256=first)
    assert first == second
    assert meta == {"note": "é", "n": 1}
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


class Canary:
    touched = False

    def __reduce__(self):
        return (setattr, (Canary, "touched", True))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_is_refused_unread(tmp_path, protocol):
    """I9."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Canary(), protocol))
    with pytest.raises(CheckpointError, match=r"never loaded|another version|weights file"):
        read_tensors(path)
    assert not Canary.touched


def test_a_torch_save_archive_is_refused_unread(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.save({"canary": Canary()}, path)
    with pytest.raises(CheckpointError, match="never loaded"):
        read_tensors(path)
    assert not Canary.touched


def test_another_digest_than_the_registered_one_is_refused(tmp_path):
    write_tensors(tmp_path / "m.safetensors", TENSORS, {})
    with pytest.raises(CheckpointError, match="registered"):
        read_tensors(tmp_path / "m.safetensors", sha256="0" * 64)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "m.safetensors"
    write_tensors(path, TENSORS, {})
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(path)


@pytest.mark.parametrize("kept", [0, 4, 30, -9])
def test_a_truncated_newest_checkpoint_gives_way_to_the_previous_and_it_is_said(tmp_path, kept):
    """F8."""
    save_checkpoint(tmp_path, 1, {"w": torch.ones(4)}, {"x": 1})
    newest = save_checkpoint(tmp_path, 2, {"w": torch.zeros(4)}, {"x": 2})
    newest.write_bytes(newest.read_bytes()[:kept])
    checkpoint = load_newest(tmp_path)
    assert checkpoint.step == 1
    assert torch.equal(checkpoint.tensors["w"], torch.ones(4))
    assert len(checkpoint.skipped) == 1 and newest.name in checkpoint.skipped[0]


def test_only_the_newest_two_are_kept_and_no_scratch_file_is_left(tmp_path):
    for step in range(1, 5):
        save_checkpoint(tmp_path, step, TENSORS, {})
    assert [path.name for path in sorted_checkpoints(tmp_path)] == [
        "step-00000004.safetensors",
        "step-00000003.safetensors",
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_no_checkpoint_is_none_and_damaged_ones_alone_are_an_error(tmp_path):
    assert load_newest(tmp_path / "nothing") is None
    (tmp_path / "step-00000001.safetensors").write_bytes(b"junk")
    with pytest.raises(CheckpointError, match="every checkpoint"):
        load_newest(tmp_path)


def test_a_folder_that_can_not_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="can't write"):
        write_tensors(tmp_path / "file" / "m.safetensors", TENSORS, {})
