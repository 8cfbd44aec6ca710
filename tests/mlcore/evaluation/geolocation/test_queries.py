import numpy as np
import pytest

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.looks import Look
from mlcore.evaluation.geolocation.planes import warp
from mlcore.evaluation.geolocation.queries import Plan, Reach, cut, digest, draw_queries
from mlcore.suites.geolocation import folders_suite
from tests.mlcore.evaluation.geolocation.made_ground import write_place

SMALL = Reach(side_px=(256, 300), scale=(0.7, 1.05))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("places")
    return [write_place(root / f"place{seed}", seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def suite(folders):
    return folders_suite(folders[:2], folders[2:], queries=6, side_px=560, reach=SMALL)


def plain(plan: Plan) -> Plan:
    return Plan(**{**vars(plan), "look": Look(quality=100)})


def test_the_same_seed_gives_the_same_queries_and_another_seed_others(folders, suite):
    again = folders_suite(folders[:2], folders[2:], queries=6, side_px=560, reach=SMALL)
    other = folders_suite(folders[:2], folders[2:], queries=6, seed=1, side_px=560, reach=SMALL)
    assert digest(again.plans) == digest(suite.plans)
    assert digest(other.plans) != digest(suite.plans)
    grounds = {site.name: site.ground for site in suite.sites}
    one, two = cut(suite.plans[0], grounds[suite.plans[0].site]), cut(again.plans[0], grounds[again.plans[0].site])
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


def test_the_digest_forgives_the_last_bits_of_a_number_and_nothing_else(suite):
    plan = suite.plans[0]
    nudged = Plan(**{**vars(plan), "scale": np.nextafter(plan.scale, 2), "overlap": np.nextafter(plan.overlap, 0)})
    moved = Plan(**{**vars(plan), "matrix": (*plan.matrix[:2], plan.matrix[2] + 0.1, *plan.matrix[3:])})
    assert digest([nudged]) == digest([plan]) != digest([moved])


def test_more_queries_leave_those_before_as_they_are(folders, suite):
    more = folders_suite(folders[:2], folders[2:], queries=9, side_px=560, reach=SMALL)
    assert more.held_out[:6] == suite.held_out


def test_queries_are_spread_over_the_places(suite):
    assert [plan.place for plan in suite.held_out] == ["place1", "place2"] * 3


def test_a_query_lies_on_the_bases_that_it_names_and_a_foreign_one_on_none(suite):
    outline = dict(zip((base.name for base in suite.reference), suite.reference.outlines, strict=True))
    for plan in suite.held_out:
        shares = [plan.footprint.intersection(outline[name]).area / plan.footprint.area for name in plan.relevant]
        assert shares[0] == pytest.approx(plan.overlap) and plan.overlap >= SMALL.least_overlap
        assert shares == sorted(shares, reverse=True) and min(shares) >= 0.25
    for plan in suite.foreign:
        assert plan.relevant == ()
        assert not any(plan.footprint.intersects(one) for one in suite.reference.outlines)


def test_the_truth_brings_a_query_onto_its_base(suite):
    grounds = {site.name: site.ground for site in suite.sites}
    for plan in suite.held_out[:4]:
        rgb, valid = cut(plain(plan), grounds[plan.site])
        base_rgb, base_valid = suite.reference.read(plan.relevant[0])
        to_query = np.linalg.inv(plan.truth) @ suite.reference.plane_of[plan.relevant[0]]
        seen = warp(base_valid.astype(np.uint8), to_query, (plan.width, plan.height)) > 0
        laid = warp(base_rgb, to_query, (plan.width, plan.height))
        both = seen & valid
        assert both.mean() > 0.4
        off = np.abs(laid[both].astype(float) - rgb[both]).mean()
        shifted = np.abs(np.roll(laid, 4, axis=1)[both].astype(float) - rgb[both]).mean()
        assert off < 12 and off < 0.5 * shifted


def test_a_query_is_never_mirrored(suite):
    # rows run south and the plane's y north, so that an unmirrored query has a negative determinant
    assert all(np.linalg.det(plan.truth) < 0 for plan in suite.plans)


def test_turn_and_scale_are_those_of_the_truth(suite):
    for plan in suite.held_out:
        middle = np.array([plan.width / 2, plan.height / 2, 1.0])
        edge = middle + np.array([0.01, 0, 0])
        there, beside = (plan.truth @ one for one in (middle, edge))
        step = beside[:2] / beside[2] - there[:2] / there[2]
        turned = np.degrees(np.arctan2(step[1], step[0]))
        assert abs((turned - plan.turned_deg + 180) % 360 - 180) < 0.1
        place = next(site for site in suite.sites if site.name == plan.site)
        step_m = np.linalg.norm(step) / 0.01 * np.cos(np.radians(14.57))  # the latitude of the made places
        assert step_m / place.base_resolution_m == pytest.approx(plan.scale, rel=0.01)


def test_a_place_too_small_for_any_query_is_told(folders):
    suite = folders_suite(folders[:1], [], queries=1, side_px=560, reach=SMALL)
    huge = Reach(side_px=(256, 300), scale=(40.0, 41.0))
    with pytest.raises(InvalidInputError, match="take a larger image"):
        draw_queries(suite.sites, suite.reference, 1, 0, huge)
