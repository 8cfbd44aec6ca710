"""Networks work on the device they lie on: nothing that they make on the way lies elsewhere.

There is no second device on most machines. So torch is told to put whatever is made without naming a device on `meta`,
which can't be mixed with the processor that the networks lie on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.correspondences.graph.config import PRESETS
from mlcore.correspondences.graph.matcher import GraphMatcher
from mlcore.correspondences.graph.model import GraphModel
from mlcore.correspondences.matcher import StructureMatcher
from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.search import SearchRange
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.assess import Assessment
from mlcore.region.model import RegionModel
from mlcore.weights import MATCHER_FILE
from tests.mlcore.changes.made_place import houses, write_image
from tests.mlcore.correspondences.test_matchers import texture
from tests.mlcore.region.test_assess import COLUMNS, ROWS, TILES, model_of


def matchers() -> Sequence[Matcher]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        graph = GraphMatcher(GraphModel(replace(PRESETS["tiny"], least_confidence=0.0)))
    return [StructureMatcher.load(MATCHER_FILE, SearchRange(180.0, (0.7, 1.3))), graph]


@pytest.mark.parametrize("number", [0, 1], ids=["structure", "graph"])
def test_a_matcher_makes_nothing_elsewhere(number: int) -> None:
    matcher, picture = matchers()[number], texture()
    plain = matcher.match(picture, picture)

    with torch.device("meta"):
        found = matcher.match(picture, picture)

    assert len(found) == len(plain) > 0
    assert np.array_equal(found.image_xy, plain.image_xy)


def test_a_region_s_scan_makes_nothing_elsewhere(tmp_path: Path) -> None:
    features = houses(COLUMNS, ROWS)
    image = open_image(write_image(tmp_path / "image.tif", features, COLUMNS, ROWS))
    source = PairSource(image, MapIndex(features[1:]))
    model, some = model_of(), TILES[:4]

    def scanned(name: str) -> Assessment:
        return model.scan(source, some, evidence_path=tmp_path / name)

    plain = scanned("plain.tif")
    with torch.device("meta"):
        found = scanned("meta.tif")

    assert {tile: result.probability for tile, result in found.results.items()} == {
        tile: result.probability for tile, result in plain.results.items()
    }


def test_a_file_is_read_onto_the_device_that_is_asked_for(tmp_path: Path) -> None:
    model_of().save(tmp_path / "model.safetensors")

    region = RegionModel.load(tmp_path / "model.safetensors", device="meta")
    matcher = StructureMatcher.load(MATCHER_FILE, device="meta")

    assert {fold.evidence.device.type for fold in region.folds} == {"meta"}
    assert {next(fold.consistency.parameters()).device.type for fold in region.folds} == {"meta"}
    assert matcher.device.type == "meta"
