"""The published sizes, with random weights that the test makes: one small step from pictures to a model's file."""

import numpy as np
import pytest

from mlcore.errors import CheckpointError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import Sample, SampleList
from mlcore.landmarks.training import train_landmarks
from tests.mlcore.encoders.published import clip_folder
from tests.mlcore.landmarks.made import picture


def samples_of(count: int) -> SampleList:
    rng = np.random.default_rng(0)
    made = [(str(number), picture("red", rng, 64), (number - 100.0, 40.0)) for number in range(count)]
    return SampleList([Sample(name, "p", aerial=rgb, texts=(f"number {name}",), gps=gps) for name, rgb, gps in made])


def test_heads_on_a_tower_of_other_weights_are_refused(tmp_path):
    first, other = (clip_folder(tmp_path / name, seed) for seed, name in enumerate(("first", "other")))
    config = LandmarkConfig.preset(
        "tiny", image=f"open_clip/local-dir:{first}", text=f"open_clip/local-dir:{first}", novelty=0.0, nonsense=0.0
    )
    model = train_landmarks(samples_of(4), config, run_dir=tmp_path / "run")
    model.save(tmp_path / "m.safetensors")
    assert (tmp_path / "m.safetensors").stat().st_size < 200_000
    again = LandmarkModel.load(tmp_path / "m.safetensors")
    assert np.allclose(again.embed_texts(["a river"]), model.embed_texts(["a river"]), atol=0.02)
    for path in other.iterdir():
        (first / path.name).write_bytes(path.read_bytes())
    with pytest.raises(CheckpointError, match="same tower"):
        LandmarkModel.load(tmp_path / "m.safetensors")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_published_design_takes_a_step_at_its_own_sizes(tmp_path):
    config = LandmarkConfig.preset("paper", image_weights="random", text_weights="random", epochs=1, batch=4)
    model = train_landmarks(samples_of(4), config, run_dir=tmp_path / "run")
    assert model.embed_images([samples_of(1).get(0).aerial]).shape == (1, 512)
    assert sum(value.numel() for value in model.gps_tower.parameters()) > 9_000_000
