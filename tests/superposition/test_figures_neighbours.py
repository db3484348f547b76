"""The figures of the two neighbours draw theory as lines and simulation as markers with their standard errors."""

import numpy as np
import pytest

from solvable.superposition.experiment.random_features import RidgeTrials
from solvable.superposition.figures import neighbours
from solvable.superposition.theory.random_features import RidgeRisk
from tests.figure_rules import (
    check_every_figure_is_tested,
    check_figure,
    marked,
)

pytestmark = pytest.mark.usefixtures("book_look")

WIDTHS = np.geomspace(10, 800, 30)
FEW = np.array([10, 50, 200, 800])
TRIALS = np.array([0.9, 1.0, 1.4])
ALPHAS = np.geomspace(0.5, 8, 20)
KEPT = np.array([0.5, 2.0, 8.0])


def _risk(noise):
    ridge = np.geomspace(1e-3, 10, 12)
    test = 0.3 + noise / (1 + ridge) + ridge
    return RidgeRisk(test, test * (ridge / (1 + ridge)) ** 2, ridge, ridge)


def _trials(risk):
    # the first ridge fits more closely than what is shown
    some = np.array([0, 4, 9])
    return RidgeTrials(risk.test[some, None] * TRIALS, risk.train[some, None] * TRIALS)


FITS = {"no noise": _risk(0.0), "noise": _risk(1.0)}
ARGUMENTS = {
    "random_features": (
        WIDTHS,
        {"small ridge": 1 + 5 / WIDTHS, "best ridge": 0.2 + 4 / WIDTHS},
        FEW,
        {"small ridge": (1 + 5 / FEW)[:, None] * TRIALS},
        100,
        FITS,
        {"no noise": _trials(FITS["no noise"])},
    ),
    "pruning": (
        ALPHAS,
        {"all": 0.3 / ALPHAS, "hardest 10 %": 0.03 / ALPHAS},
        {"random": 0.3 / ALPHAS, "easiest 30 %": 0.2 / ALPHAS, "hardest, probe at 30°": 0.4 / ALPHAS},
        KEPT,
        {"all": (0.3 / KEPT)[:, None] * TRIALS, "easiest 30 %": (0.2 / KEPT)[:, None]},
    ),
}


def _draw(name):
    return getattr(neighbours, name)(*ARGUMENTS[name])


def _bars(container):
    return np.array([segment[:, 1] for segment in container.lines[2][0].get_segments()])


def test_every_figure_is_here():
    check_every_figure_is_tested(neighbours, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_figure_can_be_read_and_covers_nothing(name):
    figure = _draw(name)
    assert all(axes.get_legend() for axes in figure.axes)
    check_figure(figure)


def test_a_marker_is_a_mean_with_its_standard_error():
    left, _ = _draw("random_features").axes
    (marks,) = marked(left, 0)
    mean = 1.1 * (1 + 5 / FEW)
    np.testing.assert_allclose(marks.get_data(), [FEW, mean], rtol=1e-12, atol=0)
    error = np.std(TRIALS, ddof=1) / np.sqrt(3) * (1 + 5 / FEW)
    np.testing.assert_allclose(_bars(left.containers[0]), np.stack([mean - error, mean + error], 1), rtol=1e-12, atol=0)
    assert not marked(left, 1)  # the other was not simulated
    assert [text.get_text() for text in left.texts] == ["$k = n$"]
    assert [line.get_xdata()[0] for line in left.lines if line.get_linestyle() == "--"] == [100]


def test_a_single_student_has_no_error():
    _, right = _draw("pruning").axes
    (marks,) = marked(right, 1)
    np.testing.assert_allclose(marks.get_data(), [KEPT, 0.2 / KEPT], rtol=1e-12, atol=0)
    assert (np.ptp(_bars(right.containers[0]), axis=1) == 0).all()


def test_errors_are_drawn_against_the_closeness_of_the_fit():
    _, right = _draw("random_features").axes
    first, second = (line for line in right.lines if line.get_linestyle() == "-")
    for line, risk in ((first, FITS["no noise"]), (second, FITS["noise"])):
        ratio = risk.train / risk.test
        shown = ratio >= neighbours.CUT
        assert 0 < shown.sum() < len(ratio)
        expected = [ratio[shown], risk.test[shown] / risk.test.min()]
        np.testing.assert_allclose(line.get_data(), expected, rtol=1e-12, atol=0)
    (marks,) = marked(right)
    risk = FITS["no noise"]
    expected = (risk.train / risk.test)[[4, 9]], 1.1 * risk.test[[4, 9]] / risk.test.min()
    np.testing.assert_allclose(marks.get_data(), expected, rtol=1e-12, atol=0)


def test_covers_capacity_is_marked():
    for axes in _draw("pruning").axes:
        assert [line.get_xdata() for line in axes.lines if line.get_linestyle() == "--"] == [[2, 2]]
        assert axes.get_yscale() == axes.get_xscale() == "log"
