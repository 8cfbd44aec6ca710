import numpy as np
import pytest

from mlcore.errors import StoppedError
from mlcore.evaluation.geolocation.descriptors import DescriptorPlacer, colour_and_texture
from mlcore.evaluation.geolocation.figures import figures
from mlcore.evaluation.geolocation.outcomes import run_placer
from mlcore.evaluation.geolocation.placers import Ranked, Waiting, iterated
from mlcore.evaluation.geolocation.queries import Reach
from mlcore.evaluation.geolocation.sift import SiftPlacer
from mlcore.suites.geolocation import folders_suite
from mlcore.suites.geolocation_run import markdown, run_placers, told, write_tables
from tests.mlcore.evaluation.geolocation.made_ground import write_place


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    root = tmp_path_factory.mktemp("places")
    folders = [write_place(root / f"place{seed}", seed) for seed in (1, 2, 3)]
    return folders_suite(folders[:2], folders[2:], queries=4, side_px=560, reach=Reach((256, 300), (0.7, 1.05)))


@pytest.fixture(scope="module")
def sift(suite):
    return SiftPlacer.of(suite.reference)


class Oracle:
    """Knows the truth, and matches again without a mistake."""

    name = "oracle"

    def __init__(self, suite, off_px: float = 0.0) -> None:
        self.suite, self.asked, self.off = suite, 0, np.array([[1, 0, off_px], [0, 1, 0], [0, 0, 1.0]])

    def place(self, rgb, valid):
        plan = self.suite.plans[self.asked % len(self.suite.plans)]
        self.asked += 1
        if not plan.relevant:
            return []
        plane = self.suite.reference.plane_of[plan.relevant[0]]
        return [Ranked(plan.relevant[0], self.off @ np.linalg.inv(plane) @ plan.truth, 1.0, 1.0)]


class Blind:
    """Always the first base, as it stands, and sure of it."""

    name = "blind"

    def __init__(self, suite) -> None:
        self.base = suite.reference.bases[0].name

    def place(self, rgb, valid):
        return [Ranked(self.base, np.eye(3), 1.0, 1.0)]


def test_the_oracle_is_perfect_and_the_blind_is_not(suite):
    oracle = figures(run_placer(Oracle(suite), suite.plans, suite.sites, suite.reference))
    blind = figures(run_placer(Blind(suite), suite.plans, suite.sites, suite.reference))
    assert oracle["r1"] == oracle["reject_auroc"] == 1.0 and oracle["brier"] == 0.0
    assert oracle["iou"] == pytest.approx(1.0) and oracle["corner_m"] == pytest.approx(0.0, abs=1e-6)
    assert blind["right"] == 0.0 and blind["reject_auroc"] == 0.5 and blind["wrong_sure"] == 1.0
    assert blind["brier"] == 1.0


def test_a_placement_that_is_off_is_off_by_as_many_metres(suite):
    told = figures(run_placer(Oracle(suite, 4.0), suite.plans, suite.sites, suite.reference))
    assert told["corner_m"] == pytest.approx(4 * 0.5, rel=0.01) and 0.9 < told["iou"] < 1.0


def test_sift_finds_made_ground_and_is_silent_or_unsure_of_foreign_ground(suite, sift):
    outcomes = run_placer(sift, suite.plans, suite.sites, suite.reference)
    told = figures(outcomes)
    assert told["r1"] == 1.0 and told["reject_auroc"] == 1.0
    assert told["iou"] > 0.97 and told["iou4"] >= told["iou"] - 0.01 and told["corner_m"] < 1.0


def test_matching_again_mends_a_rough_placement(suite, sift):
    plan = suite.held_out[0]
    site = next(site for site in suite.sites if site.name == plan.site)
    from mlcore.evaluation.geolocation.outcomes import overlap
    from mlcore.evaluation.geolocation.queries import cut

    query, base = cut(plan, site.ground), suite.reference.read(plan.relevant[0])
    plane = suite.reference.plane_of[plan.relevant[0]]
    rough = np.array([[1.02, 0.02, 9], [-0.02, 1.02, -7], [0, 0, 1.0]]) @ np.linalg.inv(plane) @ plan.truth
    better = iterated(sift.fit, query, base, rough, 4)
    assert overlap(plan, plane @ rough) < 0.93 < 0.97 < overlap(plan, plane @ better)


def test_a_matching_that_finds_nothing_leaves_the_placement(suite):
    plan = suite.held_out[0]
    found = iterated(lambda *_: None, (np.zeros((9, 9, 3), np.uint8), np.ones((9, 9), bool)),
                     suite.reference.read(plan.relevant[0]), np.eye(3), 4)  # fmt: skip
    assert np.array_equal(found, np.eye(3))


def test_descriptors_rank_bases_and_place_no_footprint(suite):
    placer = DescriptorPlacer.of("colour", suite.reference, colour_and_texture)
    outcomes = run_placer(placer, suite.plans, suite.sites, suite.reference)
    assert all(one.iou is None and one.score is not None for one in outcomes)
    assert 0 <= figures(outcomes)["r1"] <= figures(outcomes)["r10"] <= 1


def test_colour_and_texture_are_the_same_however_a_picture_is_turned(suite):
    rgb = suite.reference.read(suite.reference.bases[0].name)[0]
    upright, turned = colour_and_texture([rgb, np.ascontiguousarray(np.rot90(rgb))])
    assert np.abs(upright - turned).max() < 0.05


class Halting:
    """Asks to stop after so many reports."""

    def __init__(self, after: int) -> None:
        self.left = after

    def report(self, fraction, message="", figures=None):
        self.left -= 1

    def should_stop(self):
        return self.left <= 0


def test_a_stopped_run_goes_on_where_it_was(suite, tmp_path):
    oracle, kept = Oracle(suite), tmp_path / "kept.json"
    with pytest.raises(StoppedError):
        run_placer(oracle, suite.plans, suite.sites, suite.reference, kept=kept, progress=Halting(3))
    assert oracle.asked == 3
    outcomes = run_placer(oracle, suite.plans, suite.sites, suite.reference, kept=kept)
    assert oracle.asked == len(suite.plans) and figures(outcomes)["r1"] == 1.0
    run_placer(oracle, suite.plans, suite.sites, suite.reference, kept=kept)
    assert oracle.asked == len(suite.plans)


def test_a_placer_is_built_for_the_first_query_and_not_at_all_where_all_is_kept(suite, sift, tmp_path):
    built = []
    waiting = Waiting("sift", "", lambda: built.append(1) or sift)
    first = run_placer(waiting, suite.plans[:2], suite.sites, suite.reference, kept=tmp_path / "kept.json")
    assert built == [1] and waiting.build_seconds is not None
    assert all(one.iou4 is not None and one.cpu_seconds > 0 for one in first)
    other = Waiting("sift", "", lambda: built.append(2))
    assert run_placer(other, suite.plans[:2], suite.sites, suite.reference, kept=tmp_path / "kept.json") == first
    assert built == [1] and other.build_seconds is None


def test_outcomes_of_other_queries_are_asked_for_again(suite, tmp_path):
    oracle, kept = Oracle(suite), tmp_path / "kept.json"
    run_placer(oracle, suite.plans[:2], suite.sites, suite.reference, kept=kept)
    run_placer(oracle, suite.plans[:3], suite.sites, suite.reference, kept=kept)
    assert oracle.asked == 5


def test_all_placers_are_told_side_by_side(suite, sift, tmp_path):
    found = run_placers(suite, [Oracle(suite), sift], tmp_path, most={"sift": 2})
    table = told(suite, found)
    assert len(found["sift"]) == 4 and table["oracle"]["queries"] == 4
    assert table["oracle"]["by_place"]["place1"]["r1"] == 1.0
    write_tables(suite, table, tmp_path)
    page = markdown(suite, table)
    assert "no figure here speaks of another date" in page and "| oracle | 1 |" in page
    assert (tmp_path / "geolocation.md").read_text() == page
