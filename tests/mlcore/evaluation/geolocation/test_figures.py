import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mlcore.evaluation.geolocation.figures import curve, figures, intervals, with_probabilities
from mlcore.evaluation.geolocation.looks import Look
from mlcore.evaluation.geolocation.outcomes import Outcome, corner_error_m, overlap
from mlcore.evaluation.geolocation.planes import quad
from mlcore.evaluation.geolocation.queries import Plan


def plan_of(matrix: np.ndarray, width: int = 400, height: int = 300) -> Plan:
    return Plan(
        "q", "s", "p", "same_flight", width, height, tuple(np.asarray(matrix, float).ravel()), 0.0, 1.0, 1.0, ("b",),
        Look(),
    )  # fmt: skip


def outcome(relevant=True, rank=1, score=1.0, probability=None, iou=0.9, right=True, **changes) -> Outcome:
    values = {
        "query": "q", "place": "p", "kind": "same_flight", "turned_deg": 10.0, "scale": 1.0, "overlap": 1.0,
        "relevant": relevant, "rank": rank, "score": score, "probability": probability, "iou": iou, "iou4": iou,
        "corner_m": 1.0, "right": right, "seconds": 0.5,
    }  # fmt: skip
    return Outcome(**{**values, **changes})


def foreign(score, probability=None) -> Outcome:
    return outcome(relevant=False, rank=None, score=score, probability=probability, iou=None, right=False)


NORTH_UP = np.array([[0.5, 0, 1000.0], [0, -0.5, 2000.0], [0, 0, 1.0]])


def test_a_footprint_agrees_with_itself_and_half_with_one_moved_by_a_third():
    plan = plan_of(NORTH_UP)
    assert overlap(plan, NORTH_UP) == pytest.approx(1.0)
    moved = NORTH_UP + np.array([[0, 0, 200 / 3], [0, 0, 0], [0, 0, 0]])
    assert overlap(plan, moved) == pytest.approx(0.5)
    assert overlap(plan, NORTH_UP + np.array([[0, 0, 900.0], [0, 0, 0], [0, 0, 0]])) == 0.0


def test_a_footprint_turned_inside_out_or_gone_to_infinity_agrees_with_nothing():
    plan = plan_of(NORTH_UP)
    assert overlap(plan, np.array([[0.5, 0, 1000.0], [0, -0.5, 2000.0], [0, 0.01, -1.0]])) == 0.0
    assert overlap(plan, np.zeros((3, 3))) == 0.0
    assert corner_error_m(plan, np.zeros((3, 3))) is None


@given(st.floats(0.5, 2), st.floats(-180, 180), st.floats(-50, 50), st.floats(-50, 50))
def test_agreement_is_that_of_polygons_whichever_way_round(scale, turn, east, north):
    plan = plan_of(NORTH_UP)
    cos, sin = scale * np.cos(np.radians(turn)), scale * np.sin(np.radians(turn))
    other = np.array([[cos, -sin, east], [sin, cos, north], [0, 0, 1.0]]) @ NORTH_UP
    ours, theirs = quad(other, plan.width, plan.height), plan.footprint
    told = overlap(plan, other)
    assert told == pytest.approx(shapely.intersection(ours, theirs).area / shapely.union(ours, theirs).area, abs=1e-9)
    assert told == pytest.approx(overlap(plan_of(other), NORTH_UP), abs=1e-9)


def test_corners_are_off_in_metres_on_the_ground_not_of_the_map():
    sixty = np.array([[1.0, 0, 0], [0, -1.0, 8_399_737.9], [0, 0, 1.0]])  # EPSG:3857 at 60 degrees of latitude
    moved = sixty + np.array([[0, 0, 20.0], [0, 0, 0], [0, 0, 0]])
    assert corner_error_m(plan_of(sixty), moved) == pytest.approx(10.0, rel=1e-3)


def test_a_perfect_placer_scores_as_well_as_can_be():
    told = figures([outcome(iou=1.0, score=9.0, probability=1.0)] * 4 + [foreign(None)] * 4)
    assert [told[name] for name in ("r1", "r5", "r10", "right", "iou", "iou4", "iou_all", "reject_auroc")] == [1.0] * 8
    assert told["brier"] == told["wrong_sure"] == 0.0
    assert told["coverage"] == told["coverage_precise"] == 0.5 and told["accuracy_at_coverage"] == 1.0


def test_a_blind_placer_finds_nothing_and_rejects_nothing():
    blind = [outcome(rank=None, score=1.0, probability=0.5, iou=0.0, right=False)] * 4 + [foreign(1.0, 0.5)] * 4
    told = figures(blind)
    assert told["r1"] == told["r10"] == 0.0 and told["reject_auroc"] == 0.5 and told["coverage_precise"] == 0.0
    assert "iou" not in told


def test_rejection_is_the_area_under_the_curve_with_silence_below_every_score():
    rng = np.random.default_rng(0)
    scores, known = rng.normal(size=40).round(1), rng.uniform(size=40) < 0.5
    outcomes = [outcome(score=float(s)) if k else foreign(float(s)) for s, k in zip(scores, known, strict=True)]
    assert figures(outcomes)["reject_auroc"] == pytest.approx(roc_auc_score(known, scores))
    assert figures([outcome(score=-5.0), foreign(None)])["reject_auroc"] == 1.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_no_other_probability_than_the_true_one_is_better(true, told):
    """Of queries of one kind: placed rightly with the chance `true`, else foreign."""

    def expected(p: float) -> float:
        right, stranger = figures([outcome(probability=p)]), figures([foreign(1.0, p)])
        return true * right["brier"] + (1 - true) * stranger["brier"]

    assert expected(true) <= expected(told) + 1e-12


def test_a_confident_mistake_costs_more_than_a_doubtful_one():
    sure, doubtful = ([foreign(1.0, p)] for p in (0.95, 0.3))
    assert figures(sure)["brier"] > figures(doubtful)["brier"]
    assert figures(sure)["wrong_sure"] == 1.0 and figures(doubtful)["wrong_sure"] == 0.0


def test_probabilities_of_the_score_know_the_other_queries_alone():
    outcomes = [outcome(score=50.0 + i) for i in range(20)] + [foreign(1.0 + i / 20) for i in range(20)]
    told = figures(with_probabilities(outcomes))
    assert told["brier"] < 0.05 and told["accuracy_at_coverage"] == 1.0
    noise = [outcome(score=1.0, right=bool(i % 2), rank=1 if i % 2 else None) for i in range(40)]
    assert figures(with_probabilities(noise))["brier"] > 0.2


def test_intervals_hold_the_figure_and_shrink_with_more_queries():
    few = [outcome(rank=1 if i % 2 else 2, iou=0.8 + 0.01 * (i % 10)) for i in range(20)] + [foreign(0.5)] * 5
    many = few * 8
    small, large = intervals(few, draws=200), intervals(many, draws=200)
    for name, value in figures(few).items():
        if name in small:
            assert small[name].low <= value <= small[name].high
    assert large["r1"].high - large["r1"].low < 0.6 * (small["r1"].high - small["r1"].low)


def test_curves_take_turns_without_their_sign():
    outcomes = [outcome(turned_deg=-100.0, rank=None, right=False, iou=None), outcome(turned_deg=20.0)]
    rows = curve(outcomes, "turned_deg", (0, 90, 180))
    assert [(row["from"], row["r1"]) for row in rows] == [(0, 1.0), (90, 0.0)]
