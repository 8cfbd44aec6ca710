"""Two networks as one: their probabilities are mixed, and the share is what explains unseen pixels best."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.evidence.blend import BlendedEvidence, best_share, network_from_tensors, tuned_part
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import predict

TINY = EvidenceConfig(widths=(8, 8, 12, 16))
IMAGES = np.random.default_rng(4).integers(0, 255, (2, 64, 64, 3), np.uint8)


def network(seed: int) -> EvidenceModel:
    torch.manual_seed(seed)
    return EvidenceModel(TINY).eval()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_probabilities_are_mixed_and_the_start_has_its_prior_moved(share: float) -> None:
    tuned, start = network(1), network(2)
    pool = share * predict([tuned], IMAGES) + (1 - share) * predict([start], IMAGES, prior_shift=1.5)

    found = predict([BlendedEvidence(tuned, start, share, 1.5).eval()], IMAGES)

    np.testing.assert_allclose(found, pool, atol=2e-6)


def test_a_blend_comes_back_from_its_tensors() -> None:
    blend = BlendedEvidence(network(1), network(2), 0.4, -0.7).eval()

    again = network_from_tensors(TINY, blend.state_dict())

    assert isinstance(again, BlendedEvidence)
    np.testing.assert_array_equal(predict([again], IMAGES), predict([blend], IMAGES))
    plain = network_from_tensors(TINY, network(1).state_dict())
    assert isinstance(plain, EvidenceModel)
    assert tuned_part(again) is again.tuned and tuned_part(plain) is plain


@given(seed=st.integers(0, 50), truth=st.floats(0.05, 0.95))
def test_the_share_is_the_one_that_made_the_labels(seed: int, truth: float) -> None:
    rng = np.random.default_rng(seed)
    tuned, start = rng.uniform(0.02, 0.98, (2, 40_000))
    drawn = rng.random(40_000) < truth * tuned + (1 - truth) * start

    assert best_share(tuned, start, drawn) == pytest.approx(truth, abs=0.06)


def test_a_network_that_knows_more_gets_more_and_nothing_to_go_by_trusts_the_tuned_one() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.random(5000) < 0.3
    good, blind = np.where(drawn, 0.9, 0.1), np.full(5000, 0.3)

    assert best_share(good, blind, drawn) > 0.9
    assert best_share(blind, good, drawn) < 0.1
    assert best_share(*np.zeros((2, 0)), np.zeros(0, bool)) == 1.0
