"""The live curve of a run."""

import itertools

import pytest

from annotation.common.models import JobFigure
from annotation.learning.selectors import MAX_POINTS, curves, thinned
from tests.annotation.learning.rows import make_run
from tests.factories import RegionFactory


def test_a_short_curve_is_given_whole():
    points = [(step, step / 10) for step in range(MAX_POINTS)]
    assert thinned(points) == points


@pytest.mark.parametrize("length", [501, 502, 999, 1000, 12_345])
def test_a_long_curve_keeps_its_ends_its_order_and_no_point_twice(length):
    points = [(step, float(step)) for step in range(length)]
    kept = thinned(points)
    assert len(kept) == MAX_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    steps = [step for step, _ in kept]
    assert steps == sorted(set(steps))
    gaps = [after - before for before, after in itertools.pairwise(steps)]
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.django_db
def test_figures_come_grouped_by_name_in_the_order_of_their_steps():
    run = make_run(RegionFactory())
    other = make_run(RegionFactory())
    for job, name, step, value in [
        (run.job, "loss", 1, 0.5), (run.job, "loss", 0, 1.0), (run.job, "rate", 0, 0.1), (other.job, "loss", 0, 9.0)
    ]:  # fmt: skip
        JobFigure.objects.create(job=job, name=name, step=step, value=value)
    assert curves(run) == {"loss": [(0, 1.0), (1, 0.5)], "rate": [(0, 0.1)]}


@pytest.mark.django_db
def test_a_run_whose_job_was_cleared_away_has_no_curve():
    assert curves(make_run(RegionFactory(), job=None)) == {}
