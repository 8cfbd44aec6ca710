"""How strange a footprint is in its place is the same however good the evidence of the place is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.changes.classifiers import FOOTPRINT_CLASSES, ChangeClassifier, Classifier
from mlcore.changes.untraced import FOOTPRINT_FIGURES
from mlcore.changes.usual import LEAST, STRANGE, STRANGEST, Usual
from mlcore.errors import InvalidInputError

FIGURES = len(FOOTPRINT_FIGURES)


def place_of(seed: int, count: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, FIGURES))


@given(st.integers(0, 1000), st.floats(0.2, 5), st.floats(-3, 3))
def test_strangeness_stays_as_it_is_where_every_figure_is_larger_and_elsewhere(seed: int, times: float, more: float):
    place = place_of(seed)
    other = place * times + more

    usual, there = Usual.of(list(place)), Usual.of(list(other))

    assert usual is not None and there is not None
    assert usual.beside(place)[:, :FIGURES] == pytest.approx(place)
    assert there.beside(other)[:, FIGURES:] == pytest.approx(usual.beside(place)[:, FIGURES:], abs=1e-6)


@given(st.integers(0, 1000), st.floats(20, 1e6))
def test_a_few_footprints_may_be_as_odd_as_they_like(seed: int, odd: float):
    place = place_of(seed, 500)
    wrong = place.copy()
    wrong[:40] = odd

    usual, known = Usual.of(list(place)), Usual.of(list(wrong))

    assert usual is not None and known is not None
    assert np.abs(known.middle - usual.middle).max() < 0.5
    assert (known.spread / usual.spread).max() < 2
    assert known.beside(wrong[0])[FIGURES:] == pytest.approx(STRANGEST)


def test_of_a_handful_of_footprints_nothing_is_usual():
    assert Usual.of(list(place_of(0, LEAST - 1))) is None
    assert Usual.of(list(place_of(0, LEAST))) is not None


def test_what_never_varies_in_a_place_is_no_division_by_nothing():
    usual = Usual.of([np.ones(FIGURES)] * 20)

    assert usual is not None
    assert np.isfinite(usual.beside(np.zeros(FIGURES))).all()


def test_one_footprint_is_gone_in_one_place_and_nothing_to_wonder_at_in_another():
    strange = Classifier(FIGURES + len(STRANGE), len(FOOTPRINT_CLASSES), hidden=0)
    weights = np.zeros((len(FOOTPRINT_CLASSES), FIGURES + len(STRANGE)), np.float32)
    weights[1, FIGURES] = -2.0  # gone where the first figure is far less than usual
    strange.direct.weight.data.copy_(strange.direct.weight.new_tensor(weights))
    strange.direct.bias.data.zero_()
    classifier, figures = ChangeClassifier(strange), np.zeros((1, FIGURES))
    clear, blurred = (Usual(np.full(len(STRANGE), 0.9), np.full(len(STRANGE), spread)) for spread in (0.1, 3.0))

    gone, hardly = (classifier.plain(usual).footprint_chances(figures)[0, 1] for usual in (clear, blurred))

    assert gone > 0.99
    assert hardly < 0.6


def test_a_classifier_that_asks_is_read_back_and_one_of_other_figures_is_refused():
    asks = ChangeClassifier(Classifier(FIGURES + len(STRANGE), len(FOOTPRINT_CLASSES)))

    again = ChangeClassifier.from_tensors(asks.state_dict())

    assert again.asks_usual and not ChangeClassifier().asks_usual
    figures, usual = place_of(3), Usual.of(list(place_of(4)))
    assert np.array_equal(again.plain(usual).footprint_chances(figures), asks.plain(usual).footprint_chances(figures))
    with pytest.raises(InvalidInputError, match="another version"):
        ChangeClassifier.from_tensors(ChangeClassifier(Classifier(FIGURES + 1, 3)).state_dict())
