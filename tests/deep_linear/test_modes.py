"""One mode of a deep linear network, against series, quadrature, integrators and plain loops."""

import math
import re

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import wrightomega

from solvable.deep_linear.theory.modes import (
    discrete_mode_strength,
    effective_initial_strength,
    lazy_limit,
    mode_strength,
    mode_strength_unbalanced,
    optimal_learning_rate,
    time_to_reach,
    unbalanced_layer_strengths,
)

INF = math.inf
EPS = float(np.finfo(np.float64).eps)
DEPTHS = (1, 2, 3, 4, 5, 16, 64, 256, 1000, INF)
# a closed form is a chain of some tens of roundings, each of half an eps; on top comes what a rounding of the
# arguments alone would do, which each test adds
ROUNDINGS = 64 * EPS
# the global error of DOP853 at rtol = 1e-12 over these intervals is 1e-11 or less (it was compared with mpmath)
INTEGRATED = 1e-10

# no test decides by time, and the first example of each kind compiles
quick = settings(max_examples=40)


def padded(function, *arguments, size=128):
    """Call with every argument spread to one shape, so that each depth is compiled once."""
    arguments = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in arguments))
    shape, count = arguments[0].shape, arguments[0].size
    result = np.asarray(function(*(np.resize(x, size) for x in arguments)))
    return result[:count].reshape(shape)


def strength(t, s, u0, depth=2, tau=1.0):
    return padded(lambda *x: mode_strength(*x, tau=tau, depth=depth), t, s, u0)


def time_until(u, s, u0, depth=2, tau=1.0):
    return padded(lambda *x: time_to_reach(*x, tau=tau, depth=depth), u, s, u0)


def layers_at(t, s, a0, b0, tau=1.0):
    return tuple(padded(lambda *x, i=i: unbalanced_layer_strengths(*x, tau=tau)[i], t, s, a0, b0) for i in (0, 1))


def constants(depth):
    return (2, 1) if depth == INF else (mp.mpf(2) - mp.mpf(2) / depth, depth)


def digits(x):
    return x if isinstance(x, mp.mpf) else mp.mpf(float(x))


def speed(u, s, depth):
    q, layers = constants(depth)
    return layers * digits(u) ** q * (digits(s) - digits(u))


def exact_time(u, s, u0, depth):
    """Time by logarithms and Gauss's hypergeometric series, to 30 digits."""
    u, s, u0 = digits(u), digits(s), digits(u0)
    q, layers = constants(depth)
    if depth == 1:
        return mp.log((s - u0) / (s - u))
    if 10 * s > u and depth in (2, INF):
        logarithm = mp.log(u / u0 * ((s - u0) / (s - u)))
        return logarithm / (2 * s) if depth == 2 else logarithm / s**2 + (1 / u0 - 1 / u) / s

    def antiderivative(x):
        if u < s:
            return x ** (1 - q) / (s * (1 - q)) * mp.hyp2f1(1, 1 - q, 2 - q, x / s)
        return x**-q / q * mp.hyp2f1(1, q, 1 + q, s / x)

    return (antiderivative(u) - antiderivative(u0)) / layers


def quadrature_time(u, s, u0, depth):
    """The same by quadrature of the differential equation, in ln x."""
    points = mp.linspace(mp.log(u0), mp.log(u), 9)
    return mp.quad(lambda k: mp.exp(k) / speed(mp.exp(k), s, depth), points)


@pytest.fixture(autouse=True)
def thirty_digits():
    with mp.workdps(30):
        yield


def cases(depth):
    """Targets, starts and times that reach from the first steps to well beyond the half-way strength."""
    for s in (1e-3, 1.0, 7.0):
        for ratio in (1e-12, 1e-3, 0.3, 1 - 1e-9, 1 + 1e-9, 2.0, 1e3, 1e9):
            u0 = ratio * s
            middle = s / 2 if ratio < 0.5 else (u0 + s) / 2
            scale = float(exact_time(middle, s, u0, depth))
            for fraction in (0.01, 0.5, 1.0, 1.5):
                yield fraction * scale, s, u0


@pytest.mark.parametrize("depth", DEPTHS)
def test_strength_inverts_the_exact_time(depth):
    t, s, u0 = np.array(list(cases(depth))).T
    u = strength(t, s, u0, depth)
    for i in range(t.size):
        if u[i] == s[i]:
            # the remaining distance must then be lost in rounding
            before = s[i] * (1 + math.copysign(8 * EPS, u0[i] - s[i]))
            assert exact_time(before, s[i], u0[i], depth) <= t[i]
            continue
        f = speed(u[i], s[i], depth)
        missing = float(f * (t[i] - exact_time(u[i], s[i], u0[i], depth)) / u[i])
        # relative to u: the last term is what one rounding of t does
        assert abs(missing) <= ROUNDINGS * (1 + abs(float(f)) * t[i] / u[i]), (t[i], s[i], u0[i])


@pytest.mark.parametrize("depth", DEPTHS)
def test_time_to_reach_is_the_hypergeometric_form(depth):
    table = np.array(
        [
            (u0 + part * (s - u0), s, u0)
            for s in (1e-3, 1.0, 7.0)
            for u0 in (1e-9 * s, 0.1 * s, 0.9 * s, 1.5 * s, 1e4 * s)
            for part in (1e-3, 0.5, 0.999)
        ]
    )
    found = time_until(*table.T, depth)
    for time, (u, s, u0) in zip(found, table, strict=True):
        # one rounding of each of u and u0 moves the time by u / f(u) and u0 / f(u0)
        moved = sum(abs(float(x / speed(x, s, depth))) for x in (u, u0))
        exact = float(exact_time(u, s, u0, depth))
        assert abs(time - exact) <= ROUNDINGS * (exact + moved), (u, s, u0)


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 64, INF])
@pytest.mark.parametrize(("u", "s", "u0"), [(0.7, 1.0, 0.01), (3.5, 3.0, 8.0)])
def test_time_to_reach_is_the_integral(u, s, u0, depth):
    # both ends are far from s, so the conditioning is below 100
    np.testing.assert_allclose(time_until(u, s, u0, depth), float(quadrature_time(u, s, u0, depth)), rtol=100 * EPS)


@pytest.mark.parametrize(
    ("u0", "printed"),
    [
        (0.1, {2: "4.39", 3: "6.03", 4: "7.20", 8: "9.63", 16: "11.3", 32: "12.2", 128: "13.0", INF: "13.28"}),
        (0.01, {2: "9.19", 3: "16.2", 4: "23.8", 8: "47.8", 16: "71.0", 32: "87.4", 128: "102.5", INF: "108.18"}),
        (0.001, {2: "13.8", 3: "34.6", 4: "69.5", 8: "246", 16: "492", 32: "704", 128: "924", INF: "1012.8"}),
    ],
)
def test_depth_delays_by_a_finite_time(u0, printed):
    for depth, value in printed.items():
        layers = 1 if depth == INF else depth
        found = layers * float(time_until(1 - u0, 1.0, u0, depth))
        # to rounding against quadrature (conditioning 1 / u0, at most 1000), and to the digits of the chapter's table
        assert found == pytest.approx(float(layers * quadrature_time(1 - u0, 1.0, u0, depth)), rel=1000 * EPS)
        assert abs(found - float(value)) <= 0.51 * 10.0 ** -len(value.partition(".")[2])


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 16, 256, INF])
@pytest.mark.parametrize(("s", "u0"), [(1.3, 0.02), (1.3, 4.0), (0.0, 0.8), (2.0, 1.999)])
def test_strength_solves_its_differential_equation(depth, s, u0):
    q, layers = (float(x) for x in constants(depth))
    scale = min(float(quadrature_time(0.99 * s, s, u0, depth)) if 0 < u0 < 0.9 * s else 3 / layers, 1e3)
    times = np.linspace(0.0, scale, 25)
    flow = solve_ivp(
        lambda _, u: layers * u**q * (s - u),
        (0, scale),
        [u0],
        t_eval=times,
        method="DOP853",
        rtol=1e-12,
        atol=1e-300,
    )
    np.testing.assert_allclose(strength(times, s, u0, depth), flow.y[0], rtol=INTEGRATED)


def test_four_layers_in_elementary_functions():
    s, u0 = 2.0, 0.01
    v, v0 = math.sqrt(1.7), math.sqrt(u0)
    root = math.sqrt(s)
    time = ((1 / v0 - 1 / v) / s + (math.atanh(v / root) - math.atanh(v0 / root)) / s**1.5) / 2
    # a handful of operations in each, conditioning below 10
    assert float(time_until(1.7, s, u0, 4)) == pytest.approx(time, rel=ROUNDINGS)
    assert float(strength(time, s, u0, 4)) == pytest.approx(1.7, rel=ROUNDINGS)


def test_infinite_depth_by_the_wright_omega_function():
    s, u0 = 1.5, 0.02
    t = np.linspace(0.0, 60.0, 61)
    z0 = s / u0 - 1
    # the argument of omega is rounded at the size of z0 = 74
    np.testing.assert_allclose(
        strength(t, s, u0, INF),
        s / (1 + wrightomega(math.log(z0) + z0 - s**2 * t).real),
        rtol=100 * ROUNDINGS,
    )


def test_two_layers_give_the_sigmoid():
    t, s, u0 = np.linspace(0.0, 5.0, 11), 2.0, 0.01
    growth = np.exp(2 * s * t)
    np.testing.assert_allclose(mode_strength(t, s, u0), s * growth / (growth - 1 + s / u0), rtol=ROUNDINGS)


def test_two_layers_with_small_exponents():
    # both sides of 2 s t = 1e-3, where a series begins; from far above, only the integral of the decay is left
    s, u0 = 1e-3, 1e12
    t = np.array([0.1, 0.3, 0.499, 0.501, 0.8])
    exact = [
        float(1 / (mp.exp(-2 * digits(s) * k) / u0 + (1 - mp.exp(-2 * digits(s) * k)) / s)) for k in map(digits, t)
    ]
    # a division, a few additions and one rounding of the exponent
    np.testing.assert_allclose(strength(t, s, u0), exact, rtol=8 * EPS)


@pytest.mark.parametrize(("time", "u0"), [(6.0, 0.1), (0.3, 3.0)])
def test_infinite_depth_is_approached_as_one_over_depth(time, u0):
    limit = strength(time, 1.0, u0, INF)
    difference = [float(strength(time / depth, 1.0, u0, depth) - limit) for depth in (1000, 2000, 4000)]
    # halved at each doubling, up to the next order, which is ln(u0)^2 / depth or so; a small difference must not vanish
    assert abs(difference[0]) > 1e-5
    assert difference[0] / difference[1] == pytest.approx(2, abs=0.02)
    assert difference[1] / difference[2] == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("depth", [1, 2, 3, 7, 64, INF])
class TestEdges:
    def test_the_end(self, depth):
        start = np.array([0.0, 1e-300, 0.1, 2.0, 1e9])
        end = strength(INF, 2.0, start, depth)
        np.testing.assert_array_equal(end, [2.0 if depth == 1 else 0.0, 2, 2, 2, 2])
        # a time that overflows the exponent, in floating point or already as a product, is as long as any
        for t in (1e300, 1e308):
            np.testing.assert_allclose(strength(t, 20.0, start[2:], depth), 20.0, rtol=ROUNDINGS)

    def test_no_target(self, depth):
        q, layers = (float(x) for x in constants(depth))
        t, u0 = np.array([0.0, 0.3, 5.0, 1e6]), 1.7
        expected = u0 * np.exp(-t) if depth == 1 else (u0**-q + q * layers * t) ** (-1 / q)
        # by separation of variables
        np.testing.assert_allclose(strength(t, 0.0, u0, depth), expected, rtol=ROUNDINGS)
        # a target far below the start changes nothing until the strength is that small
        np.testing.assert_allclose(strength(t[1:3], 1e-200, u0, depth), expected[1:3], rtol=ROUNDINGS)
        assert float(strength(INF, 0.0, u0, depth)) == 0.0

    def test_no_start(self, depth):
        for s in (0.0, 2.0):
            u = strength(np.array([0.0, 1.0, 1e5, INF]), s, 0.0, depth)
            np.testing.assert_array_equal(u, s * (1 - np.exp([0.0, -1, -1e5, -INF])) if depth == 1 else np.zeros(4))

    def test_stays_at_the_target(self, depth):
        u = strength(np.array([0.0, 1e-3, 1.0, 1e9, INF]), 0.3, 0.3, depth)
        np.testing.assert_allclose(u, 0.3, rtol=4 * EPS)

    @pytest.mark.parametrize(
        "u0", [2.3e-308, 1e-300, 1e-20, 0.5, 1 - 2.0**-52, 1 + 2.0**-51, 1e20, 1e150], ids="{:.16g}".format
    )
    def test_starts_at_the_start(self, depth, u0):
        # a logarithm of u0 carries a relative rounding, which its exponential turns into |ln u0| roundings
        tolerance = ROUNDINGS + 2 * EPS * abs(math.log(u0))
        for s in (0.0, 1e-10, 1.0, 1e10):
            assert float(strength(0.0, s, u0, depth)) == pytest.approx(u0, rel=tolerance, abs=0)
            assert float(strength(1.0, s, u0, depth)) >= min(u0, s) * (1 - tolerance)

    def test_numbers_below_the_normal_ones(self, depth):
        u = strength(np.array([0.0, 1.0, 1e3]), 1.0, 5e-324, depth)
        assert np.all((u >= 0) & (u <= 1))

    def test_time_to_reach(self, depth):
        def reach(u, s, u0):
            return float(time_until(u, s, u0, depth))

        assert reach(0.3, 1.0, 0.3) == reach(1.0, 1.0, 1.0) == reach(0.0, 0.0, 0.0) == reach(0.0, 1.0, 0.0) == 0.0
        assert reach(1.0, 1.0, 0.3) == reach(0.0, 0.0, 0.3) == INF
        assert reach(0.5, 1.0, 0.0) == pytest.approx(math.log(2) if depth == 1 else INF)
        q, layers = (float(x) for x in constants(depth))
        without = math.log(4.0) if depth == 1 else (0.25**-q - 1) / (q * layers)
        for s in (0.0, 1e-300, 1e-200, 1e-100):
            assert reach(0.25, s, 1.0) == pytest.approx(without, rel=ROUNDINGS)

    def test_dtype_is_kept(self, depth):
        arguments = [np.array(x, np.float32) for x in ([0.0, 0.4, 1.3, INF], 1.5, 0.02)]
        u = mode_strength(*arguments, depth=depth)
        assert u.dtype == jnp.float32
        precise = strength(*arguments, depth)
        t, f = arguments[0][:3], [abs(float(speed(x, 1.5, depth))) for x in precise[:3]]
        error = np.abs(np.asarray(u, np.float64) - precise) / precise
        # the same count of roundings, 2^29 times larger
        assert np.all(error[:3] <= 2.0**29 * ROUNDINGS * (1 + t * f / precise[:3]))
        assert error[3] == 0
        time = time_to_reach(np.float32(1.0), np.float32(1.5), np.float32(0.02), depth=depth)
        assert time.dtype == jnp.float32
        exact = float(exact_time(np.float32(1.0), 1.5, float(np.float32(0.02)), depth))
        assert float(time) == pytest.approx(exact, rel=2.0**29 * ROUNDINGS)

    def test_single_precision_reaches_its_range(self, depth):
        t = np.array([0.0, 1e-3, 1.0, 1e4, 3e38, INF], np.float32)
        pairs = [(1e10, 1e-30), (1e-3, 1e-36), (1e-30, 1.0), (1.0, 1e30)]
        every = np.asarray(mode_strength(t, *np.float32(pairs).T[..., None], depth=depth))
        for u, (s, u0) in zip(every, pairs, strict=True):
            tolerance = 2.0**29 * (ROUNDINGS + 2 * EPS * (abs(math.log(u0)) + abs(math.log(s))))
            assert u[0] == pytest.approx(u0, rel=tolerance)
            assert np.all(np.isfinite(u))
            assert np.all(np.diff(u) * np.sign(s - u0) >= -tolerance * u[1:])
            assert u[-1] == np.float32(s)


def test_integers_and_shapes():
    u = mode_strength(np.arange(4)[:, None], 2, np.array([1, 2, 3]), depth=2.0)
    assert u.shape == (4, 3)
    assert u.dtype == jnp.float64
    one_by_one = [[float(strength(t, 2, u0)) for u0 in (1, 2, 3)] for t in range(4)]
    # vectorised code may order its sums otherwise
    np.testing.assert_allclose(u, one_by_one, rtol=ROUNDINGS)
    assert mode_strength(np.zeros((0,)), 2.0, 1.0).shape == (0,)
    assert time_to_reach(np.ones((2, 1)), 2.0, np.full(3, 0.5)).shape == (2, 3)
    assert mode_strength_unbalanced(1, 2, np.array([1, 0]), 1).dtype == jnp.float64


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_transformations_change_nothing(depth):
    t, s, u0 = np.linspace(0.0, 2.0, 4), np.array([0.0, 1.0, 1.0, 0.5]), np.array([0.4, 0.2, 1.0, 3.0])
    both = jax.jit(jax.vmap(lambda *x: (mode_strength(*x, depth=depth), time_to_reach(x[2], 3.0, 0.1, depth=depth))))
    u, time = both(t, s, u0)
    # compiled with other neighbours, sums may be ordered otherwise
    np.testing.assert_allclose(u, strength(t, s, u0, depth), rtol=ROUNDINGS)
    np.testing.assert_allclose(time, time_until(u0, 3.0, 0.1, depth), rtol=ROUNDINGS)


def differentiate(function, points, size):
    """Derivatives by every argument at each of the points; compiled once for all depths."""
    columns = np.resize(np.asarray(points, float), (size, len(points[0]))).T
    found = jax.vmap(jax.grad(function, tuple(range(len(columns)))))(*columns)
    return np.array(found).T[: len(points)]


def exact_derivatives(depth, t, s, u0):
    """By t, s and u0, by the implicit function theorem, from the exact time."""
    u = digits(strength(t, s, u0, depth))
    for _ in range(3):
        u += speed(u, s, depth) * (digits(t) - exact_time(u, s, u0, depth))
    f, f0 = speed(u, s, depth), speed(u0, s, depth)
    with mp.workdps(50):
        by_s = mp.diff(lambda x: exact_time(u, x, u0, depth), s)
    return [float(f), float(-f * by_s), float(f / f0)]


@pytest.mark.parametrize("depth", [1, 2, 3, 64, INF])
def test_derivatives(depth):
    q, layers = (float(x) for x in constants(depth))
    t = 0.7 / layers
    # an ordinary start, below and above; as close to s as matters; no target at all (the exact time is analytic there)
    points = [(t, 1.3, 0.05), (6 * t, 1.3, 0.05), (t, 0.8, 3.0), (t, 1.0, 1 - 1e-7), (t, 1.0, 1 + 1e-7), (t, 0.0, 0.9)]
    exact = [exact_derivatives(depth, *point) for point in points]
    # linearised about the fixed point u0 = s
    decay = math.exp(-layers * 1.5**q * t)
    points.append((t, 1.5, 1.5))
    exact.append([0, 1 - decay, decay])
    # about u = 0, where du/dt = L u^q s; and both zero, where nothing moves, except that one layer goes towards s
    growth = {1: math.exp(-t), 2: math.exp(2 * 1.5 * t)}.get(depth, 1.0)
    points += [(t, 1.5, 0.0), (t, 0.0, 0.0)]
    by_s = -math.expm1(-t) if depth == 1 else 0.0
    exact += [[1.5 * growth if depth == 1 else 0.0, by_s, growth], [0, by_s, 1 - by_s]]
    # at the end only s is remembered
    points += [(INF, 2.0, 0.1), (1e300, 2.0, 0.1), (INF, 2.0, 3.0)]
    exact += 3 * [[0, 1, 0]]
    # documented: half of the digits of the derivative by s are kept where s is far below u0
    small = [(t, s, 0.9) for s in (1e-6, 1e-8, 1e-12)]
    found = differentiate(lambda *x: mode_strength(*x, depth=depth), points + small, 16)
    # the one by s is a difference of terms of the size of u / s and q t f(u) / s, below 100 here
    np.testing.assert_allclose(found[:12], exact, rtol=100 * ROUNDINGS, atol=ROUNDINGS)
    exact = [exact_derivatives(depth, *point) for point in small]
    np.testing.assert_allclose(found[12:], exact, rtol=50 * math.sqrt(EPS))


@pytest.mark.parametrize("depth", [1, 2, 3, INF])
def test_derivatives_forward_and_by_tau(depth):
    def function(t, tau):
        return mode_strength(t, 1.3, 0.05, tau=tau, depth=depth)

    times = np.array([0.6, INF])
    by_t, by_tau = jax.vmap(jax.jacfwd(function, (0, 1)), (0, None))(times, 2.0)
    f = float(speed(strength(0.3, 1.3, 0.05, depth), 1.3, depth))
    # backward, where infinity times zero would be no number
    assert float(jax.grad(function, 1)(INF, 2.0)) == 0
    # t and tau enter as t / tau
    np.testing.assert_allclose(by_t, [f / 2, 0.0], rtol=ROUNDINGS)
    np.testing.assert_allclose(by_tau, [-0.6 * f / 4, 0.0], rtol=ROUNDINGS)


@pytest.mark.parametrize("depth", [1, 2, 3, 16, INF])
def test_derivatives_of_the_time(depth):
    points = [(0.4, 1.3, 0.02), (1.2, 1.3, 0.02), (1.9, 1.3, 2.7), (40.0, 1.3, 90.0)]
    found = differentiate(lambda *x: time_to_reach(*x, depth=depth), points, 16)
    for (u, s, u0), row in zip(points, found, strict=True):
        by_s = mp.diff(lambda x, u=u, u0=u0: exact_time(u, x, u0, depth), s)
        exact = np.array([float(1 / speed(u, s, depth)), float(by_s), float(-1 / speed(u0, s, depth))])
        # differences of G at both ends and of its derivatives: conditioning below 1000 (s / u0 = 65, u / s = 0.92)
        np.testing.assert_allclose(row, exact, rtol=1000 * EPS, atol=1000 * EPS * np.abs(exact).max())


starts = st.floats(-9, 3).map(lambda x: 10.0**x)
targets = st.floats(-3, 3).map(lambda x: 10.0**x)
spans = st.floats(-3, 10).map(lambda x: 10.0**x)
some_depths = st.sampled_from([1, 2, 3, 5, 64, INF])


def unit_of_time(s, depth):
    q, layers = (float(x) for x in constants(depth))
    return 1 / (layers * s**q)


@quick
@given(s=targets, ratio=starts, first=spans, second=spans, depth=some_depths)
def test_two_stretches_are_one(s, ratio, first, second, depth):
    unit = unit_of_time(s, depth)
    middle = float(strength(first * unit, s, ratio * s, depth))
    twice = float(strength(second * unit, s, middle, depth))
    once = float(strength((first + second) * unit, s, ratio * s, depth))
    # a relative rounding of the middle strength is worth the time u / f(u)
    f, f1 = (abs(float(speed(x, s, depth))) for x in (once, middle))
    lag = middle / f1 if f1 > 0 else 0.0
    assert abs(twice - once) <= ROUNDINGS * (
        once + f * ((first + second) * unit + lag) + (abs(s - once) if f1 == 0 else 0)
    )


@quick
@given(s=targets, ratio=starts, span=spans, factor=st.floats(-6, 6).map(lambda x: 10.0**x), depth=some_depths)
def test_the_unit_of_strength_is_free(s, ratio, span, factor, depth):
    t = span * unit_of_time(s, depth)
    q = float(constants(depth)[0])
    u = float(strength(t, s, ratio * s, depth))
    scaled = float(strength(t / factor**q, factor * s, factor * ratio * s, depth))
    f = abs(float(speed(u, s, depth)))
    assert abs(scaled / factor - u) <= ROUNDINGS * (u + 10 * f * t)


@quick
@given(
    s=st.just(0.0) | targets, u0=st.just(0.0) | starts, spans=st.lists(spans, min_size=6, max_size=6), depth=some_depths
)
def test_grows_or_falls_towards_the_target(s, u0, spans, depth):
    t = np.array([0.0, *sorted(spans), INF])
    u = strength(t, s, u0, depth)
    slack = ROUNDINGS * max(s, u0)
    assert np.all((u >= min(s, u0) - slack) & (u <= max(s, u0) + slack))
    f = np.array([abs(float(speed(x, s, depth))) for x in u[:-1]])
    allowed = ROUNDINGS * (u[:-1] + f * t[:-1])
    assert np.all(np.diff(u) * np.sign(s - u0) >= -allowed - slack * (u[1:] >= s / 2))


@quick
@given(s=targets, ratio=starts, part=st.floats(1e-6, 1 - 1e-6), depth=some_depths)
def test_strength_and_time_invert_each_other(s, ratio, part, depth):
    u0 = ratio * s
    # geometric: all scales between the start and the target
    u = u0 ** (1 - part) * s**part
    u = min(max(u, min(u0, s)), max(u0, s))
    t = float(time_until(u, s, u0, depth))
    if t == INF:
        assert u == s
        return
    back = float(strength(t, s, u0, depth))
    f, f0 = (abs(float(speed(x, s, depth))) for x in (u, u0))
    # a rounding of u, of t, and of u0, which is worth the time u0 / f(u0)
    assert abs(back - u) <= ROUNDINGS * (u + f * (t + (u0 / f0 if f0 else 0)))


# ---- two layers of different strengths


def integrate_layers(s, a0, b0, times):
    """Through the sum and the difference of the layers: each is its start times an exponential of one integral.

    a + b = (a0 + b0) e^w and a - b = (a0 - b0) e^-w with w' = s - ab, so that the saddle is resolved.
    """
    plus, minus = a0 + b0, a0 - b0

    def rate(_, w):
        return s - (plus**2 * np.exp(2 * w) - minus**2 * np.exp(-2 * w)) / 4

    w = solve_ivp(rate, (0, times[-1]), [0.0], t_eval=times, method="DOP853", rtol=1e-12, atol=1e-13).y[0]
    return (plus * np.exp(w) + minus * np.exp(-w)) / 2, (plus * np.exp(w) - minus * np.exp(-w)) / 2


STARTS = {
    "balanced": (0.1, 0.1),
    "nearly balanced": (0.3, math.sqrt(0.09 + 1e-14)),
    "second larger": (0.1, 0.5),
    "first larger": (0.5, 0.1),
    "first zero": (0.0, 0.4),
    "second zero": (0.4, 0.0),
    "strongly unbalanced": (0.01, 5.0),
    "negative": (-0.2, -0.3),
    "opposed": (-0.2, 0.3),
    "opposed, first larger": (0.3, -0.2),
    "saddle": (0.3, -0.3),
    "next to the saddle": (0.3, -0.3 + 1e-6),
    "next to the saddle, other side": (0.3, -0.3 - 1e-10),
    "too large": (3.0, 2.0),
    "too large, opposed": (3.0, -2.9),
    "small": (1e-6, 2e-6),
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("s", [0.0, 1e-3, 1.3])
def test_layers_solve_their_equations(start, s):
    times = np.linspace(0.0, 25.0, 26)
    a, b = layers_at(times, s, *start)
    expected = integrate_layers(s, *start, times)
    scale = np.abs(expected).max(axis=0)
    # each layer passes through zero when the start is opposed, so the error is relative to the larger of the two;
    # w grows to 30 at most, and its error is relative
    for found, exact in zip((a, b), expected, strict=True):
        assert np.all(np.abs(found - exact) <= INTEGRATED * scale)


def test_layers_next_to_the_saddle_to_rounding():
    # 1e-12 away, where the squares of the projections cancel 24 digits; the matrix Riccati solution in 60
    s, a0, b0, t = 0.7, 0.3, -0.3 + 1e-12, 40.0
    with mp.workdps(60):
        x, y, z = mp.mpf(s), mp.mpf(a0), mp.mpf(b0)
        c = z**2 - y**2
        flow = mp.matrix([[-c / 2, x], [x, c / 2]])
        q0 = mp.matrix([y, z])
        grown = mp.expm(flow * t) * q0
        total = 1 + (q0.T * (mp.expm(2 * flow * t) - mp.eye(2)) * mp.inverse(flow) * q0)[0] / 2
        exact = [float(g / mp.sqrt(total)) for g in grown]
    # the exponent m t = 28 carries a relative rounding
    np.testing.assert_allclose(layers_at(t, s, a0, b0), exact, rtol=ROUNDINGS)


def test_balanced_layers_give_the_sigmoid():
    t = np.array([0.0, 0.1, 1.0, 3.0, 50.0, 1e5, INF])
    for s in (0.0, 1e-9, 2.0):
        for layer in (1e-3, 0.7, -0.7, 3.0):
            found = math.prod(layers_at(t, s, layer, layer))
            np.testing.assert_allclose(found, strength(t, s, layer**2), rtol=ROUNDINGS)


def test_imbalance_vanishes_continuously():
    t = np.linspace(0.0, 6.0, 13)
    balanced = strength(t, 1.0, 0.01)
    for c in (1e-6, 1e-10, 1e-14, -1e-10):
        # a0 b0 = 0.01 and b0^2 - a0^2 = c: even in c; the first correction is (c / 2 u0)^2, amplified by 1 / 4 u0
        b0 = math.sqrt((c + math.sqrt(c**2 + 4e-4)) / 2)
        found = math.prod(layers_at(t, 1.0, 0.01 / b0, b0))
        np.testing.assert_allclose(found, balanced, rtol=ROUNDINGS + (c / 0.02) ** 2 * 25)


def test_large_imbalance_is_lazy():
    t = np.linspace(0.0, 0.05, 11)
    for c in (1e2, 1e4, -1e4):
        b0 = math.sqrt((c + math.sqrt(c**2 + 4e-4)) / 2) if c > 0 else 0.01 / math.sqrt(-c)
        u0 = 0.01
        a0 = u0 / b0
        found = math.prod(layers_at(t, 1.0, a0, b0))
        # sqrt(4 u^2 + c^2) differs from |c| by 2 u^2 / |c|: relative to the rate, 2 / c^2 at u = 1, and less before
        np.testing.assert_allclose(found, lazy_limit(t, 1.0, u0, c), atol=1 / c**2, rtol=100 * ROUNDINGS)


def test_lazy_limit_decays_at_the_rate_of_the_imbalance():
    assert float(lazy_limit(0.5, 2.0, 0.3, -3.0, tau=0.25)) == pytest.approx(2 - 1.7 * math.exp(-6), rel=ROUNDINGS)
    np.testing.assert_array_equal(lazy_limit(np.array([0.0, INF]), 2, 1, 4), [1.0, 2.0])


# a number below the normal ones is zero to compiled code
layer = st.floats(-3, 3, allow_subnormal=False) | st.floats(-9, 0).map(lambda x: 10.0**x)


@quick
@given(s=st.just(0.0) | targets, a0=layer, b0=layer, t=st.just(0.0) | spans | st.just(INF))
def test_imbalance_is_conserved_and_symmetries_hold(s, a0, b0, t):
    a, b = (float(x) for x in layers_at(t, s, a0, b0))
    c = (b0 - a0) * (b0 + a0)
    # not squared: that may underflow
    size = max(map(abs, (a, b, a0, b0)))
    # the exponential of the exponent m t is rounded, but m only enters both layers alike
    assert abs((b - a) * (b + a) - c) <= ROUNDINGS * size**2
    # exchange of the layers, and of both signs
    other = layers_at(t, s, b0, a0)
    minus = layers_at(t, s, -a0, -b0)
    np.testing.assert_allclose([other[1], other[0]], [a, b], atol=ROUNDINGS * size, rtol=0)
    np.testing.assert_allclose([-minus[0], -minus[1]], [a, b], atol=ROUNDINGS * size, rtol=0)
    if t == INF and s > 0 and a0 + b0 != 0:
        assert a * b == pytest.approx(s, rel=ROUNDINGS * max(1.0, size**2 / s))


@pytest.mark.parametrize("t", [0.0, 1e-3, 1.0, 1e4, INF])
def test_layers_at_their_edges(t):
    for s in (0.0, 1.0):
        np.testing.assert_array_equal(layers_at(t, s, 0.0, 0.0), 0.0)
    # no target: b^2 - a^2 stays, ab goes
    found = layers_at(INF, 0.0, 0.3, -0.5)
    np.testing.assert_allclose(found, [0.0, -0.4], atol=ROUNDINGS)
    # the saddle is approached and never left
    a, b = layers_at(t, 1.3, 0.7, -0.7)
    assert abs(float(a)) <= 0.7 * (1 + ROUNDINGS)
    assert abs(float(a + b)) <= ROUNDINGS
    assert t < 1e4 or abs(float(a)) < 1e-100


def test_tiny_layers_in_single_precision():
    t = np.array([0.0, 10.0, 50.0, 57.0, 60.0, 100.0, INF], np.float32)
    a, b = unbalanced_layer_strengths(t, np.float32(1.0), np.float32(1e-25), np.float32(2e-25))
    assert a.dtype == b.dtype == jnp.float32
    # a + b grows by e^t until it saturates; the imbalance of 3e-50 is nothing: a^2 is the sigmoid of (1.5e-25)^2
    u0 = 1.5e-25**2
    expected = np.sqrt([u0 / (math.exp(-2 * min(x, 300.0)) + u0) for x in t[1:].astype(float)])
    # ln(size) = -57 and t are rounded to single precision, as large as 60
    np.testing.assert_allclose(a[1:], expected, rtol=2.0**29 * EPS * 120)
    np.testing.assert_allclose([a[0], b[0]], [1e-25, 2e-25], rtol=2.0**29 * EPS * 60)


def test_derivatives_of_the_unbalanced_strength():
    points = [
        (0.8, 1.3, 0.2, 0.5),
        (0.8, 1.3, 0.4, 0.4),
        (0.8, 0.0, 0.4, 0.4),
        (0.1, 1.3, 0.4, 0.4),
        (0.8, 0.0, 0.2, 0.5),
        (0.8, 1.3, 0.5, -0.5),
        (4.0, 1.3, 0.5, -0.5),
        (4.0, 1.3, 0.5, 0.2),
        (0.8, 1.3, 0.0, 0.0),
        (INF, 2.0, 0.1, 0.3),
    ]
    found = differentiate(mode_strength_unbalanced, points, 16)
    # at the end the start is forgotten
    np.testing.assert_allclose(found[-1], [0, 1, 0, 0], atol=ROUNDINGS)
    step = 1e-4

    def integrated(t, s, a0, b0):
        a, b = integrate_layers(s, a0, b0, np.array([0.0, t]))
        return float(a[-1] * b[-1])

    for point, row in zip(points[:-1], found, strict=False):
        for i, value in enumerate(row):
            moved = [integrated(*(x + k * step * (j == i) for j, x in enumerate(point))) for k in (-2, -1, 1, 2)]
            expected = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * step)
            # fourth order, centred (the flow is defined for negative s too): step^4 times a fifth derivative of up to
            # 1e9 beside the saddle, and the integrator's 1e-11 over the step
            assert value == pytest.approx(expected, rel=1e-7, abs=1e-7), (point, i)


def test_tau_is_the_unit_of_time():
    t, s, u0 = np.array([0.0, 0.5, 3.0]), 1.3, 0.2
    for depth in (1, 2, 3, INF):
        # halves and doubles are exact
        np.testing.assert_allclose(strength(t, s, u0, depth, 2.0), strength(t / 2, s, u0, depth), rtol=ROUNDINGS)
        expected = 2 * time_until(0.9, s, u0, depth)
        np.testing.assert_allclose(time_until(0.9, s, u0, depth, 2.0), expected, rtol=ROUNDINGS)
    a, b = layers_at(t, s, 0.2, 0.7, 2.0)
    np.testing.assert_allclose([a, b], layers_at(t / 2, s, 0.2, 0.7), rtol=ROUNDINGS)
    found = padded(lambda *x: mode_strength_unbalanced(*x, tau=2.0), t, s, 0.2, 0.7)
    np.testing.assert_allclose(found, a * b, rtol=ROUNDINGS)
    slope = jax.grad(lambda tau: mode_strength_unbalanced(INF, 1.0, 0.1, 0.3, tau=tau))(1.0)
    assert float(slope) == 0.0


# ---- gradient descent


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 64])
def test_descent_is_the_plain_loop(depth):
    s, u0, eta = 1.4, 0.03, 0.1 / depth
    a, path = u0 ** (1 / depth), []
    for _ in range(301):
        path.append(math.prod([a] * depth))
        a += eta * math.prod([a] * (depth - 1)) * (s - math.prod([a] * depth))
    found = discrete_mode_strength(np.arange(301), s, u0, eta=eta, depth=depth)
    # each step rounds a few times, u = a^L multiplies that by L, and growth by up to s / u0 = 47 carries it on
    np.testing.assert_allclose(found, path, rtol=50 * depth * 4 * EPS)


def test_descent_of_two_layers_of_matrices():
    rng = np.random.default_rng(0)
    u, v, r = (np.linalg.qr(rng.normal(size=(n, 3)))[0] for n in (5, 4, 6))
    s, u0, eta = np.array([3.0, 1.0, 0.2]), np.array([1e-3, 0.02, 0.5]), 0.05
    w1, w2 = r @ np.diag(np.sqrt(u0)) @ v.T, u @ np.diag(np.sqrt(u0)) @ r.T
    target = u @ np.diag(s) @ v.T
    found = discrete_mode_strength(np.arange(201)[:, None], s, u0, eta=eta)
    for k in range(201):
        # descent grows a rounding by up to s / u0 = 3000 before it is forgotten
        np.testing.assert_allclose(np.diag(u.T @ w2 @ w1 @ v), found[k], rtol=3000 * ROUNDINGS)
        error = target - w2 @ w1
        w1, w2 = w1 + eta * w2.T @ error, w2 + eta * error @ w1.T


def test_descent_follows_the_flow_at_small_rates():
    gap = [
        abs(float(discrete_mode_strength(round(2 / eta), 1.0, 0.05, eta=eta) - mode_strength(2.0, 1.0, 0.05)))
        for eta in (0.002, 0.001)
    ]
    # first order in eta: the ratio is 2 up to O(eta)
    assert gap[0] / gap[1] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_diverging_descent_is_infinite_and_never_nan(depth):
    steps = np.array([0, 1, 5, 20, 5000])
    for dtype in (np.float32, np.float64):
        path = np.asarray(discrete_mode_strength(steps, dtype(1.0), dtype(1.5), eta=dtype(9.0), depth=depth))
        assert path.dtype == dtype
        assert not np.isnan(path).any()
        assert abs(path[-1]) == INF
    assert float(discrete_mode_strength(5000, 1.0, 0.0, eta=9.0, depth=2)) == 0.0


def test_descent_shapes():
    found = discrete_mode_strength(np.array([[3], [0]]), np.array([1, 2, 3]), 0.5, eta=np.float32(0.1))
    assert found.shape == (2, 3)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found[1], 0.5, rtol=1e-6)  # single precision, one square root and its square
    u = 0.5
    for _ in range(3):
        u *= (1 + 0.1 * (2 - u)) ** 2
    assert float(found[0, 1]) == pytest.approx(u, rel=1e-6)  # as above
    assert discrete_mode_strength(2, 1, 1, eta=0.1).shape == ()
    assert discrete_mode_strength(np.zeros(0, int), 1.0, 0.5, eta=0.1).shape == (0,)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@pytest.mark.parametrize("s", [0.3, 4.0])
def test_optimal_rate_is_the_inverse_of_the_largest_curvature(depth, s):
    def slope(a):
        return np.array([-(s - np.prod(a)) * np.prod(np.delete(a, i)) for i in range(depth)])

    a, step = np.full(depth, s ** (1 / depth)), 1e-5
    hessian = [(slope(a + step * row) - slope(a - step * row)) / (2 * step) for row in np.eye(depth)]
    largest = np.linalg.eigvals(hessian).real.max()
    # differences: step^2 times a polynomial's few hundreds, and a rounding over the step
    assert float(optimal_learning_rate(s, depth)) == pytest.approx(1 / largest, rel=1e-7)


def test_optimal_rate_at_infinite_depth():
    # s^(2/L) = 1 + 2 ln(s) / L + ...
    assert float(optimal_learning_rate(3.0, INF)) == pytest.approx(
        1e9 * float(optimal_learning_rate(3.0, 10**9)), rel=1e-8
    )
    assert float(optimal_learning_rate(3, INF)) == pytest.approx(1 / 9, rel=ROUNDINGS)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_optimal_rate_is_fastest_and_twice_it_diverges(depth):
    eta = float(optimal_learning_rate(1.7, depth))

    def left(rate):
        return abs(float(discrete_mode_strength(30, 1.7, 1.699, eta=rate, depth=depth)) - 1.7)

    # at the optimum the linear factor 1 - eta L s^q vanishes: convergence is quadratic, to rounding
    assert left(eta) <= ROUNDINGS
    assert 1e-12 < left(1.9 * eta) < 1e-3
    assert left(2.1 * eta) > 1e-3


# ---- any small start


def small_start(scale, seed=0):
    rng = np.random.default_rng(seed)
    s = np.array([3.0, 2.0, 1.0])
    u, v = np.linalg.qr(rng.normal(size=(5, 3)))[0], np.linalg.qr(rng.normal(size=(4, 3)))[0]
    return scale * rng.normal(size=(6, 4)), scale * rng.normal(size=(5, 6)), u, s, v


def test_effective_strength_is_what_the_linearised_flow_grows():
    w1, w2, u, _, v = small_start(1e-3)
    target = u[:, :1] @ v[:, :1].T
    flow = np.block([[np.zeros((4, 4)), target.T], [target, np.zeros((5, 5))]])
    # Q' = F Q with one mode of strength 1; at t = 20 the decaying half is exp(-40) = 4e-18 of the growing one
    grown = math.exp(-20) * expm(20 * flow) @ np.vstack([w1.T, w2])
    strength = (u[:, 0] @ grown[4:]) @ (grown[:4].T @ v[:, 0])
    # expm scales and squares: its error is some thousands of roundings
    assert float(effective_initial_strength(w1, w2, u, v)[0]) == pytest.approx(strength, rel=1e4 * EPS)


def test_effective_strength_by_explicit_projections():
    w1, w2, u, _, v = small_start(0.1)
    taken, expected = [], []
    for alpha in range(3):
        h = (w1 @ v[:, alpha] + w2.T @ u[:, alpha]) / 2
        for direction in taken:
            h = h - direction * (direction @ h)
        expected.append(h @ h)
        taken.append(h / np.linalg.norm(h))
    # three vectors at angles of order one
    np.testing.assert_allclose(effective_initial_strength(w1, w2, u, v), expected, rtol=ROUNDINGS)


def test_effective_strength_predicts_the_network():
    w1, w2, u, s, v = small_start(1e-5)
    target = u @ np.diag(s) @ v.T

    def rate(_, weights):
        first, second = weights[:24].reshape(6, 4), weights[24:].reshape(5, 6)
        error = target - second @ first
        return np.concatenate([(second.T @ error).ravel(), (error @ first.T).ravel()])

    times = np.linspace(0.0, 20.0, 81)
    start = np.concatenate([w1.ravel(), w2.ravel()])
    path = solve_ivp(rate, (0, 20), start, t_eval=times, method="DOP853", rtol=1e-9, atol=1e-14).y.T
    found = [np.diag(u.T @ w[24:].reshape(5, 6) @ w[:24].reshape(6, 4) @ v) for w in path]
    u0 = effective_initial_strength(w1, w2, u, v)
    # while mode 1 saturates, mode 2 has reached u0^(1/3) = 5e-4 of its direction, mode 3 behind mode 2 u0^(1/2); an
    # error of that order in ln u0 moves the curve by s / 4 of it; a factor 2 in u0 would be 0.1 and more
    np.testing.assert_allclose(found, mode_strength(times[:, None], s, u0), atol=5e-3)


def test_effective_strength_beyond_the_width():
    w1, w2, u, _, v = small_start(0.1)
    found = effective_initial_strength(w1[:2], w2[:, :2], u, v)
    assert found.shape == (3,)
    assert float(found[2]) == 0.0
    single = effective_initial_strength(*(jnp.asarray(x, jnp.float32) for x in (w1, w2, u, v)))
    assert single.dtype == jnp.float32


# ---- what is refused

BAD = {
    "negative time": (lambda: mode_strength(-1.0, 1.0, 0.1), "t must be non-negative, got -1.0"),
    "time that is no number": (lambda: mode_strength(math.nan, 1.0, 0.1), "t must be non-negative, got nan"),
    "negative target": (lambda: mode_strength(1.0, [-2.0][0], 0.1), "s must be non-negative, got -2.0"),
    "infinite target": (lambda: mode_strength(1.0, INF, 0.1), "s must be non-negative, got inf"),
    "negative start": (
        lambda: mode_strength(1.0, 1.0, np.array([0.1, -0.1])),
        "u0 must be non-negative, got -0.1 at index (1,)",
    ),
    "no time constant": (lambda: mode_strength(1.0, 1.0, 0.1, tau=0.0), "tau must be positive, got 0.0"),
    "no layer": (lambda: mode_strength(1.0, 1.0, 0.1, depth=0), "depth must be a whole number of at least 1, got 0"),
    "half a layer": (
        lambda: mode_strength(1.0, 1.0, 0.1, depth=2.5),
        "depth must be a whole number of at least 1, got 2.5",
    ),
    "depth that is no number": (lambda: mode_strength(1.0, 1.0, 0.1, depth=math.nan), "depth must be a whole number"),
    "minus infinite depth": (lambda: mode_strength(1.0, 1.0, 0.1, depth=-INF), "depth must be a whole number"),
    "beyond the target": (lambda: time_to_reach(1.1, 1.0, 0.1), "u must be between u0 and s, got u = 1.1"),
    "before the start": (lambda: time_to_reach(0.05, 1.0, 0.1), "u must be between u0 and s, got u = 0.05"),
    "away from the target": (lambda: time_to_reach(2.1, 1.0, 2.0), "u must be between u0 and s, got u = 2.1"),
    "tiny and beyond": (lambda: time_to_reach(2e-200, 1.5e-200, 1e-200), "u must be between u0 and s, got u = 2e-200"),
    "negative strength": (lambda: time_to_reach(-0.1, 1.0, 0.1), "u must be non-negative, got -0.1"),
    "time constant of the time": (lambda: time_to_reach(0.5, 1.0, 0.1, tau=-1.0), "tau must be positive, got -1.0"),
    "depth of the time": (lambda: time_to_reach(0.5, 1.0, 0.1, depth=0.5), "depth must be a whole number"),
    "infinite layer": (lambda: unbalanced_layer_strengths(1.0, 1.0, INF, 0.1), "a0 must be a finite number"),
    "layer that is no number": (
        lambda: mode_strength_unbalanced(1.0, 1.0, 0.1, math.nan),
        "b0 must be a finite number",
    ),
    "negative target, unbalanced": (lambda: mode_strength_unbalanced(1.0, -1.0, 0.1, 0.1), "s must be non-negative"),
    "negative time, unbalanced": (lambda: mode_strength_unbalanced(-1.0, 1.0, 0.1, 0.1), "t must be non-negative"),
    "time constant, unbalanced": (
        lambda: mode_strength_unbalanced(1.0, 1.0, 0.1, 0.1, tau=0),
        "tau must be positive, got 0",
    ),
    "infinite imbalance": (lambda: lazy_limit(1.0, 1.0, 0.1, INF), "c must be a finite number"),
    "half a step": (
        lambda: discrete_mode_strength(0.5, 1.0, 0.1, eta=0.1),
        "steps must be a whole number of at least 0, got 0.5",
    ),
    "negative steps": (
        lambda: discrete_mode_strength(-1, 1.0, 0.1, eta=0.1),
        "steps must be a whole number of at least 0, got -1",
    ),
    "no rate": (lambda: discrete_mode_strength(1, 1.0, 0.1, eta=0.0), "eta must be positive, got 0.0"),
    "depth of descent": (lambda: discrete_mode_strength(1, 1.0, 0.1, eta=0.1, depth=0), "depth must be a whole number"),
    "rate at no target": (lambda: optimal_learning_rate(0.0, 2), "s must be positive, got 0.0"),
    "rate of no layer": (lambda: optimal_learning_rate(1.0, 0), "depth must be a whole number of at least 1, got 0"),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_refuses(call, message):
    # either the value or the sentence decides; messages name the argument, its value and what is allowed
    pattern = re.escape(message).replace("a\\ finite\\ number", ".*finite.*")
    with pytest.raises(ValueError, match=pattern):
        call()


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((6, 3), (5, 6), (5, 3), (4, 3)), "w1 must have shape (6, 4), got (6, 3)"),
        (((6, 4), (5, 7), (5, 3), (4, 3)), "w2 must have shape (5, 6), got (5, 7)"),
        (((6, 4), (5, 6), (5, 3), (4, 2)), "v must have shape (any, 3), got (4, 2)"),
    ],
)
def test_refuses_shapes_that_do_not_fit(shapes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        effective_initial_strength.__wrapped__(*(np.ones(shape) for shape in shapes))


def test_checks_let_traced_values_pass():
    assert float(jax.jit(lambda t: mode_strength(t, 1.0, 0.1))(1.0)) == pytest.approx(
        float(mode_strength(1.0, 1.0, 0.1)), rel=ROUNDINGS
    )
    assert float(jax.jit(lambda tau: time_to_reach(0.5, 1.0, 0.1, tau=tau))(1.0)) > 0
