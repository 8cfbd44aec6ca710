"""A map that is drawn beside its image is read where the image shows it: by scores, and by what is learnt."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely.affinity

from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource
from mlcore.progress import SilentProgress
from mlcore.region.registered import registered
from mlcore.region.shipped import shipped_model
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image, write_perfect_evidence
from tests.mlcore.region.test_assess import model_of

EAST_DEGREES = 4e-5
"""About four metres at the equator."""


def beside(features: list) -> MapIndex:
    """The same map, drawn further west as a whole."""
    return MapIndex(
        [replace(one, geometry=shapely.affinity.translate(one.geometry, -EAST_DEGREES, 0)) for one in features]
    )


def test_scores_see_the_map_where_the_image_shows_it(tmp_path: Path) -> None:
    true, tiles = houses(2, 2), tiles_of(2, 2)
    image = open_image(write_image(tmp_path / "image.tif", true, 2, 2))
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "evidence.tif", true, 2, 2), CORNER.z)
    model = model_of()
    right, off = PairSource(image, MapIndex(true)), PairSource(image, beside(true))

    found, wanted = (model.assess(source, evidence, tiles).results for source in (off, right))

    moved_m = EAST_DEGREES * 111_320 * math.cos(math.radians(tiles[0].bounds_lonlat[1]))
    assert [found[tile].shift_east_m for tile in tiles] == pytest.approx([moved_m] * len(tiles), abs=0.3)
    unmoved = model.consistency_scores(off, tiles)
    near = np.array([abs(found[tile].final - wanted[tile].final) for tile in tiles])
    far = np.array([abs(unmoved[tile][2] - wanted[tile].final) for tile in tiles])
    assert near.mean() < 0.25 * far.mean()


def test_a_training_learns_the_map_where_people_verified_it_else_where_the_start_sees_it(tmp_path: Path) -> None:
    folder = write_town(generate_town(TownConfig(columns=3, rows=3, changed_share=0, error_share=0)), tmp_path / "town")
    features = read_map(folder / "map.osm").features
    image = open_image(folder / "imagery.tif")
    tiles = PairSource(image, MapIndex(features)).tiles(19)
    start = shipped_model().folds[0].evidence.tuned

    known = Known({tiles[-1]: Shift(-7.0, 5.0, 0.95, "verified")})
    source = PairSource(image, beside(features))
    found = registered(source, tiles, start, tmp_path / "start.tif", SilentProgress(), known)

    assert found.transforms[tiles[-1]].parameters.tolist() == [-7.0, 5.0]
    shift = found.transforms[tiles[0]].parameters * tiles[0].resolution_m()
    moved_m = EAST_DEGREES * 111_320 * math.cos(math.radians(tiles[0].bounds_lonlat[1]))
    assert shift == pytest.approx([moved_m, 0], abs=0.75)
