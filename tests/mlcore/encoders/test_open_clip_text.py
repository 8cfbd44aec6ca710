"""open_clip's text tower: the real file formats, nothing cut off a text, a projection that keeps cosines."""

import huggingface_hub.constants
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.encoders.open_clip_text import OpenClipTextEncoder, fixed_projection
from mlcore.encoders.text import build_text_encoder
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, WeightsUnavailableError
from tests.mlcore.encoders.published import clip_folder, digest, hub_cache, timm_file

TEXTS = ["building_density=dense road_layout=grid. Rows of houses.", "open_space=dominant. A field."]
OWN = 48


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip") / "small")


@pytest.fixture(scope="module")
def tower(folder):
    return OpenClipTextEncoder(f"local-dir:{folder}", "")


def test_the_vectors_are_those_of_open_clip_itself(folder, tower):
    import open_clip

    model = open_clip.create_model(f"local-dir:{folder}").eval()
    tokens = open_clip.tokenize([text.replace("_", " ").replace("=", " ") for text in TEXTS])
    with torch.inference_mode():
        expected = model.encode_text(tokens, normalize=True)
    assert torch.allclose(tower.encode(TEXTS), expected, atol=1e-5)
    assert tower.dimension == OWN
    assert tower.origin.sha256 == digest(folder / "open_clip_model.safetensors")


def test_the_tower_is_frozen(tower):
    assert not any(weight.requires_grad for weight in tower._model.parameters())
    assert not tower.encode(TEXTS).requires_grad


def test_the_end_of_a_long_text_counts_too(tower):
    long = "a house by the road " * 60
    first, second = tower.encode([long + "stadium", long + "river"])
    assert not torch.allclose(first, second)
    assert all(len(tower._tokenizer.encode(window)) <= 75 for window in tower._windows(long))
    assert " ".join(tower._windows(long)).split() == long.split()


def test_texts_come_out_the_same_alone_and_together(tower):
    together = tower.encode([*TEXTS, "word " * 200])
    assert torch.allclose(together[1], tower.encode([TEXTS[1]])[0], atol=1e-5)
    assert torch.allclose(together.norm(dim=1), torch.ones(3), atol=1e-5)
    assert tower.encode([]).shape == (0, OWN)
    with pytest.raises(InvalidInputError, match="at least one word"):
        tower.encode([" _ "])


def test_a_tower_of_another_size_is_projected_and_keeps_its_cosines(folder, tower):
    wide = build_text_encoder(f"open_clip/local-dir:{folder}", "", 64)
    own, projected = tower.encode(TEXTS), wide.encode(TEXTS)
    assert projected.shape == (2, 64)
    assert torch.allclose(projected @ projected.T, own @ own.T, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(0, 40), st.integers(0, 10_000))
def test_a_projection_to_more_dimensions_is_an_isometry(size, more, seed):
    vectors = F.normalize(torch.randn(5, size, generator=torch.Generator().manual_seed(seed)), dim=1)
    projected = vectors @ fixed_projection(size, size + more)
    assert torch.allclose(projected @ projected.T, vectors @ vectors.T, atol=1e-4)
    narrow = fixed_projection(size + more, size)
    assert torch.allclose(narrow.T @ narrow, torch.eye(size), atol=1e-4)


def test_a_known_architecture_takes_a_local_file_and_has_the_paper_s_1024_dimensions(tmp_path):
    import open_clip
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = open_clip.create_model("RN50", load_weights=False)
    state = {name: value for name, value in model.state_dict().items() if not name.startswith("visual.")}
    save_file(state, tmp_path / "text.safetensors")
    tower = OpenClipTextEncoder("RN50", str(tmp_path / "text.safetensors"))
    assert tower.dimension == 1024 and tower.encode(TEXTS).shape == (2, 1024)


def test_a_tag_is_fetched_from_the_hub_or_its_absence_told(tmp_path, monkeypatch, folder):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(WeightsUnavailableError, match=r"resnet50_clip\.openai from the hub"):
        OpenClipTextEncoder("RN50", "openai")
    with pytest.raises(WeightsUnavailableError, match="example/clip from the hub"):
        OpenClipTextEncoder("hf-hub:example/clip", "")
    files = {path.name: path for path in folder.iterdir()}
    hub_cache(tmp_path, "example/clip", files)
    tower = OpenClipTextEncoder("hf-hub:example/clip", "")
    assert tower.origin.source == "hf-hub:example/clip" and tower.dimension == OWN


def test_what_can_not_be_used_is_refused_with_the_remedy(tmp_path, folder):
    with pytest.raises(ConfigError, match='text_weights = "openai"'):
        OpenClipTextEncoder("RN50", "")
    with pytest.raises(WeightsUnavailableError, match="its tags are"):
        OpenClipTextEncoder("RN50", "no_such_tag")
    with pytest.raises(ConfigError, match="list_models"):
        OpenClipTextEncoder("RN5000", "random")
    with pytest.raises(WeightsUnavailableError, match=r"open_clip_config\.json"):
        OpenClipTextEncoder(f"local-dir:{tmp_path}", "")
    with pytest.raises(CheckpointError, match="CLIP text tower"):
        OpenClipTextEncoder(f"local-dir:{folder}", str(timm_file(tmp_path)))
    with pytest.raises(ConfigError, match="no text encoder"):
        build_text_encoder("word2vec", "", 8)
    with pytest.raises(ConfigError, match="no weights"):
        build_text_encoder("hashed", "openai", 8)


def test_random_weights_are_named_as_such(folder):
    tower = OpenClipTextEncoder(f"local-dir:{folder}", "random")
    assert "random weights" in str(tower.origin)
