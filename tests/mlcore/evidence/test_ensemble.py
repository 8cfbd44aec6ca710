"""Networks as one voice: their probabilities are mixed, and the share is what explains unseen pixels best."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import CheckpointError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble, best_share
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.writing import predict

TINY = EvidenceConfig(widths=(8, 8, 12, 16))
IMAGES = np.random.default_rng(4).integers(0, 255, (2, 64, 64, 3), np.uint8)


def network(seed: int) -> EvidenceModel:
    torch.manual_seed(seed)
    return EvidenceModel(TINY).eval()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_probabilities_are_mixed_and_the_start_has_its_prior_moved(share: float) -> None:
    tuned, start = network(1), network(2)
    alone, moved = EvidenceEnsemble([tuned]), EvidenceEnsemble([start]).shifted(1.5)
    pool = share * predict(alone, IMAGES) + (1 - share) * predict(moved, IMAGES)

    found = predict(EvidenceEnsemble([tuned, start], [share, 1 - share], [0.0, 1.5]), IMAGES)

    np.testing.assert_allclose(found, pool, atol=2e-6)


def test_an_ensemble_of_one_says_what_its_network_says() -> None:
    batch = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        said = torch.sigmoid(network(1)(batch)).numpy()

    np.testing.assert_array_equal(predict(EvidenceEnsemble([network(1)]), IMAGES), said)


def test_the_mean_of_ensembles_keeps_shares_and_priors() -> None:
    first = EvidenceEnsemble([network(1), network(2)], [0.7, 0.3], [0.0, -0.5])
    second = EvidenceEnsemble([network(3)], [1.0], [0.8])

    found = predict(EvidenceEnsemble.mean_of([first, second]), IMAGES, flips=4)

    np.testing.assert_allclose(found, (predict(first, IMAGES, 4) + predict(second, IMAGES, 4)) / 2, atol=2e-6)


def test_an_ensemble_comes_back_from_its_tensors_and_a_single_network_from_its_own() -> None:
    ensemble = EvidenceEnsemble([network(1), network(2)], [0.4, 0.6], [0.0, -0.7])

    again = EvidenceEnsemble.from_tensors(TINY, ensemble.state_dict())
    plain = EvidenceEnsemble.from_tensors(TINY, network(1).state_dict())

    np.testing.assert_array_equal(predict(again, IMAGES), predict(ensemble, IMAGES))
    assert (float(again.weights[0]), float(plain.weights[0])) == (pytest.approx(0.4), 1.0)
    np.testing.assert_array_equal(predict(plain, IMAGES), predict(EvidenceEnsemble([ensemble.tuned]), IMAGES))


def test_tensors_of_another_version_say_to_train_again() -> None:
    blended = {f"tuned.{name}": tensor for name, tensor in network(1).state_dict().items()}
    with pytest.raises(CheckpointError, match="train the region again"):
        EvidenceEnsemble.from_tensors(TINY, {**blended, "share": torch.tensor(0.5)})


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
