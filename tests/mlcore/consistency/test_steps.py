"""A step in parts has the gradients of the whole batch, and half precision, layouts and compilation train alike."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from mlcore.consistency.batches import Batch, PairBatches
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.consistency.stages import anchor_vectors, cell_vectors, contrastive_losses, matching_losses
from mlcore.consistency.steps import Stepper, kept_buffers, training_precision
from mlcore.consistency.training import train_consistency
from mlcore.encoders.text import HashedTextEncoder
from mlcore.errors import ConfigError
from mlcore.learning.processes import Processes
from tests.mlcore.consistency.samples import make_anchors, make_pairs

BATCH = 8
PAIRS = make_pairs(BATCH, size=64)


def config(**changes) -> ConsistencyConfig:
    """The tiny network on a machine that computes as exactly as it can."""
    return ConsistencyConfig.preset("tiny", **{"batch": BATCH, "precision": "float32", "prototypes": 6, **changes})


def batch_of(settings: ConsistencyConfig) -> Batch:
    return PairBatches(PAIRS, settings).make(np.arange(BATCH), np.random.default_rng(4), edited=True, augment=True)


def gradients(settings: ConsistencyConfig, stage: str) -> tuple[dict, dict, dict]:
    """Gradients, figures and running statistics after one step; the learning rate is 0."""
    torch.manual_seed(0)
    model = ConsistencyModel(settings)
    model(*(torch.rand(4, 3, 64, 64) for _ in range(2)))
    model.train()
    stepper = Stepper(
        model, torch.optim.SGD(model.parameters(), 0.0), Processes(), frozen=settings.freeze_encoders,
        edited=stage == "matching" and settings.edited_negatives,
    )  # fmt: skip
    stepper.prepare()
    texts = anchor_vectors([pair.tile for pair in PAIRS], make_anchors(PAIRS), HashedTextEncoder(settings.dimension))

    def losses(seen, batch):
        if stage == "matching":
            return matching_losses(model, seen, batch, 3)
        return contrastive_losses(model, seen, batch, texts[batch.index], cell_vectors())

    figures = stepper.take(batch_of(settings), losses)
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    return found, figures, dict(model.named_buffers())


def largest_difference(first: dict, second: dict) -> float:
    assert set(first) == set(second)
    scale = max(float(gradient.abs().max()) for gradient in first.values())
    return max(float((first[name] - second[name]).abs().max()) for name in first) / scale


@pytest.mark.parametrize("stage", ["contrastive", "matching"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"spatial": False, "anchors": "tiles"}, {"anchors": "none"}, {"anchors": "cells"}, {"freeze_encoders": True}],
)
@pytest.mark.parametrize("parts", [2, 8])
def test_a_batch_in_parts_has_the_gradients_of_the_whole_batch(stage, changes, parts):
    whole, figures, _ = gradients(config(batch_norm="frozen", **changes), stage)
    cut, figures_of_parts, _ = gradients(config(batch_norm="frozen", accumulate=parts, **changes), stage)
    assert largest_difference(whole, cut) < 1e-4
    assert figures_of_parts == pytest.approx(figures, rel=1e-4, abs=1e-6)


def test_the_sum_of_small_batches_would_be_another_loss():
    """Why a contrastive loss can't simply be accumulated: half the batch has half the negatives."""
    torch.manual_seed(0)
    model, settings = ConsistencyModel(config(mask_identical=False)).eval(), config()
    batch, texts = batch_of(settings), torch.nn.functional.normalize(torch.randn(BATCH, settings.dimension), dim=1)
    from mlcore.consistency.stages import encode_pairs

    with torch.inference_mode():

        def loss(rows: slice) -> float:
            part = Batch(*(getattr(batch, field.name)[rows] for field in fields(Batch)))
            seen = encode_pairs(part, model.image_encoder, model.map_encoder)
            return float(contrastive_losses(model, seen, part, texts[rows], cell_vectors())["contrastive_loss"])

        assert (loss(slice(0, 4)) + loss(slice(4, 8))) / 2 < loss(slice(0, 8)) - 0.2


def test_running_statistics_count_a_batch_in_parts_once():
    _, _, before = gradients(config(batch_norm="frozen"), "contrastive")
    _, _, whole = gradients(config(), "contrastive")
    _, _, cut = gradients(config(accumulate=2), "contrastive")
    counted = [name for name in whole if name.endswith("num_batches_tracked")]
    assert {int(whole[name] - before[name]) for name in counted} == {1}
    assert {int(cut[name] - before[name]) for name in counted} == {2}


def test_buffers_are_put_back_even_after_an_error():
    norm = torch.nn.BatchNorm1d(3)
    with pytest.raises(RuntimeError, match="on the way"), kept_buffers([norm]):
        norm(torch.randn(4, 3))
        raise RuntimeError("on the way")
    assert int(norm.num_batches_tracked) == 0 and not norm.running_mean.any()


def test_bfloat16_has_about_the_losses_of_float32():
    for stage in ("contrastive", "matching"):
        _, exact, _ = gradients(config(), stage)
        _, half, _ = gradients(config(precision="bfloat16"), stage)
        assert half == pytest.approx(exact, rel=0.05) and half != exact


def test_the_memory_layout_does_not_change_the_gradients():
    first, _, _ = gradients(config(batch_norm="frozen"), "contrastive")
    second, _, _ = gradients(config(batch_norm="frozen", channels_last=False), "contrastive")
    assert largest_difference(first, second) < 1e-3


@pytest.mark.slow
def test_compiled_encoders_have_the_gradients_of_plain_ones():
    plain, _, _ = gradients(config(batch_norm="frozen"), "contrastive")
    compiled, _, _ = gradients(config(batch_norm="frozen", compile="aot_eager"), "contrastive")
    assert largest_difference(plain, compiled) < 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="float16 is trained on CUDA alone, and there is none here")
def test_float16_with_a_scaled_loss_trains_on_cuda(tmp_path):
    settings = config(precision="float16")
    model = train_consistency(
        PAIRS, make_anchors(PAIRS), settings, validation=PAIRS[:3], run_dir=tmp_path, device="cuda"
    )
    assert np.isfinite(score_held(model, PAIRS).final).all()


def test_what_the_machine_can_not_do_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match="bfloat16"):
        training_precision(config(precision="float16"), "cpu")
    with pytest.raises(ConfigError, match="must be one of"):
        config(precision="float8")
    with pytest.raises(ConfigError, match="equal parts"):
        config(accumulate=3)
    three = Processes()
    three.count = 3
    with pytest.raises(ConfigError, match="multiple of 3"):
        train_consistency(PAIRS, make_anchors(PAIRS), config(), validation=[], run_dir=tmp_path, processes=three)


@pytest.mark.parametrize("changes", [{"accumulate": 4}, {"schedule": "constant"}, {"augment": False}])
def test_every_option_trains_to_a_model_that_scores(tmp_path, changes):
    model = train_consistency(PAIRS, make_anchors(PAIRS), config(**changes), validation=PAIRS[:3], run_dir=tmp_path)
    assert np.isfinite(score_held(model, PAIRS).final).all()
