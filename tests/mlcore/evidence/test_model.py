"""The evidence network: shapes, settings and labels."""

import numpy as np
import pytest
import torch
from shapely.geometry import Polygon, box

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.writing import predict
from mlcore.maps.labels import draw_ids, outlines_of

SMALL = EvidenceConfig(widths=(8, 8, 12, 16))


def test_logits_have_the_size_of_the_image() -> None:
    assert EvidenceModel(SMALL)(torch.rand(2, 3, 64, 96)).shape == (2, 2, 64, 96)


def test_sides_that_do_not_divide_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInputError, match="multiples of 16"):
        EvidenceModel(SMALL)(torch.rand(1, 3, 60, 64))


def test_the_compact_network_ships_in_under_five_megabytes() -> None:
    assert sum(p.numel() for p in EvidenceModel().parameters()) * 4 < 5_000_000


def test_mirrored_views_make_the_prediction_symmetric() -> None:
    torch.manual_seed(0)
    model = EvidenceModel(SMALL).eval()
    image = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3)).astype(np.uint8)

    plain = predict(EvidenceEnsemble([model]), image, flips=4)
    mirrored = predict(EvidenceEnsemble([model]), image[:, :, ::-1], flips=4)[:, :, :, ::-1]

    np.testing.assert_allclose(plain, mirrored, atol=1e-5)


def test_several_models_are_averaged() -> None:
    torch.manual_seed(0)
    first, second = EvidenceModel(SMALL).eval(), EvidenceModel(SMALL).eval()
    image = np.random.default_rng(0).integers(0, 255, (1, 32, 32, 3)).astype(np.uint8)

    both = predict(EvidenceEnsemble([first, second]), image)

    np.testing.assert_allclose(
        both, (predict(EvidenceEnsemble([first]), image) + predict(EvidenceEnsemble([second]), image)) / 2, atol=1e-6
    )


@pytest.mark.parametrize("values", [{"widths": (8, 8, 8)}, {"crop_px": 100}, {"epochs": 0}, {"colour": 1}])
def test_wrong_settings_are_refused(values: dict) -> None:
    with pytest.raises(ConfigError):
        EvidenceConfig.from_dict(values)


def test_settings_survive_a_round_trip() -> None:
    assert EvidenceConfig.from_dict(SMALL.to_dict()) == SMALL


def test_footprints_are_painted_with_their_numbers_and_courtyards_stay_bare() -> None:
    court = Polygon(box(2, 2, 18, 18).exterior, [box(6, 6, 12, 12).exterior])

    ids = draw_ids([(1, court), (2, box(18, 2, 26, 18))], 20, 30)

    assert (ids[3:17, 3:5] == 1).all()
    assert (ids[7:11, 7:11] == 0).all()
    assert (ids[4:16, 20:25] == 2).all()


def test_a_wall_shared_by_two_houses_is_an_outline() -> None:
    ids = np.zeros((10, 20), np.int32)
    ids[2:8, 2:10], ids[2:8, 10:18] = 1, 2

    outline = outlines_of(ids)

    assert outline[5, 9]
    assert outline[5, 10]
    assert not outline[5, 5]
