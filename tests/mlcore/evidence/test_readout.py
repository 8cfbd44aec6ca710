"""A readout is the penalised logistic regression that it says it is, and is applied as it was fitted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize
from sklearn.metrics import roc_auc_score

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import PENALTY, ReadAnew, Readout, channels_at, fitted_readout

SMALL = EvidenceConfig(encoder="efficientnet_lite0", encoder_weights="random", widths=(8, 8, 12, 16))


def pixels(seed: int, count: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Channels of which the second knows what the network does not, logits, and the map's share of a building."""
    rng = np.random.default_rng(seed)
    channels = rng.normal(2.0, 3.0, (count, 5)).astype(np.float32)
    logits = rng.normal(-1, 2, count).astype(np.float32)
    chance = 1 / (1 + np.exp(-(logits + 0.8 * (channels[:, 1] - 2))))
    return channels, logits, (rng.random(count) < chance).astype(np.float32)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16), st.floats(-3, 3))
def test_no_other_readout_has_a_lower_penalised_loss(seed: int, shift: float) -> None:
    channels, logits, drawn = pixels(seed)
    found = fitted_readout(channels, logits, drawn, [2, 3], shift)
    spread = channels.std(axis=0) + 1e-3

    def loss(values: np.ndarray) -> float:
        said = channels @ (values[:5] / spread) + values[5] * logits + values[6]
        told = np.logaddexp(0, said) - drawn * said
        return float(told.mean() + PENALTY * ((values[:5] ** 2).sum() + (values[5] - 1) ** 2))

    here = np.array([*(np.concatenate(found.weights) * spread), found.scale, found.bias])
    best = minimize(loss, here, method="BFGS")
    assert loss(here) <= best.fun + 2e-4
    assert check_grad(loss, lambda _: np.zeros(7), here) < 2e-2


def test_what_a_channel_knows_is_read_and_nothing_is_read_from_noise() -> None:
    channels, logits, drawn = pixels(1)
    weights = np.concatenate(fitted_readout(channels, logits, drawn, [5]).weights)
    assert abs(weights[1]) > 5 * np.abs(np.delete(weights, 1)).max()
    said = logits + channels @ weights
    assert roc_auc_score(drawn, said) > roc_auc_score(drawn, logits) + 0.05


def test_a_readout_is_applied_to_the_channels_that_it_was_fitted_on() -> None:
    torch.manual_seed(0)
    network = PyramidEvidence(SMALL).eval()
    rng = np.random.default_rng(0)
    readout = Readout(tuple(rng.normal(size=width).astype(np.float32) for width in SMALL.widths), 0.7, -0.3)
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        levels = network.levels(images)
        said, anew = network(images), ReadAnew(network, readout)(images)
    for number in range(2):
        one = [level[number : number + 1] for level in levels]
        channels = channels_at(one, (32, 48), np.indices((32, 48)).reshape(2, -1))
        added = torch.from_numpy(channels @ np.concatenate(readout.weights)).reshape(32, 48)

        expected = 0.7 * said[number, 0] - 0.3 + added.repeat_interleave(2, 0).repeat_interleave(2, 1)
        assert channels.shape == (32 * 48, sum(SMALL.widths))
        assert torch.allclose(anew[number, 0], expected, atol=1e-4)
    assert torch.equal(anew[:, 1], said[:, 1])


def test_the_mean_of_readouts_says_the_mean_of_their_logits() -> None:
    one = Readout((np.array([1.0, 2.0]), np.array([3.0])), 1.0, 0.5)
    other = Readout((np.array([3.0, 0.0]), np.array([-1.0])), 0.5, -0.5)
    both = Readout.mean_of([one, other])
    assert [part.tolist() for part in both.weights] == [[2.0, 1.0], [1.0]]
    assert (both.scale, both.bias) == (pytest.approx(0.75), 0.0)
