"""Pictures are shown larger to a network, and what it says comes back on their own pixels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mlcore.evaluation.footprints import footprint_figures
from mlcore.evidence.enlarged import Enlarged, on_grid
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.place import fitted_place
from mlcore.evidence.prior import prior_shift
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew, Readout
from mlcore.evidence.writing import write_evidence
from mlcore.imagery.raster import open_image
from mlcore.learning.checkpoints import read_tensors, write_tensors
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.shipped import shipped_model
from tests.mlcore.changes.made_place import houses, tiles_of, write_image
from tests.mlcore.evidence.test_readout import SMALL

SIDE = 8  # tiles


@pytest.fixture
def network() -> PyramidEvidence:
    torch.manual_seed(3)
    return PyramidEvidence(SMALL).eval()


@pytest.mark.parametrize(("factor", "height", "width"), [(1.5, 96, 192), (2.0, 128, 256)])
def test_what_is_said_of_the_larger_picture_is_told_on_the_pixels_of_the_picture(
    network: PyramidEvidence, factor: float, height: int, width: int
):
    images = torch.rand(2, 3, 64, 128)
    with torch.inference_mode():
        larger = F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False)
        expected = F.interpolate(network(larger), size=(64, 128), mode="bilinear", align_corners=False, antialias=True)
        said = Enlarged(network, factor)(images)
        blank = ReadAnew(Enlarged(network, factor), Readout.blank(SMALL.widths))(images)
    assert said.shape == (2, 2, 64, 128)
    assert torch.allclose(said, expected, atol=1e-4)
    assert torch.allclose(blank, said, atol=1e-5)


def test_a_plane_of_one_value_keeps_it_on_every_grid():
    for sides in ((5, 7), (20, 28), (21, 30), (3, 4)):
        assert torch.allclose(on_grid(torch.full((1, 2, 5, 7), 0.3), sides), torch.full((1, 2, *sides), 0.3))


def test_larger_views_are_kept_in_a_file_and_made_ready_as_they_are(network: PyramidEvidence, tmp_path: Path):
    readout = Readout(tuple(torch.randn(width).numpy() for width in SMALL.widths), 0.8, 0.1)
    larger = Enlarged(network, 1.5)
    whole = EvidenceEnsemble([larger, ReadAnew(larger, readout), ReadAnew(network, readout), network])
    write_tensors(tmp_path / "evidence.safetensors", whole.state_dict(), {})
    again = EvidenceEnsemble.from_tensors(SMALL, read_tensors(tmp_path / "evidence.safetensors")[0])
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        said = whole.logits(images)
        for one, other in zip(said, again.logits(images), strict=True):
            assert torch.equal(one, other)
        for one, fast in zip(said, ready(whole, half=False).logits(images), strict=True):
            assert torch.allclose(one, fast, atol=1e-3)
    assert not torch.allclose(said[0], said[3], atol=1e-2)
    assert again.tuned is again.members[0].network


@pytest.mark.slow
def test_small_buildings_are_seen_enlarged_and_large_ones_as_they_are(tmp_path: Path):
    features, shipped = houses(SIDE, SIDE), shipped_model()
    assert shipped is not None
    voice = shipped.folds[0].evidence
    image = open_image(write_image(tmp_path / "image.tif", features, SIDE, SIDE))
    source, near = PairSource(image, MapIndex(features)), tiles_of(SIDE, SIDE)
    far = sorted({tile.parent(2) for tile in near})  # houses of 6 to 10 pixels

    assert fitted_place(voice, source, near[::4]).factor == 1
    place = fitted_place(voice, source, far)
    assert place.factor > 1
    assert fitted_place(voice, PairSource(image, MapIndex([])), near[::4]).factor == 1  # nothing to go by

    alone = voice.shifted(prior_shift(voice, source, far))
    f1 = []
    for number, ensemble_of in enumerate([place.ensemble_of, lambda _: alone]):
        path = tmp_path / f"{number}.tif"
        write_evidence(path, image, far, ensemble_of)
        f1.append(footprint_figures(source, EvidenceReader(path, far[0].z), far)["building_f1"])
    assert f1[0] > f1[1] + 0.02
