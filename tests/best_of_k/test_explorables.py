"""What the reader can move in Chapter 6, against quadrature, loops and the chapter's theory, over the whole box."""

import numpy as np
import pytest

from solvable.best_of_k import theory
from solvable.best_of_k.explorables import CURVE, EXPLORABLES, JUDGE, TEMPERATURE
from solvable.best_of_k.explorables.curve import BAND, DISTANCES, KS, OUT_OF_SIGHT, SCORES, _law
from solvable.best_of_k.explorables.judge import DRAWS, ERRORS, MOST
from solvable.best_of_k.explorables.quadrature import nearest_moments, softmax_moments
from solvable.best_of_k.explorables.temperature import KS as FEW
from solvable.best_of_k.explorables.temperature import LINE, ROWS
from solvable.explore.live import sentences
from tests.best_of_k.references import nearest, softly
from tests.explorable_rules import check_finite_in_single_precision, check_positive_on_log_axes

CLOSE = {"rtol": 1e-3, "atol": 0}
"""What a figure promises: a pixel is a thousandth of an axis."""

each = pytest.mark.parametrize("explorable", EXPLORABLES, ids=lambda explorable: explorable.id)


def said(explorable, **setting):
    return " ".join(sentences(explorable, explorable.evaluate(**setting)))


# All of them


def test_every_result_is_finite_in_single_precision_too():
    check_finite_in_single_precision(EXPLORABLES)


@each
def test_every_result_is_finite_in_the_whole_box(explorable):
    explorable.check({})
    for at in explorable.corners() + explorable.random_points(40):
        for name, result in explorable.evaluate(**at).items():
            assert np.isfinite(result).all(), (name, at)


@each
def test_what_is_drawn_on_log_axes_is_positive(explorable):
    check_positive_on_log_axes(explorable)


# The quadratures that they share


def first(v):
    return v


def second(v):
    return v**2


@pytest.mark.parametrize("a", [0.0, 0.5, -2.0, 6.0, 8.0, -10.0])
def test_the_nearest(a):
    ks = np.array([1.0, 2.0, 64.0, 2.0**20])
    found = nearest_moments(ks, np.array([a]), DISTANCES)
    for moment, value in zip(found, (first, second), strict=True):
        expected = [nearest(k, a, value) for k in ks]
        # a fifth of what a figure promises, and rounding where the sides balance
        np.testing.assert_allclose(moment[0], expected, rtol=2e-4, atol=1e-15)


@pytest.mark.parametrize(("t", "a"), [(0.1, 0.5), (0.3, -2.0), (1.0, 3.0), (10.0, 6.0), (100.0, 1.0)])
def test_the_softmax(t, a):
    ks = np.array([1.0, 2.0, 3.0, 64.0, 1024.0])
    found = softmax_moments(ks, np.array([t]), np.array([a]), SCORES, BAND)
    for moment, value in zip(found, (first, second), strict=True):
        # a fifth of what a figure promises
        np.testing.assert_allclose(moment[0], softly(ks, t, a, value), rtol=2e-4, atol=0)


def test_a_judge_far_out_by_drawing():
    """Where the theory's own quadrature gives up; the noise hardly decides there."""
    draw = np.random.default_rng(11)
    a, t, k, count = 60.0, 1.0, 16, 100_000
    z = draw.normal(size=(count, k))
    score = -((z + a) ** 2) / (2 * t)
    weights = np.exp(score - score.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    for moment, drawn in zip(
        softmax_moments(np.array([16.0]), np.array([t]), np.array([a]), 112, 32), (z + a, (z + a) ** 2), strict=True
    ):
        sample = (weights * drawn).sum(axis=1)
        # four standard errors
        assert abs(moment[0, 0] - sample.mean()) < 4 * sample.std() / np.sqrt(count)


# Draw k answers


def judged(z, k, a, b, t):
    """The error of what is chosen among the first k, by loops."""
    scores = [-((one + a) ** 2) / (2 * t) if t else -((one + a) ** 2) for one in z[:k]]
    if t == 0:
        return (z[int(np.argmax(scores))] + b) ** 2
    weights = [np.exp(score - max(scores)) for score in scores]
    return sum(w * (one + b) ** 2 for w, one in zip(weights, z, strict=False)) / sum(weights)


@pytest.mark.parametrize("t", [0.0, 0.03, 1.0, 10.0])
@pytest.mark.parametrize("draw", DRAWS)
def test_the_markers_are_those_of_a_loop(draw, t):
    b, c = -0.7, 1.3
    a = (1 + c) * b
    z = JUDGE.evaluate(k=MOST, draw=draw)["answer"]
    at = JUDGE.evaluate(k=7, b=b, c=c, t=t, draw=draw)
    expected = [judged(z, k, a, b, t) for k in range(1, MOST + 1)]
    # rounding
    np.testing.assert_allclose(at["found"], np.clip(expected, *ERRORS), rtol=1e-10, atol=0)
    np.testing.assert_allclose([at["error"], at["found here"][0]], expected[6], rtol=1e-10, atol=0)
    np.testing.assert_allclose(at["answer"][:7], z[:7], rtol=0, atol=0)
    assert (np.abs(at["answer"][7:]) > 10).all()
    np.testing.assert_allclose(at["weight"].sum(), 1, rtol=1e-12, atol=0)
    closest = z[np.argmin(np.abs(z[:7] + a))]
    assert at["likeliest"][0] == closest
    np.testing.assert_allclose(at["its weight"][0], at["weight"].max(), rtol=1e-14, atol=0)
    np.testing.assert_allclose(at["effective"], 1 / (at["weight"] ** 2).sum(), rtol=1e-12, atol=0)


def test_draws_are_different_and_normal():
    z = np.array([JUDGE.evaluate(k=MOST, draw=draw)["answer"] for draw in DRAWS]).ravel()
    assert len(set(z)) == z.size == 384
    # four standard errors, 0.2 and 0.29
    assert abs(z.mean()) < 0.2
    assert abs((z**2).mean() - 1) < 0.29


@pytest.mark.parametrize("t", [0.0, 0.03, 0.3, 3.0, 10.0])
@pytest.mark.parametrize(("b", "c"), [(-1.0, 0.0), (0.3, 2.0), (2.0, 3.0)])
def test_the_line_is_the_expected_error(b, c, t):
    at = JUDGE.evaluate(b=b, c=c, t=t, k=20)
    biases = {"bias_teacher": b, "bias_reward": (1 + c) * b}
    expected = np.asarray(theory.softmax_selection_error(at["k"], t, **biases))
    np.testing.assert_allclose(at["expected"], np.clip(expected, *ERRORS), **CLOSE)
    np.testing.assert_allclose(at["mean error"], expected[19], **CLOSE)
    floor = (b - (1 + c) * b / (1 + t)) ** 2 + 1 - 1 / (1 + t)
    np.testing.assert_allclose(at["least error"], floor, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(at["floor"], np.clip(floor, *ERRORS), rtol=1e-12, atol=0)
    assert (at["teacher"][0], at["target"][0]) == (-b, -(1 + c) * b)


def test_a_judge_that_goes_too_far_is_said():
    assert "more answers are worse" in said(JUDGE, b=0.9, c=0.7, t=0)  # 2 a (a - b) is 1.9
    assert "more answers are worse" not in said(JUDGE, b=0.9, c=0.2, t=0)  # 0.39
    assert "The judge is the teacher" in said(JUDGE, b=0.9, c=0)
    assert "The judge is the teacher" not in said(JUDGE, b=0.9, c=0.2)


# The average over inputs


@pytest.mark.parametrize("variance", [0.02, 0.3, 0.5, 1.2])
@pytest.mark.parametrize("c", [0.0, 0.75, 4.0])
def test_the_average_of_the_best_of_k(variance, c):
    at = CURVE.evaluate(variance=variance, c=c, t=0)
    expected = np.asarray(theory.average_error(KS, 0.0, bias_variance=variance, offset=c))
    np.testing.assert_allclose(at["error"], expected, **CLOSE)


@pytest.mark.parametrize(
    ("variance", "c", "t"), [(0.02, 20.0, 3.0), (0.041, 15.0, 10.0), (0.5, 0.0, 0.1), (1.2, 0.0, 1.0), (0.02, 5.0, 0.3)]
)
def test_the_average_at_a_temperature(variance, c, t):
    at = CURVE.evaluate(variance=variance, c=c, t=t)
    expected = np.asarray(theory.average_error(KS, t, bias_variance=variance, offset=c))
    np.testing.assert_allclose(at["error"], expected, **CLOSE)


@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 10.0])
def test_the_farthest_judge_by_drawing(t):
    """Where the theory's own quadrature of the average gives up."""
    draw = np.random.default_rng(7)
    variance, c, count, most = 1.2, 20.0, 40_000, 64
    b = np.sqrt(variance) * draw.normal(size=(count, 1))
    z = draw.normal(size=(count, most))
    distance = (z + (1 + c) * b) ** 2
    at = CURVE.evaluate(variance=variance, c=c, t=t)
    for power in (0, 1, 3, 6):
        k = 2**power
        farther = distance[:, :k] - distance[:, :k].min(axis=1, keepdims=True)
        weights = np.exp(-farther / (2 * t)) if t else (farther == 0).astype(float)
        sample = (weights * (z[:, :k] + b) ** 2).sum(axis=1) / weights.sum(axis=1)
        # four standard errors
        assert abs(at["error"][power] - sample.mean()) < 4 * sample.std() / np.sqrt(count), k


def gaussian_average(function, variance, nodes=120):
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return (weights * function(np.sqrt(variance) * places)).sum() / weights.sum()


@pytest.mark.parametrize(("variance", "c", "t"), [(0.041, 15.0, 10.0), (0.3, 2.0, 3.0), (1.2, 0.0, 1.0)])
def test_the_floor_and_the_leading_term(variance, c, t):
    at = CURVE.evaluate(variance=variance, c=c, t=t)

    def floor(b):
        return np.asarray(theory.error_floor(t, bias_teacher=b, bias_reward=(1 + c) * b))

    def above(b):
        biases = {"bias_teacher": b, "bias_reward": (1 + c) * b}
        return 1e3 * (np.asarray(theory.large_k_error(1e3, t, **biases)) - floor(b))

    # a polynomial is exact; the exponential in the other is below e^(0.4 u^2)
    np.testing.assert_allclose(at["floor value"], gaussian_average(floor, variance), rtol=1e-10, atol=0)
    by_k, by_square, there = _law(t, variance, c)
    assert there
    assert by_square == 0
    np.testing.assert_allclose(by_k, gaussian_average(above, variance), rtol=1e-6, atol=0)
    # and the errors follow it to the next order, a part n2 / k of it with n2 of some units, and to the quadrature
    reached = at["k"] >= 2**12
    np.testing.assert_allclose(at["law"][reached], at["error"][reached], rtol=1e-4, atol=0)
    assert (at["law k"] == at["k"]).all()


def test_the_leading_term_at_temperature_zero():
    for variance, c in ((0.2, 0.0), (0.06, 0.5)):
        at = CURVE.evaluate(variance=variance, c=c, t=0)
        by_k, by_square, there = _law(0.0, variance, c)
        assert there
        assert by_k == 0
        above = at["error"] - c**2 * variance
        # slowly, as the tail is heavy: at 2^10 the theory's numbers are within 2 %
        np.testing.assert_allclose(above[10] * KS[10] ** 2, by_square, rtol=0.03, atol=0)
    assert CURVE.evaluate(variance=0.55, c=0, t=0)["law k"].max() == OUT_OF_SIGHT
    assert "is infinite" in said(CURVE, variance=0.55, c=0, t=0)
    assert "is infinite" not in said(CURVE, variance=0.45, c=0, t=0)


@pytest.mark.parametrize(("variance", "exponent"), [(0.25, -2), (0.75, -4 / 3), (1.1, -1 / 1.1)])
def test_hard_inputs_slow_the_gain(variance, exponent):
    at = CURVE.evaluate(variance=variance, c=0, t=0)
    np.testing.assert_allclose(at["in the end"], exponent, rtol=1e-12, atol=0)
    # it is neared as a logarithm
    np.testing.assert_allclose(at["last slope"], exponent, rtol=0, atol=0.15)
    np.testing.assert_allclose(at["slope"], np.diff(np.log(at["error"])) / np.log(2), rtol=1e-9, atol=1e-12)
    assert ("Hard inputs decide" in said(CURVE, variance=variance, c=0, t=0)) == (variance > 0.5)


@pytest.mark.parametrize(("c", "best"), [(5.0, None), (10.0, None), (15.0, 8), (20.0, 4)])
def test_the_judges_of_the_paper(c, best):
    """As drawn end to end for twelve posteriors: c = 15 is best at 8 answers, c = 20 at 4, the others fall."""
    at = CURVE.evaluate(variance=0.0411, c=c, t=10.0)
    assert at["harmful"] == (best is not None)
    if best:
        assert at["best k"][0] == at["least k"] == best
        assert at["best"][0] == at["least"] == at["error"].min()
    else:
        assert at["best k"][0] == OUT_OF_SIGHT
        assert at["error"][-1] == at["least"]


def test_levels_are_shown_where_errors_are():
    at = CURVE.evaluate(variance=0.2, c=0, t=0)
    assert (at["mean"] == 0.2).all()
    assert (at["mean k"] == KS[[0, -1]]).all()
    # the floor is 0
    assert (at["floor k"] == OUT_OF_SIGHT).all()
    low = CURVE.evaluate(variance=0.0411, c=15.0, t=10.0)
    assert (low["mean k"] == OUT_OF_SIGHT).all()
    assert (low["floor k"] == KS[[0, -1]]).all()
    assert "beats the posterior mean" in said(CURVE, variance=0.0411, c=15.0, t=10.0)
    assert "beats the posterior mean" not in said(CURVE, variance=0.2, c=0, t=0)


# Temperature


@pytest.mark.parametrize("k", [2, 64, 1024])
def test_the_map(k):
    at = TEMPERATURE.evaluate(k=k, b=-0.4)
    for row, column in ((0, 0), (0, 20), (12, 5), (24, 32), (7, 16)):
        place, t = at["a"][column], at["t"][row]
        expected = theory.softmax_selection_error(k, t, bias_teacher=-0.4, bias_reward=place)
        # rounding of stored numbers
        np.testing.assert_allclose(at["errors"][row, column], float(expected), rtol=1e-9, atol=0)
    assert at["errors"].shape == (25, 33)
    np.testing.assert_allclose(at["a"], np.arange(-16, 17) / 4, rtol=0, atol=0)


@pytest.mark.parametrize(("k", "b", "a"), [(2, 0.4, -4.0), (8, -1.0, 1.3), (64, 0.2, 3.0), (1024, 1.0, 4.0)])
def test_the_cut(k, b, a):
    at = TEMPERATURE.evaluate(k=k, b=b, a=a, t=0.7)
    biases = {"bias_teacher": b, "bias_reward": a}
    np.testing.assert_allclose(at["line"], theory.softmax_selection_error(k, LINE, **biases), **CLOSE)
    np.testing.assert_allclose(at["error"], float(theory.softmax_selection_error(k, 0.7, **biases)), **CLOSE)
    q = 1 / (1 + LINE)
    np.testing.assert_allclose(at["floor"], (b - q * a) ** 2 + 1 - q, rtol=1e-12, atol=1e-13)
    c1 = 1 + 2 * a * b
    series = 1 + b**2 - (1 - 1 / k) * c1 / LINE + (1 - 1 / k) * (1 - 2 / k) * (c1 + a**2) / LINE**2
    top = 1.1 * max(at["line"].max(), at["floor"].max())
    np.testing.assert_allclose(at["expansion"], np.clip(series, 0, top), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("k", "b", "column"), [(3, 0.0, 32), (64, 0.2, 28), (1024, 0.2, 5), (16, 0.2, 17), (16, 0.5, 2)]
)
def test_the_best_temperature(k, b, column):
    at = TEMPERATURE.evaluate(k=k, b=b)
    a = at["a"][column]
    expected = theory.optimal_temperature(k, bias_teacher=b, bias_reward=a)
    # a quarter of a cell, which is an eighth of a decade; the parabola is off by the square of that
    np.testing.assert_allclose(at["best"][column], np.clip(expected, ROWS[0], ROWS[-1]), rtol=0.07, atol=0)
    cut = TEMPERATURE.evaluate(k=k, b=b, a=a)
    # two digits are said
    np.testing.assert_allclose(cut["best t"], np.clip(expected, ROWS[0], ROWS[-1]), rtol=0.02, atol=0)
    assert cut["least"] == cut["line"].min()


@pytest.mark.parametrize("k", FEW)
def test_lines_of_the_best_temperature(k):
    at = TEMPERATURE.evaluate(k=k, b=0.3, a=-1.2)
    for place, exact, series in zip(at["fine"], at["exact"], at["series"], strict=True):
        biases = {"bias_teacher": 0.3, "bias_reward": place}
        ends = ROWS[0], ROWS[-1]
        np.testing.assert_allclose(
            exact, np.clip(theory.optimal_temperature(np.inf, **biases), *ends), rtol=1e-9, atol=0
        )
        np.testing.assert_allclose(
            series, np.clip(theory.optimal_temperature_series(k, **biases), *ends), rtol=1e-9, atol=0
        )
    # 2 a^2 / (1 + 2 a b) - 1 and its like
    np.testing.assert_allclose(at["endless t"], 2 * 1.44 / 0.28 - 1, rtol=1e-10, atol=0)
    np.testing.assert_allclose(at["series t"], max(2 * (1 - 2 / k) * (1 + 1.44 / 0.28), 0.1), rtol=1e-10, atol=0)


def test_what_is_said_of_temperatures():
    assert "best ignored" in said(TEMPERATURE, b=0.5, a=-1.5)
    assert "best ignored" not in said(TEMPERATURE, b=0.5, a=-0.5)
    assert "t = 0 is best" in said(TEMPERATURE, b=0.5, a=0.5)
    assert "t = 0 is best" not in said(TEMPERATURE, b=0.0, a=0.75)
