"""A scan on several cores finds what it finds on one, and neither networks nor helpers do more than they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from mlcore.changes.classifiers import FOOTPRINT_CLASSES, ChangeClassifier, Classifier
from mlcore.changes.untraced import FOOTPRINT_FIGURES
from mlcore.changes.usual import STRANGE
from mlcore.cores import Cores
from mlcore.errors import StoppedError
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.place import fitted_place
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.writing import write_evidence
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.assess import Assessment
from mlcore.region.model import RegionModel
from tests.mlcore.changes.made_place import houses, tiles_of, write_image
from tests.mlcore.evidence.test_readout import SMALL
from tests.mlcore.region.test_assess import model_of

COLUMNS, ROWS = 6, 5
TILES = tiles_of(COLUMNS, ROWS)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PairSource:
    """A place whose map lacks some houses."""
    true = houses(COLUMNS, ROWS)
    image = open_image(write_image(tmp_path_factory.mktemp("place") / "image.tif", true, COLUMNS, ROWS))
    return PairSource(image, MapIndex([feature for number, feature in enumerate(true) if number % 9]))


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def general_model() -> RegionModel:
    """Of one fold that fits any place; what it knows of buildings is that roofs are bright."""
    made = model_of()
    return RegionModel(made.config, made.folds[:1], {}, {}, zoom=TILES[0].z)


def strange_model() -> RegionModel:
    """General, with features that are weighed anew by any place's map, and nothing learnt of them."""
    made = model_of()
    torch.manual_seed(5)
    fold = replace(made.folds[0], evidence=EvidenceEnsemble([PyramidEvidence(SMALL)]))
    return RegionModel(made.config, [fold], {}, {}, zoom=TILES[0].z)


def asking_model() -> RegionModel:
    """General, and asks what is usual in a place."""
    made = model_of()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        footprint = Classifier(len(FOOTPRINT_FIGURES) + len(STRANGE), len(FOOTPRINT_CLASSES))
        for weight in footprint.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    fold = replace(made.folds[0], classifier=ChangeClassifier(footprint, made.folds[0].classifier.ground))
    return RegionModel(made.config, [fold], {}, {}, zoom=TILES[0].z)


def told(found: Assessment) -> list[tuple[object, ...]]:
    return [(one.kind, one.key, one.tile, one.geometry.wkb, one.confidence, one.evidence) for one in found.candidates]


MODELS = {"region": model_of, "general": general_model, "readout": strange_model, "usual": asking_model}


@pytest.mark.parametrize("model", [make() for make in MODELS.values()], ids=MODELS)
def test_two_and_three_cores_find_what_one_finds(source: PairSource, tmp_path: Path, model: RegionModel, threads: None):
    found = {}
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        found[count] = model.scan(source, TILES, evidence_path=tmp_path / f"{count}.tif")
        assert torch.get_num_threads() == count

    assert len(found[1].candidates) > 5
    for count in (2, 3):
        assert told(found[count]) == told(found[1])
        assert found[count].results == found[1].results
        assert repr(found[count].usual) == repr(found[1].usual)
        assert (tmp_path / f"{count}.tif").read_bytes() == (tmp_path / "1.tif").read_bytes()


class StopAt:
    """Asks to stop once some work reports itself."""

    def __init__(self, message: str) -> None:
        self.message, self.reached = message, False

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        assert 0 <= fraction <= 1.0001
        self.reached = self.reached or message == self.message

    def should_stop(self) -> bool:
        return self.reached


@pytest.mark.parametrize("message", ["registration of image and map", "scoring tiles", "comparing evidence and map"])
def test_a_scan_on_two_cores_stops_where_it_is_asked_to(
    source: PairSource, tmp_path: Path, message: str, threads: None
):
    torch.set_num_threads(2)
    with pytest.raises(StoppedError):
        model_of().scan(source, TILES, evidence_path=tmp_path / "e.tif", progress=StopAt(message))

    assert torch.get_num_threads() == 2


def test_helpers_need_no_pytorch():
    code = "import sys, mlcore.region.blocks, mlcore.changes.registration; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tiles_that_the_prior_was_fitted_on_are_written_as_if_they_were_looked_at_anew(
    source: PairSource, tmp_path: Path
):
    whole = ready(EvidenceEnsemble.mean_of([fold.evidence for fold in model_of().folds]))
    place = fitted_place(whole, source, TILES)
    assert len(place.seen) == len(TILES)

    write_evidence(tmp_path / "anew.tif", source.reader, TILES, place.ensemble_of)
    write_evidence(tmp_path / "seen.tif", source.reader, TILES, place.ensemble_of, seen=place.seen)

    with rasterio.open(tmp_path / "anew.tif") as anew, rasterio.open(tmp_path / "seen.tif") as known:
        apart = np.abs(anew.read().astype(int) - known.read())
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3


def test_plain_verdicts_are_those_of_the_network():
    classifier = model_of().folds[0].classifier
    figures = np.random.default_rng(0).normal(size=(50, 17)) * 5
    with torch.no_grad():
        logits = classifier.footprint(torch.from_numpy(figures.astype(np.float32)))

    plain = classifier.plain().footprint_chances(figures)

    assert plain == pytest.approx(torch.softmax(logits, dim=1).numpy(), abs=1e-6)
    assert isinstance(classifier, ChangeClassifier)
    assert np.array_equal(plain[7:9], classifier.footprint_chances(figures[7:9]))  # whatever rows stand beside it


def test_one_core_starts_no_process(source: PairSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: None):
    torch.set_num_threads(1)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert model_of().scan(source, TILES, evidence_path=tmp_path / "e.tif").candidates
    assert Cores().count == 1
