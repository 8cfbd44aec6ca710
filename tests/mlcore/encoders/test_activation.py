"""CLIP weights run with the activation they were trained with, or a warning says that it is a guess."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file, save_file

from mlcore.consistency.config import ConsistencyConfig
from mlcore.encoders import activation
from mlcore.encoders.open_clip_text import OpenClipTextEncoder
from mlcore.encoders.text import build_text_encoder
from mlcore.encoders.weights import Origin
from mlcore.errors import ConfigError
from tests.mlcore.encoders.published import clip_folder, digest

TEXTS = ["rows of houses", "a field"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip") / "small")


def own_vectors(folder, quick: bool) -> torch.Tensor:
    """What open_clip itself makes of the folder's weights."""
    import open_clip

    model = open_clip.create_model(f"local-dir:{folder}", force_quick_gelu=quick).eval()
    with torch.inference_mode():
        return model.encode_text(open_clip.tokenize(TEXTS), normalize=True)


def weights_of(folder, path, extra=()):
    """The folder's weights as a file of their own."""
    numbers = {name: torch.tensor(1) for name in extra}
    save_file(load_file(folder / "open_clip_model.safetensors") | numbers, path)
    return path


def assert_runs_with(tower, folder, quick: bool):
    seen = tower.encode(TEXTS)
    assert torch.allclose(seen, own_vectors(folder, quick), atol=1e-5)
    assert not torch.allclose(seen, own_vectors(folder, not quick), atol=1e-5)


def test_weights_in_openai_s_form_run_with_quickgelu(folder, tmp_path, caplog):
    file = weights_of(folder, tmp_path / "RN50.safetensors", ("input_resolution", "context_length", "vocab_size"))
    tower = OpenClipTextEncoder(f"local-dir:{folder}", str(file))
    assert_runs_with(tower, folder, quick=True)
    assert tower.origin.activation == "quick_gelu"
    assert "activation" not in caplog.text


@pytest.mark.parametrize("quick", [True, False])
def test_weights_of_a_digest_that_open_clip_publishes_run_with_their_activation(folder, tmp_path, monkeypatch, quick):
    file = weights_of(folder, tmp_path / "a.safetensors")
    monkeypatch.setattr(activation, "published_digests", lambda: {digest(file)[:8]: quick})
    tower = OpenClipTextEncoder(f"local-dir:{folder}", str(file))
    assert_runs_with(tower, folder, quick)
    assert tower.origin.activation == ("quick_gelu" if quick else "gelu")


def test_the_digests_that_open_clip_publishes_are_found_in_its_addresses():
    known = activation.published_digests()
    assert known["afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"] is True
    assert known["455df137"] is True
    assert known["af8dbd0c"] is False


def test_weights_that_say_nothing_run_with_gelu_and_a_warning_that_names_the_remedy(folder, tmp_path, caplog):
    file = weights_of(folder, tmp_path / "unknown.safetensors")
    with caplog.at_level(logging.WARNING):
        tower = OpenClipTextEncoder(f"local-dir:{folder}", str(file))
    assert_runs_with(tower, folder, quick=False)
    assert "unknown.safetensors does not say" in caplog.text
    assert "text_activation=quick_gelu" in caplog.text
    assert "activation gelu (assumed)" in str(tower.origin)


@pytest.mark.parametrize("setting", ["gelu", "quick_gelu"])
def test_what_a_person_sets_is_done_without_a_warning(folder, tmp_path, caplog, setting):
    file = weights_of(folder, tmp_path / "a.safetensors")
    tower = build_text_encoder(f"open_clip/local-dir:{folder}", str(file), 48, activation=setting)
    assert_runs_with(tower, folder, quick=setting == "quick_gelu")
    assert "activation" not in caplog.text


@pytest.mark.parametrize("quick", [True, False])
def test_a_folder_s_configuration_says_what_its_own_weights_were_trained_with(tmp_path, caplog, quick):
    folder = clip_folder(tmp_path / "own")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = quick
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    tower = OpenClipTextEncoder(f"local-dir:{folder}", "")
    assert tower.origin.activation == ("quick_gelu" if quick else "gelu")
    assert "activation" not in caplog.text


def test_an_architecture_with_quickgelu_in_its_name_needs_nothing_else(tmp_path, caplog):
    import open_clip

    model = open_clip.create_model("RN50", load_weights=False)
    save_file({k: v for k, v in model.state_dict().items() if not k.startswith("visual.")}, tmp_path / "a.safetensors")
    tower = OpenClipTextEncoder("RN50-quickgelu", str(tmp_path / "a.safetensors"))
    assert type(tower._model.transformer.resblocks[0].mlp.gelu).__name__ == "QuickGELU"
    assert "activation it was trained" not in caplog.text
    with pytest.raises(ConfigError, match="built with QuickGELU"):
        OpenClipTextEncoder("RN50-quickgelu", str(tmp_path / "a.safetensors"), activation="gelu")


def test_an_activation_that_does_not_exist_is_refused(folder):
    with pytest.raises(ConfigError, match="text_activation to gelu, quick_gelu"):
        OpenClipTextEncoder(f"local-dir:{folder}", "", activation="relu")
    with pytest.raises(ConfigError, match="text_activation empty"):
        build_text_encoder("hashed", "", 16, activation="gelu")


def test_the_setting_reaches_training_and_the_origin_is_read_back():
    assert ConsistencyConfig.preset("paper", text_activation="quick_gelu").text_activation == "quick_gelu"
    assert Origin(**Origin("RN50", "a", "b", "gelu").to_dict()).activation == "gelu"
