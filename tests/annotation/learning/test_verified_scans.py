"""What people verified of map scans: learnt, kept and compared on by its place, as that of a region's own map."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.learning import engine
from annotation.learning.card import model_card
from annotation.learning.engine.matcher_data import about_matcher, thawed
from annotation.learning.engine.matchers import grounds_of
from annotation.learning.errors import DataSetChangedError
from annotation.learning.models import MATCHER, DataSet, ModelVersion, TrainingRun
from annotation.learning.overview import matchers_ahead
from annotation.learning.services.verified import freeze_held_out, freeze_learnt
from annotation.tiles.engine import tile_address
from mlcore.correspondences.classical import ClassicalMatcher
from mlcore.correspondences.scanned import ScannedSource
from mlcore.correspondences.tuning import TuningConfig
from mlcore.correspondences.verified import BLOCK_PX, ScannedGround, block_of, is_held_out
from mlcore.evaluation.compare_matchers import blocks_of, score_matcher
from mlcore.progress import SilentProgress
from tests.annotation.correspondences.place import SCAN_SHIFT_PX, matched_place, scan_of, scan_proposal
from tests.annotation.learning.matched import COLUMNS, HELD_OUT, ROWS, propose, verify
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
TILES = COLUMNS * ROWS


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def scan():
    """A scan with a verified pair on every tile, two of them corrected; of the region's own map one is verified."""
    region, imagery, _ = matched_place(columns=COLUMNS, rows=ROWS)
    scan, pairs = scan_of(imagery), list(imagery.pairs.order_by("pk"))
    for pair in pairs:
        scan_proposal(scan, pair.tile)
    verify(region, [UserFactory()])
    propose(next(pair for pair in pairs if not engine.held_out(tile_address(pair.tile))))
    verify(region, [UserFactory()])
    return scan


def in_use(data_set: DataSet) -> ModelVersion:
    run = TrainingRun.objects.create(kind=MATCHER, region=None, data_set=data_set)
    told = {"about": about_matcher(run), "path": "m.safetensors", "sha256": "0" * 64}
    return ModelVersion.objects.create(kind=MATCHER, region=None, run=run, state="active", **told)


def test_a_scan_s_verified_pairs_are_learnt_or_held_out_by_their_place_and_its_digest_is_told(scan):
    learnt, kept = freeze_learnt(), freeze_held_out()
    sources, tiles = thawed(learnt)
    assert [isinstance(one, ScannedSource) for one in sources] == [False, True]
    of_scan = [one for one in tiles if one.source == 1]
    assert (len(tiles), len(of_scan)) == (TILES - HELD_OUT + 1, TILES - HELD_OUT)
    assert not any(is_held_out(block_of(one.tile)) for one in tiles)
    assert {tuple(one.transform.parameters.tolist()) for one in of_scan} == {SCAN_SHIFT_PX}
    _, others = thawed(kept)
    assert len(others) == HELD_OUT and all(is_held_out(block_of(one.tile)) for one in others)
    told = learnt.payload["sources"][1]["map"]
    assert (told["sha256"], told["licence"], told["scan"]) == (scan.sha256, "ODbL-1.0", "sheet.png")
    assert freeze_learnt() == learnt and freeze_held_out() == kept
    card = model_card(in_use(learnt), None)
    assert scan.sha256 in card and "Verified by | 2 people, in 1 regions" in card


def test_a_training_draws_the_scan_onto_the_image_and_shows_nothing_that_is_held_out(scan, tmp_path):
    sources, tiles = thawed(freeze_learnt())
    grounds = grounds_of(TuningConfig(towns=0), sources, tiles, tmp_path)
    (ground,) = (one for one, _ in grounds if isinstance(one, ScannedGround))
    rng = np.random.default_rng(3)
    apart = []
    for _ in range(6):
        seen = ground.draw(rng)
        shown = seen.map_valid & seen.image_valid
        assert shown.any() and not seen.map[~seen.map_valid].any()
        apart.append(np.abs(seen.map[shown].astype(int) - seen.image[shown]).mean())
    assert min(apart) < 4  # neither of the two in another light: the same picture, one on the other
    assert sum(share for _, share in grounds) == pytest.approx(1)


def test_matchers_are_compared_on_a_scan_s_held_out_blocks(scan):
    sources, tiles = thawed(freeze_held_out())
    blocks = blocks_of(tiles)
    seen = [one.sized(BLOCK_PX) for one in sources]
    said = score_matcher(ClassicalMatcher("sift"), seen, blocks[:2], SilentProgress())
    assert all(error is not None and error < 1.0 for one in said for error in one.as_it_is)


def test_tiles_of_scans_are_counted_and_are_new_until_the_matcher_in_use_has_learnt_them(scan):
    told = matchers_ahead()
    assert (told.learnt, told.held_out, told.regions, told.people) == (TILES - HELD_OUT + 1, HELD_OUT, 1, 2)
    assert told.new == told.learnt and told.corrected == 0
    data_set = freeze_learnt()
    in_use(data_set)
    assert len(data_set.pairs) == told.learnt and matchers_ahead().new == 0


@pytest.mark.parametrize("what", ["another place", "another picture", "gone"])
def test_a_scan_that_changed_since_is_refused(scan, what):
    frozen = freeze_learnt()
    if what == "another place":
        scan.made = {"coarse": {"parameters": [1.0, 0, 0, 0, 1.0, 0, 0, 0]}}
    elif what == "another picture":
        scan.sha256 = "a" * 64
    else:
        scan.upload_path = "regions/0/none.tif"
    scan.save()
    with pytest.raises(DataSetChangedError, match="start anew"):
        thawed(frozen)
