"""A tiny Qwen2.5-VL in the real format, run here: batched, held to the schema, safe to load."""

import json
import shutil

import pytest
import torch
from PIL import Image

from mlcore.anchors.generators.base import GeneratorError
from mlcore.anchors.generators.checkpoint import find_checkpoint, weights_digest
from mlcore.anchors.generators.local import TransformersGenerator
from mlcore.anchors.prompt import load_prompt
from mlcore.anchors.schema import MAX_SUMMARY_WORDS, parse_anchor
from mlcore.errors import ConfigError
from tests.mlcore.anchors.generators.sources import Noise, never, tiles
from tests.tiny_mllm import make_tiny_qwen


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_qwen(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def generator(tiny):
    return TransformersGenerator(str(tiny), batch=2, side_px=28)


def test_a_randomly_initialised_model_writes_valid_anchors_in_batches(generator):
    found = list(generator.describe(tiles(3), Noise(), never))
    assert [one.tile for one in found] == tiles(3)
    for one in found:
        assert parse_anchor(one.anchor.to_dict()) == one.anchor
        assert len(one.anchor.summary.split()) <= MAX_SUMMARY_WORDS
        assert one.tokens_in > 300 and one.tokens_out > 20 and one.tries == 1


def test_any_random_weights_write_valid_anchors(tmp_path):
    for seed in (1, 2):
        folder = make_tiny_qwen(tmp_path / str(seed), seed=seed)
        one = next(TransformersGenerator(str(folder), side_px=28).describe(tiles(1), Noise(), never))
        assert one.anchor is not None


def test_a_tile_is_described_alike_alone_and_in_a_batch(generator):
    together = list(generator.describe(tiles(2), Noise(), never))
    alone = [next(generator.describe([tile], Noise(), never)) for tile in tiles(2)]
    assert [one.anchor for one in together] == [one.anchor for one in alone]


def test_image_and_map_are_both_in_the_one_prompt(generator):
    conversation = generator._conversation(Image.new("RGB", (28, 28)), Image.new("RGB", (28, 28)))
    kinds = [part["type"] for part in conversation[1]["content"]]
    assert kinds == ["image", "image", "text"]
    assert conversation[1]["content"][2]["text"] == load_prompt().user


def test_where_an_anchor_comes_from_is_told(generator, tiny):
    origin, prompt = generator.origin, load_prompt()
    assert (origin.generator, origin.model, origin.model_digest) == ("transformers", tiny.name, weights_digest(tiny))
    assert (origin.prompt_version, origin.prompt_digest) == (prompt.version, prompt.digest)


def test_other_weights_have_another_digest(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "copy")
    assert weights_digest(copy) == weights_digest(tiny)
    settings = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**settings, "temperature": 0.5}))
    assert weights_digest(copy) != weights_digest(tiny)


def test_a_stop_is_heard_between_batches(generator):
    asked = iter([False, True])
    assert len(list(generator.describe(tiles(6), Noise(), lambda: next(asked)))) == 2


def test_pickled_weights_are_refused_unread(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "pickled")
    (copy / "model.safetensors").unlink()
    torch.save({"w": torch.zeros(1)}, copy / "pytorch_model.bin")
    with pytest.raises(GeneratorError, match="no safetensors"):
        TransformersGenerator(str(copy))


def test_code_that_a_checkpoint_brings_is_not_run(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "code")
    canary = tmp_path / "ran"
    (copy / "modeling_evil.py").write_text(f"open({str(canary)!r}, 'w')\nclass Evil: pass\n")
    settings = json.loads((copy / "config.json").read_text())
    remote = {"AutoConfig": "modeling_evil.Evil", "AutoModelForImageTextToText": "modeling_evil.Evil"}
    (copy / "config.json").write_text(json.dumps({**settings, "model_type": "evil", "auto_map": remote}))
    with pytest.raises(GeneratorError):
        TransformersGenerator(str(copy))
    assert not canary.exists()


def test_a_folder_that_is_no_model_or_not_there_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(GeneratorError, match="no folder"):
        find_checkpoint(str(tmp_path / "missing"))
    with pytest.raises(GeneratorError, match=r"config\.json"):
        find_checkpoint(str(tmp_path))
    with pytest.raises(GeneratorError, match="neither a folder nor a hub name"):
        find_checkpoint("not a name//at all")


@pytest.mark.parametrize("settings", [{"batch": 0}, {"side_px": 10}, {"prompt_version": "../1"}])
def test_settings_out_of_range_are_refused_before_anything_loads(settings):
    with pytest.raises(ConfigError):
        TransformersGenerator("nowhere", **settings)
