import pytest
import torch

from mlcore.errors import CheckpointError, InvalidInputError
from mlcore.evaluation.geolocation.locators import load_locator, locator_placers
from mlcore.evaluation.geolocation.queries import Reach, cut
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.grounds import PictureGround
from mlcore.geolocation.model import LocatorModel
from mlcore.suites.geolocation import folders_suite
from mlcore.suites.geolocation_ablations import VARIANTS, run_variants, variants_table
from mlcore.suites.geolocation_run import run_placers, told
from tests.mlcore.evaluation.geolocation.made_ground import blocks, write_place


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    root = tmp_path_factory.mktemp("places")
    folders = [write_place(root / f"place{seed}", seed) for seed in (1, 2, 3)]
    return folders_suite(folders[:2], folders[2:], queries=2, side_px=560, reach=Reach((256, 300), (0.7, 1.05)))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = LocatorModel(GeolocationConfig.preset("tiny"))
    made.start()
    return made.eval()


def test_a_locator_runs_on_one_level_and_coarsely_on_the_same_queries(suite, model, tmp_path):
    placers = locator_placers(model, suite.reference, tmp_path / "features")
    table = told(suite, run_placers(suite, placers, tmp_path))
    assert {"locator", "locator-coarse"} <= set(table)
    assert "brier" in table["locator"] and "brier" not in table["locator-coarse"]
    assert 0 <= table["locator-coarse"]["r1"] <= table["locator-coarse"]["r10"] <= 1


def test_two_levels_are_measured_where_there_is_an_index(suite, model, tmp_path):
    pytest.importorskip("faiss", reason="faiss-cpu is not installed")
    placers = locator_placers(model, suite.reference, tmp_path / "features")
    assert [one.name for one in placers] == [
        "locator", "locator-refined", "locator-two-level", "locator-tokens", "locator-points", "locator-coarse",
    ]  # fmt: skip


def test_coarse_answers_are_those_of_the_model_the_best_first(suite, model, tmp_path):
    coarse = locator_placers(model, suite.reference, tmp_path / "features")[-1]
    plan = suite.held_out[0]
    rgb, valid = cut(plan, next(site.ground for site in suite.sites if site.name == plan.site))
    answers = coarse.place(rgb, valid)
    query = model.features(rgb, valid, role="query")
    scores = {}
    for base in suite.reference:
        features = model.features(*suite.reference.read(base.name), role="base")
        scores[base.name] = float(model.compare_many(query, features.coarse[None], features.valid[None])[0])
    assert [one.score for one in answers] == sorted((one.score for one in answers), reverse=True)
    assert all(one.score == pytest.approx(scores[one.base], abs=0.05) for one in answers)


def test_weights_that_are_nowhere_are_told(tmp_path):
    with pytest.raises(CheckpointError, match="none"):
        load_locator(tmp_path / "none.safetensors")


def test_variants_are_trained_once_measured_on_the_same_queries_and_kept(suite, tmp_path):
    grounds = [(PictureGround([blocks(700, 700, 9)]), 1.0)]
    names = ["self-attention", "centre", "fine"]
    found = run_variants(suite, grounds, tmp_path, preset="tiny", steps=2, names=names)
    assert set(found) == {name + end for name in names for end in ("", "-coarse")}
    asked = [one.query for one in found["fine"]]
    assert all([one.query for one in outcomes] == asked for outcomes in found.values())
    weights = sorted(tmp_path.glob("variants/*/locator.safetensors"))
    assert len(weights) == 2  # "centre" searches with the weights of "fine"
    before = [path.stat().st_mtime_ns for path in weights]
    again = run_variants(suite, grounds, tmp_path, preset="tiny", steps=2, names=names)
    assert again == found and [path.stat().st_mtime_ns for path in weights] == before
    page = variants_table(told(suite, found))
    assert page.count("\n") == 4 and "| 3 | self-attention |" in page and "0.905" in page


def test_every_variant_is_a_setting_of_the_locator():
    for variant in VARIANTS.values():
        GeolocationConfig.preset("compact", **variant.learns, **variant.uses)


def test_a_variant_that_is_none_is_told_with_those_that_are(suite, tmp_path):
    with pytest.raises(InvalidInputError, match="self-attention"):
        run_variants(suite, [], tmp_path, names=["guess"])
