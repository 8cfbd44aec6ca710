"""Shares and agreement against values known from the literature."""

import random

import krippendorff
import pytest

from annotation.review.agreement import cohen_kappa, krippendorff_alpha, wilson


def test_wilsons_interval_of_the_papers_inspection():
    """471 of 500 accepted, 94.2 %; the interval computed by the closed formula with z = 1.959964."""
    share = wilson(471, 500)
    assert share.share == pytest.approx(0.942)
    assert (share.low, share.high) == (pytest.approx(0.91794, abs=1e-4), pytest.approx(0.95934, abs=1e-4))


def test_wilsons_interval_stays_inside_0_and_1_and_an_empty_one_is_none():
    assert wilson(0, 10).low == pytest.approx(0, abs=1e-12)
    assert wilson(0, 10).high == pytest.approx(0.27753, abs=1e-4)
    assert wilson(10, 10).high == pytest.approx(1)
    assert wilson(0, 0).share is None
    with pytest.raises(ValueError, match="k"):
        wilson(3, 2)


def test_kappa_of_a_textbook_table():
    """Two raters on 50 proposals: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no gives 0.40."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)


def test_kappa_is_one_for_the_same_answers_and_undefined_where_chance_is_certain():
    assert cohen_kappa([("a", "a"), ("b", "b")]) == pytest.approx(1)
    assert cohen_kappa([("a", "a")]) is None
    assert cohen_kappa([]) is None


def test_alpha_of_krippendorffs_own_example_of_two_observers():
    """Krippendorff 2011, section A: binary data of two observers, alpha = 0.095."""
    first, second = "0100000000", "1110010010"
    assert krippendorff_alpha(list(zip(first, second, strict=True))) == pytest.approx(0.095, abs=1e-3)


def test_alpha_of_nominal_data_of_two_observers():
    """Krippendorff 2011, section B: nominal data of two observers, alpha = 0.692."""
    first, second = "aabbdcccedda", "babbbccceddd"
    assert krippendorff_alpha(list(zip(first, second, strict=True))) == pytest.approx(0.692, abs=1e-3)


def test_alpha_ignores_subjects_with_one_answer_and_is_undefined_without_variation():
    assert krippendorff_alpha([("a", "a"), ("b", "b"), ("a",)]) == pytest.approx(1)
    assert krippendorff_alpha([("a", "a"), ("a", "a")]) is None
    assert krippendorff_alpha([]) is None


@pytest.mark.parametrize("answers", [2, 3, 40])
@pytest.mark.parametrize("most", [2, 4])
def test_alpha_is_that_of_the_reference_package(answers, most):
    rng = random.Random(answers)
    units = [[rng.randrange(answers) for _ in range(rng.randint(1, most))] for _ in range(30)]
    table = [[unit.count(answer) for answer in range(answers)] for unit in units]
    reference = krippendorff.alpha(value_counts=table, level_of_measurement="nominal")
    assert krippendorff_alpha(units) == pytest.approx(reference)
    assert krippendorff_alpha([("a", "b")]) is None
