"""Evidence learnt elsewhere is fitted to how built-up the map says that a place is, and to nothing else of the map."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.prior import LIMIT, SAMPLE, prior_shift, sampled, shift_between
from mlcore.evidence.writing import predict, with_context
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from tests.mlcore.changes.made_place import houses, tiles_of, truth_ids, write_image

TINY = EvidenceConfig(widths=(8, 8, 12, 16))


def place(folder: Path, features: list) -> PairSource:
    return PairSource(open_image(write_image(folder / "image.tif", houses(2, 2), 2, 2)), MapIndex(features))


@pytest.fixture
def shy_network() -> EvidenceEnsemble:
    """Random features and a strong belief that nothing is built-up."""
    torch.manual_seed(3)
    model = EvidenceModel(TINY).eval()
    with torch.no_grad():
        model.head.bias.fill_(-3.0)
    return EvidenceEnsemble([model])


def test_evidence_covers_as_much_as_the_map_once_it_is_shifted(tmp_path, shy_network):
    source, tiles = place(tmp_path, houses(2, 2)), tiles_of(2, 2)
    shift = prior_shift(shy_network, source, tiles)
    assert shift > 1
    inner = slice(32, -32)
    views = [with_context(source.reader, tile).rgb[None] for tile in tiles]
    mean = sum(float(predict(shy_network.shifted(shift), view)[0, 0, inner, inner].mean()) for view in views) / 4
    assert mean == pytest.approx((truth_ids(houses(2, 2), 2, 2) > 0).mean(), abs=0.02)


def test_the_order_of_pixels_and_the_outlines_stay_as_they_were(tmp_path, shy_network):
    source = place(tmp_path, houses(2, 2))
    view = with_context(source.reader, tiles_of(2, 2)[0]).rgb[None]
    before, after = predict(shy_network, view), predict(shy_network.shifted(2.0), view)
    assert (after[:, 0] > before[:, 0]).all()
    assert (before[0, 0].ravel().argsort(stable=True) == after[0, 0].ravel().argsort(stable=True)).mean() > 0.99
    assert (after[:, 1] == before[:, 1]).all()


def test_a_map_without_buildings_and_no_tiles_shift_nothing(tmp_path, shy_network):
    assert prior_shift(shy_network, place(tmp_path, []), tiles_of(2, 2)) == 0.0
    assert prior_shift(shy_network, place(tmp_path, houses(2, 2)), []) == 0.0


def test_the_shift_is_bounded(tmp_path):
    model = EvidenceModel(TINY).eval()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(-30.0)
    assert prior_shift(EvidenceEnsemble([model]), place(tmp_path, houses(2, 2)), tiles_of(2, 2)) == pytest.approx(
        LIMIT, abs=1e-3
    )


@pytest.mark.parametrize("count", [1, 31, 32, 33, 40, 63, 64, 500])
def test_tiles_are_spread_evenly_over_all_of_them(count: int):
    tiles = tiles_of(count, 1)
    some = sampled(tiles)
    assert len(some) == len(set(some)) == min(SAMPLE, count)
    gaps = np.diff([0, *(tiles.index(one) for one in some), count])
    assert gaps.max() <= -(-count // SAMPLE)


def test_buildings_that_the_map_lacks_hardly_make_the_evidence_shyer():
    rng = np.random.default_rng(0)
    true = rng.random(20_000) < 0.3
    evidence = expit(np.where(true, 3.0, -3.0) + rng.normal(0, 1, true.size))
    stale = true & (rng.random(true.size) < 0.6)
    complete, lacking = shift_between(evidence, true), shift_between(evidence, stale)
    by_shares_alone = next(by for by in np.arange(0, -4, -0.05) if expit(logit(evidence) + by).mean() < stale.mean())
    assert abs(lacking - complete) < 0.75 * abs(by_shares_alone - complete)
