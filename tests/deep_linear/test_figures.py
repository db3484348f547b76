"""Every figure of the chapter draws theory as lines and measurements as markers, labels its axes, and fits its page."""

import numpy as np
import pytest

from solvable.deep_linear import figures
from solvable.deep_linear.experiment import Conservation, DepthRace, KernelRun, Precision, TanhJacobians
from tests.figure_rules import check_can_be_read, check_every_figure_is_tested

pytestmark = pytest.mark.usefixtures("book_look")

T = np.linspace(0.0, 3.0, 60)
CURVES = np.stack([np.tanh(T), np.tanh(T / 2), np.tanh(T / 3), np.tanh(T / 4)], axis=1)
NEARBY = CURVES + 1e-9
NAMES = ("one", "two", "three", "four")
DEPTHS = np.array([2, 4, 8])
GAINS = np.array([0.9, 1.0, 1.1])


def _race(steps):
    return DepthRace(DEPTHS, np.asarray(steps, dtype=float), np.ones((3, 2)), np.full((3, 2), 0.01))


def _kernel_run():
    return KernelRun(T, np.exp(-3 * T), 0.05 * np.exp(-T), np.linspace(0.1, 1.0, T.size))


ARGUMENTS = {
    "stages": (T, CURVES, NEARBY, np.array([0.5, 1.0, 1.5, 2.0]), NAMES),
    "differentiation": (T, CURVES, NEARBY, CURVES, NAMES, 3),
    "recursion": (np.arange(60), CURVES, NEARBY, CURVES + 0.01, NAMES),
    "flow_gap": (np.array([0.001, 0.002, 0.004]), np.array([0.01, 0.02, 0.04]), np.array([0.01, 0.02, 0.04])),
    "depth": (T, (1, 2, 8, 64), CURVES.T, NEARBY.T, CURVES[:, 3]),
    "finite_delay": (DEPTHS, (0.1, 0.01), np.array([[4.0, 7, 9], [9, 20, 40]]), np.array([13.0, 100]), np.ones(2)),
    "depth_race": (_race([[3, 4]] * 3), _race([[6, 8], [17, 16], [40, np.inf]]), _race([[9, 9]] * 3), 800),
    "product_spectra": (
        (1, 5),
        np.append(np.geomspace(2, 1e-5, 39), 0).reshape(2, 20),
        np.ones((2, 20)),
        -np.arange(20.0) / 20,
    ),
    "edge_of_chaos": (
        [TanhJacobians(GAINS, np.array([1e-3, 0.1, 0.3]), np.full((3, 5), 0.1))] * 2,
        [TanhJacobians(GAINS, np.array([1e-3, 0.1, 0.3]), np.full((3, 5), 1e-9))] * 2,
    ),
    "riccati": (T, np.stack([CURVES] * 3), np.stack([NEARBY] * 3), NAMES[:3]),
    "textbook_error": (T, np.full(60, 1e-13), np.where(T < 2, np.geomspace(1e-14, 1, 60), np.nan)),
    "random_start": (T, np.stack([CURVES] * 2), np.stack([NEARBY] * 2), NAMES),
    "lazy_to_rich": (T + 0.01, (0, 0.1, 1, 10), CURVES.T, NEARBY.T, CURVES.T, CURVES[:, 0]),
    "delayed_rich": ((-1, 1), [_kernel_run()] * 2, np.exp(-3 * T) * np.ones((2, 1)), np.full((2, 3), 0.01)),
    "conservation": ([Conservation(1e-14, GAINS / 100, GAINS / 1000)] * 3, GAINS / 1000),
    "silent_alignment": ([_kernel_run()] * 2, [_kernel_run()] * 2),
    "coloured_inputs": (T, CURVES, NEARBY, CURVES, NEARBY, NAMES),
    "precision": ([Precision(np.array([1e-6, 1e-30]), T, np.stack([CURVES] * 2), np.stack([NEARBY] * 2))] * 2,),
    "overflow": (T, CURVES[:, 0], np.where(T < 2, CURVES[:, 0], np.nan)),
    "tree": (np.array([4.0, 3, 2, 2]), np.array([[4.1, 3, 2, 1.9], [3.9, 3.1, 2.1, 2]])),
}


def test_every_figure_is_here():
    check_every_figure_is_tested(figures, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    check_can_be_read(getattr(figures, name)(*ARGUMENTS[name]))


@pytest.mark.parametrize("name", ["stages", "recursion", "depth", "random_start", "lazy_to_rich"])
def test_the_residual_is_the_distance_between_theory_and_network(name):
    figure = getattr(figures, name)(*ARGUMENTS[name])
    residual = figure.axes[1]
    assert residual.get_yscale() == "log"
    for line in residual.lines:
        np.testing.assert_allclose(line.get_ydata(), 1e-9, rtol=1e-6)  # rounding of values near 1


def test_no_seed_that_failed_is_left_out_of_the_race():
    figure = figures.depth_race(*ARGUMENTS["depth_race"])
    drawn = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() not in ("None", None))
    assert drawn == 3 * 3 * 2
