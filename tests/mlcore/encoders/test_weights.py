"""Published weights: safetensors by path or name, a pickle only by its digest, everything else a clear refusal."""

import pickle

import huggingface_hub.constants
import pytest
import torch

from mlcore.encoders.weights import fetch_from_hub, read_weights
from mlcore.errors import CheckpointError, WeightsUnavailableError
from tests.mlcore.encoders.published import digest, hub_cache, timm_file, timm_state


class Canary:
    touched = False

    def __reduce__(self):
        return (setattr, (Canary, "touched", True))


def test_a_safetensors_file_is_read_and_its_digest_told(tmp_path):
    path = timm_file(tmp_path)
    tensors, sha256 = read_weights(str(path))
    assert sha256 == digest(path)
    assert set(tensors) == set(timm_state())
    assert read_weights(f"{path}#sha256={sha256.upper()}")[1] == sha256


def test_another_digest_than_the_one_asked_for_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="another file"):
        read_weights(f"{timm_file(tmp_path)}#sha256={'0' * 64}")


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
def test_a_pickle_without_its_digest_is_refused_unread(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Canary()))
    with pytest.raises(CheckpointError, match="only when its SHA-256 is given"):
        read_weights(str(path))
    assert not Canary.touched


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_pickle_that_would_run_code_is_refused_even_with_its_digest(tmp_path, save):
    path = tmp_path / "model.pth"
    save({"weight": Canary()}, path)
    with pytest.raises(CheckpointError, match="can't be read as weights"):
        read_weights(f"{path}#sha256={digest(path)}")
    assert not Canary.touched


def test_a_pickle_named_safetensors_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.save({"weight": Canary()}, path)
    with pytest.raises(CheckpointError, match="can't be read as weights"):
        read_weights(str(path))
    assert not Canary.touched


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {f"module.{name}": value for name, value in state.items()},
    ],
)
def test_a_torch_file_with_its_digest_gives_plain_tensors_whatever_was_around_them(tmp_path, wrap):
    path = tmp_path / "model.pth"
    state = timm_state()
    torch.save(wrap(state), path)
    tensors, _ = read_weights(f"{path}#sha256={digest(path)}")
    assert all(torch.equal(tensors[name], value) for name, value in state.items())


def test_a_missing_and_a_truncated_file_say_what_to_do(tmp_path):
    with pytest.raises(WeightsUnavailableError, match="check the path"):
        read_weights(str(tmp_path / "nothing.safetensors"))
    path = timm_file(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="download it again"):
        read_weights(str(path))


def test_without_a_network_a_hub_name_gives_what_was_downloaded_before_or_says_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(WeightsUnavailableError, match="give the file's path"):
        fetch_from_hub("timm/resnet10t.c3_in1k", "model.safetensors")
    path = timm_file(tmp_path)
    hub_cache(tmp_path, "timm/resnet10t.c3_in1k", {"model.safetensors": path})
    assert digest(fetch_from_hub("timm/resnet10t.c3_in1k", "model.safetensors")) == digest(path)
