"""Separable logistic regression: certificates of the margin, fifty digits, other integrators, and plain loops."""

import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar
from scipy.special import expit

from solvable.softmax_collapse.theory.logistic import (
    FACING_CROWDS_EDGE,
    descent_bound,
    facing_crowds_steps,
    flow_collapse_steps,
    margin_after,
    margin_lead,
    max_margin,
    norm_growth,
    perceptron_bound,
    rounded_collapse_steps,
)

TWO = np.array([[0.5, 1.0], [0.5, -1.0]])  # the plane across the first axis, by symmetry


def narrow(n, d, margin, *, seed, scale=1.0):
    """Examples between one and two margins from a random plane, and about 1 along it."""
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(n, d))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[:, 0] = margin * (1 + draw.uniform(size=n))
    return scale * points @ np.linalg.qr(draw.normal(size=(d, d)))[0]


@pytest.mark.parametrize(
    "examples",
    [
        narrow(185, 20, 0.2, seed=0),
        narrow(40, 6, 1e-2, seed=1),
        narrow(40, 6, 1e-4, seed=2),
        narrow(40, 6, 3e-6, seed=3),
        narrow(5, 30, 0.1, seed=4),
        narrow(60, 4, 0.1, seed=5, scale=1e6),
        narrow(60, 4, 0.1, seed=6, scale=1e-6),
        np.repeat(narrow(9, 3, 0.1, seed=7), 4, axis=0),
        np.array([[3.0, 4.0]]),
        np.array([[-2.0]]),
    ],
)
def test_the_margin_lies_between_its_two_certificates(examples):
    found = max_margin(examples)
    length = np.linalg.norm(found.direction)
    assert (found.multipliers >= 0).all()
    # any direction is a lower bound of the margin, any mean of the examples an upper one: wherever they meet it is both
    lower = (examples @ found.direction).min() / length
    upper = np.linalg.norm(found.multipliers @ examples) / found.multipliers.sum()
    np.testing.assert_allclose([lower, found.margin], upper, rtol=1e-9, atol=0)
    # the scale of the direction, and what the multipliers are; 1e-16 over the square of the smallest margin is 1e-5,
    # so that no formula that squares it would pass
    np.testing.assert_allclose((examples @ found.direction).min(), 1, rtol=1e-9, atol=0)
    assert np.linalg.norm(found.multipliers @ examples - found.direction) < 1e-9 * length


def test_the_margin_of_two_examples():
    found = max_margin(TWO)
    np.testing.assert_allclose(found.direction, [2, 0], rtol=1e-14, atol=1e-14)  # a handful of operations
    np.testing.assert_allclose(found.margin, 0.5, rtol=1e-14, atol=0)
    np.testing.assert_allclose(found.multipliers, [2, 2], rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "examples",
    [
        np.array([[1.0, 0.0], [-1.0, 0.0]]),
        np.array([[1.0, 0.0], [0.0, 0.0]]),
        np.zeros((2, 2)),
        np.random.default_rng(0).normal(size=(60, 5)),
        np.array([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]]),
        np.array([[1.0, 1e-8], [-1.0, 1e-8]]),
    ],
)
def test_what_no_plane_separates_is_refused(examples):
    for function in (max_margin, perceptron_bound, norm_growth):
        with pytest.raises(ValueError, match=f"examples must be separable by a plane through 0, got {len(examples)} "):
            function(examples)


@pytest.mark.parametrize("examples", [np.zeros((0, 3)), np.zeros((3, 0))])
def test_nothing_is_refused(examples):
    with pytest.raises(ValueError, match="examples must have at least one row and one column"):
        max_margin(examples)


def test_numbers_without_meaning_are_refused():
    with pytest.raises(ValueError, match="examples must be finite"):
        max_margin(np.array([[np.nan, 1.0]]))


def test_bounds_of_the_perceptron_for_examples_of_known_margin():
    # Tyurin (2024), theorem 5.1: R^2 = 5/4 and mu = 1/2
    batch, normalised = perceptron_bound(np.vstack([TWO, np.repeat(TWO[:1], 7, axis=0)]))
    np.testing.assert_allclose([batch, normalised], [45, 5], rtol=1e-13, atol=0)  # a handful of operations


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("step_size", [0.1, 3.0])
def test_bounds_of_descent_have_the_largest_push_of_right_examples(n, step_size):
    examples = np.repeat(TWO, [n - 1, 1], axis=0)

    def push(margin):  # of n - 1 right examples beside a mistake at 0, which counts one half
        weight = (n - 1) * expit(-margin)
        return weight * margin / (weight + 0.5)

    largest = -minimize_scalar(lambda m: -push(m), bounds=(0, 20), method="bounded", options={"xatol": 1e-9}).fun
    margin, length = (0.5, 1.25**0.5) if n > 1 else (1.25**0.5,) * 2
    normalised = (length / margin) ** 2 + 2 * largest / (step_size * margin**2)
    found = descent_bound(examples, step_size=step_size)
    # at its top the push is flat: an error of 1e-6 in the margin is one of 1e-12 in its height
    np.testing.assert_allclose(found, [2 * n * normalised, normalised], rtol=1e-10, atol=0)
    # with the paper's logarithm it is no smaller
    paper = (length / margin) ** 2 + 2 * math.log(2 * n - 1) / (step_size * margin**2)
    assert found.normalised <= paper * (1 + 1e-12)


def test_bounds_of_descent_end_in_that_of_the_normalised_perceptron():
    examples = narrow(30, 4, 0.1, seed=0)
    # what is left is some tens over the step size
    np.testing.assert_allclose(
        descent_bound(examples, step_size=1e15).normalised, perceptron_bound(examples).normalised, rtol=1e-11, atol=0
    )


def test_growth_of_the_norm_is_the_length_of_the_direction_times_the_logarithm():
    examples = 3 * TWO
    np.testing.assert_allclose(norm_growth(examples), math.log(10) / 1.5, rtol=1e-14, atol=0)
    np.testing.assert_allclose(norm_growth(examples, factor=math.e), 1 / 1.5, rtol=1e-14, atol=0)
    assert norm_growth(examples, factor=1.0) == 0


@pytest.mark.parametrize("rate", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("steps", [0.0, 1e-6, 0.3, 1.0, 1e3, 1.7e7, 1e20, 1e300])
def test_the_flow_solves_its_equation_in_fifty_digits(steps, rate):
    with mpmath.workdps(50):
        total = mpmath.mpf(rate) * mpmath.mpf(steps) + 1
        # of the logarithms, which do not overwhelm the margin
        exact = mpmath.findroot(lambda m: m - mpmath.log(total - m), mpmath.log(total), tol=1e-60)
    # near 0 the rounding of the 1 that is added to the time is what counts
    np.testing.assert_allclose(margin_after(steps, rate=rate), float(exact), rtol=1e-15, atol=3e-16)


def test_the_flow_is_what_an_integrator_finds():
    times = np.array([0.5, 3.0, 40.0, 1000.0])
    found = solve_ivp(lambda _, m: 0.7 * expit(-m), (0, 1000), [0.0], t_eval=times, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(margin_after(times, rate=0.7), found.y[0], rtol=1e-9, atol=0)  # of the integrator


@pytest.mark.parametrize("rate", [0.01, 0.1, 1.0, 3.0])
def test_descent_is_ahead_of_its_flow_by_no_more_than_the_bound(rate):
    margins = [0.0]
    for _ in range(20_000):
        margins.append(margins[-1] + rate / (1 + math.exp(margins[-1])))
    steps = np.arange(len(margins))
    lead = np.array(margins) - margin_after(steps, rate=rate)
    bound = margin_lead(steps, rate=rate)
    assert (lead > -1e-12).all()  # 20 000 additions to a number of order 10
    assert (lead <= bound + 1e-12).all()
    # to first order in the rate the lead has the integral of sigma(m), m - ln 2, where the bound has e^(rho/2) m
    if rate < 0.5:
        expected = (1 - math.log(2) / margins[-1]) * math.exp(-rate / 2)
        np.testing.assert_allclose(lead[-1] / bound[-1], expected, rtol=rate / 4, atol=0)


def test_the_bound_of_the_lead_is_infinite_for_a_huge_first_step_and_no_number_is_lost():
    np.testing.assert_array_equal(margin_lead(np.array([1.0, 2.0]), rate=1e4), [np.inf, np.inf])
    assert 0 <= margin_lead(1e300, rate=1.0) < 1e-290


@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 8), ("float16", 11), ("float32", 24), ("float64", 53)])
@pytest.mark.parametrize("rate", [0.1, 2.0])
def test_the_flow_collapses_where_its_margin_is_that_of_the_precision(dtype, bits, rate):
    steps = flow_collapse_steps(dtype, rate=rate)
    np.testing.assert_allclose(margin_after(steps, rate=rate), bits * math.log(2), rtol=1e-14, atol=0)


def test_what_rounding_takes_off_is_the_integral_over_rounded_gradients():
    # up to 1/2 + 200, by quadrature between the jumps; beyond, the integral of 1 / x^2 up to a part in 12 x^2
    edges = np.arange(201) + 0.5
    pieces = [quad(lambda x, k=k: 1 / (x * k), edges[k - 1], edges[k])[0] for k in range(1, 201)]
    kappa = (sum(pieces) + 1 / edges[-1]) / 2
    for dtype, bits in (("bfloat16", 8), ("float32", 24)):
        # the tail is wrong by 1/12 times the integral of 1/x^4, below 1e-8
        np.testing.assert_allclose(rounded_collapse_steps(dtype, rate=0.5), kappa * 2 ** (bits + 1), rtol=1e-8, atol=0)


@pytest.mark.parametrize("step_size", [0.5, 4.0])
def test_facing_crowds_under_the_flow(step_size):
    margin = 0.02
    across = math.sqrt(1 - margin**2)

    def slope(_, w):
        upper = 2 / 3 * expit(-margin * w[0] - across * w[1])
        lower = 1 / 3 * expit(-margin * w[0] + across * w[1])
        return [step_size * margin * (upper + lower), step_size * across * (upper - lower)]

    def lower_margin(_, w):
        return margin * w[0] - across * w[1] + (w[0] == 0)

    lower_margin.terminal, lower_margin.direction = True, 1
    found = solve_ivp(slope, (0, 1e5), [0.0, 1e-9], events=lower_margin, method="LSODA", rtol=1e-9, atol=1e-9)
    (time,) = found.t_events[0]
    # the balance takes time of order 1/eta, the slowest motion 1/(eta mu^2)
    np.testing.assert_allclose(facing_crowds_steps(margin=margin, step_size=step_size), time, rtol=3e-3, atol=0)


def test_facing_crowds_under_the_perceptron():
    margins = np.array([0.1, 0.05, 0.02])
    for margin, expected in zip(margins, facing_crowds_steps(margin=margins, step_size=np.inf), strict=True):
        upper, lower = np.array([[margin, math.sqrt(1 - margin**2)], [margin, -math.sqrt(1 - margin**2)]])
        v, steps = (2 * upper + lower) / 6, 1
        while min(v @ upper, v @ lower) <= 0:
            v, steps = v + (2 / 3 * upper if v @ upper < 0 else 0) + (lower / 3 if v @ lower < 0 else 0), steps + 1
        # it ends in one of three phases, and the length across is less than 1 by mu^2/2
        assert abs(steps - expected) <= 2


def test_facing_crowds_say_which_step_sizes_they_know():
    assert np.isfinite(facing_crowds_steps(margin=0.1, step_size=FACING_CROWDS_EDGE))
    with pytest.raises(ValueError, match=r"step_size must be at most 9\.0 or infinite, got 9\.5"):
        facing_crowds_steps(margin=0.1, step_size=9.5)


def test_above_the_edge_the_balance_of_facing_crowds_is_lost():
    # the crowds balance at ln 2, where the slope of 2 sigma(-y)/3 - sigma(y)/3 is -2/9: a step times this is below 2
    balance = math.log(2)

    def end(step_size):
        y = balance + 1e-3
        for _ in range(4000):
            y += step_size * (2 * expit(-y) - expit(y)) / 3
        return abs(y - balance)

    assert end(FACING_CROWDS_EDGE - 0.1) < 1e-6
    assert end(FACING_CROWDS_EDGE + 0.1) > 1e-2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: descent_bound(TWO, step_size=0.0), "step_size must be positive"),
        (lambda: norm_growth(TWO, factor=0.5), "factor must be between 1 and inf"),
        (lambda: margin_after(-1.0, rate=1.0), "steps must be non-negative"),
        (lambda: margin_after(1.0, rate=0.0), "rate must be positive"),
        (lambda: margin_lead(1.0, rate=-1.0), "rate must be positive"),
        (lambda: flow_collapse_steps("float32", rate=0.0), "rate must be positive"),
        (lambda: flow_collapse_steps("float8", rate=1.0), "dtype must be one of"),
        (lambda: rounded_collapse_steps("bfloat16", rate=12.0), "rate must be between 0 and 11"),
        (lambda: facing_crowds_steps(margin=0.0, step_size=1.0), "margin must be positive"),
        (lambda: facing_crowds_steps(margin=1.0, step_size=1.0), "margin must be between 0 and"),
        (lambda: facing_crowds_steps(margin=0.1, step_size=0.0), "step_size must be positive"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
