"""Figures go to the column of their name, and none is left out."""

import pytest

from mlcore.changes.figures import columns
from mlcore.errors import InvalidInputError


def test_figures_lie_in_the_order_of_their_names_however_they_are_given() -> None:
    assert columns(("mean", "area"), area=2.0, mean=1.0).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("given", [{"mean": 1.0}, {"mean": 1.0, "area": 2.0, "aera": 3.0}])
def test_a_missing_or_unknown_figure_is_refused_by_name(given: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=r"area|aera"):
        columns(("mean", "area"), **given)
