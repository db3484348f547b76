"""Gaussian means of products of activations, against many digits and against integration on a grid."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import erf as scipy_erf

from solvable.ntk.theory import activation_function, dual_activation

GENERIC = [(1.0, 1.0, 0.0), (1.0, 1.0, 0.3), (0.7, 2.5, -0.9), (3.0, 0.2, 0.65), (0.01, 4.0, 0.05)]
EDGE = [(1.0, 1.0, 1.0), (2.0, 2.0, -2.0), (1.0, 4.0, 2.0), (1.0, 1.0, 1 - 1e-9)]
AWKWARD = {
    # several, for a product that is rounded once but not twice is a matter of luck
    "coincident": (1.3, 1.3, 1.3),
    "coincident, smaller": (0.7, 0.7, 0.7),
    "coincident, larger": (2.9, 2.9, 2.9),
    "coincident, of many digits": (1 / 3, 1 / 3, 1 / 3),
    "opposite": (0.9, 0.9, -0.9),
    "parallel": (1.0, 4.0, 2.0),
    "antiparallel": (4.0, 0.25, -1.0),
    "nearly coincident": (1.0, 1.0, 1 - 1e-9),
    "nearly coincident, of many digits": (1 / 3, 1 / 3, (1 - 1e-9) / 3),
    "nearly coincident, of unequal size": (1.1, 1.1 - 1e-9, 1.1 - 1e-9),
    "nearly opposite": (2.0, 2.0, -2 + 1e-9),
    "one rounding apart": (1.0, 1.0, 1 - 2**-53),
    "one without variance": (0.0, 2.0, 0.0),
    "both without variance": (0.0, 0.0, 0.0),
    "hardly any variance": (1e-12, 1e-12, 3e-13),
    "very large variance": (1e8, 3e8, -0.5e8),
    "large and coincident": (1e8, 1e8, 1e8),
}


def leaky(z):
    return jnp.where(z > 0, z, 0.2 * z)


ACTIVATIONS = {"relu": "relu", "erf": "erf", "linear": "linear", "tanh": jnp.tanh, "sine": jnp.sin, "leaky": leaky}


def compiled(activation):
    """All three functions of the covariances; compiled, for that is how the kernels use them."""
    return [jax.jit(part) for part in dual_activation(activation)]


def columns(points):
    return tuple(jnp.asarray(column) for column in zip(*points, strict=True))


def relu_means(k11, k22, k12):
    """In polar coordinates: u and v are positive in a wedge, and the radius has mean square 2."""
    theta = mpmath.acos(mpmath.mpf(k12) / mpmath.sqrt(mpmath.mpf(k11) * mpmath.mpf(k22)))
    low, high = theta - mpmath.pi / 2, mpmath.pi / 2
    wedge = mpmath.quad(lambda phi: mpmath.cos(phi) * mpmath.cos(phi - theta), [low, high]) / mpmath.pi
    return mpmath.sqrt(mpmath.mpf(k11) * mpmath.mpf(k22)) * wedge, (high - low) / (2 * mpmath.pi)


def erf_means(k11, k22, k12):
    """One variable is integrated by E[erf(a + b z)] = erf(a / sqrt(1 + 2 b^2)), the other by quadrature."""
    k11, k22, k12 = map(mpmath.mpf, (k11, k22, k12))
    # E[exp(-u^2 - v^2)] is the root of a determinant
    dot = 4 / mpmath.pi / mpmath.sqrt(mpmath.det(mpmath.eye(2) + 2 * mpmath.matrix([[k11, k12], [k12, k22]])))
    slope, rest = k12 / mpmath.sqrt(k11), k22 - k12**2 / k11  # v given u = sqrt(k11) z: mean slope z, variance rest
    steep = slope / mpmath.sqrt(1 + 2 * rest)

    def integrand(z):
        return mpmath.npdf(z) * mpmath.erf(mpmath.sqrt(k11) * z) * mpmath.erf(steep * z)

    # where either factor turns from 0 to 1, and in between
    corners = {mpmath.mpf(0), mpmath.mpf(1), mpmath.mpf(4), mpmath.mpf(14)}
    for scale in (mpmath.sqrt(k11), abs(steep)):
        corners |= {c / scale for c in (1, 3, 8) if scale > 0 and c / scale < 14}
    return 2 * mpmath.quad(integrand, sorted(corners)), dot


def linear_means(k11, k22, k12):
    return mpmath.mpf(k12), mpmath.mpf(1)


MEANS = {"relu": relu_means, "erf": erf_means, "linear": linear_means}


@pytest.mark.parametrize("name", MEANS)
def test_closed_forms_are_those_of_quadrature_in_many_digits(name):
    points = [*GENERIC, *(point for point in AWKWARD.values() if point[0] > 0)]
    with mpmath.workdps(50 if name == "relu" else 30):
        expected = np.array([[float(mean) for mean in MEANS[name](*point)] for point in points])
    kappa, kappa_dot, left_out = (part(*columns(points)) for part in compiled(name))
    size = np.sqrt([point[0] * point[1] for point in points])
    if name == "erf":
        size = np.minimum(size, 1)
    # some roundings: of numbers of the size of the variances for kappa, of 1 for its slope
    assert (np.abs(kappa - expected[:, 0]) <= 2e-15 * size).all()
    np.testing.assert_allclose(kappa_dot, expected[:, 1], rtol=2e-15, atol=1e-15)
    assert not left_out.any()


def test_variances_may_be_of_very_different_size():
    point = (1e8, 1e-8, 0.3)
    with mpmath.workdps(50):
        kappa, kappa_dot = map(float, relu_means(*point))
    dual = dual_activation("relu")
    np.testing.assert_allclose(dual.kappa(*point), kappa, rtol=0, atol=2e-15)  # as above
    np.testing.assert_allclose(dual.kappa_dot(*point), kappa_dot, rtol=2e-15)


@pytest.mark.parametrize("name", ["relu", "erf"])
def test_an_input_without_variance_says_nothing(name):
    points = columns([(0.0, 0.0, 0.0), (0.0, 2.0, 0.0), (2.0, 0.0, 0.0)])
    kappa, kappa_dot, _ = (part(*points) for part in compiled(name))
    np.testing.assert_array_equal(kappa, 0)
    if name == "relu":
        # the slope of ReLU at 0 is anything from 0 to 1
        assert ((kappa_dot >= 0) & (kappa_dot <= 1)).all()
    else:
        # (2 / sqrt pi)^2 E[exp(-v^2)], and the mean is 1 / sqrt(1 + 2 * 2)
        np.testing.assert_allclose(kappa_dot, 4 / np.pi / np.sqrt([1.0, 5.0, 5.0]), rtol=1e-15)


def grid_mean(function, k11, k22, k12, step=0.1, reach=11.0):
    """Mean over (u, v) by the trapezoidal rule on a square, which converges geometrically for analytic functions."""
    z = np.arange(-reach, reach + step / 2, step)
    weight = np.exp(-(z**2) / 2) * step / np.sqrt(2 * np.pi)
    u = np.sqrt(k11) * z[:, None]
    lean = k12 / np.sqrt(k11)
    v = lean * z[:, None] + np.sqrt(max(k22 - lean**2, 0.0)) * z[None]
    return weight @ (function(u) * function(v)) @ weight


def gelu(u):
    return u * (1 + scipy_erf(u / np.sqrt(2))) / 2


def gelu_slope(u):
    return (1 + scipy_erf(u / np.sqrt(2))) / 2 + u * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)


# the function that JAX is given; the same, and its derivative, in NumPy
SMOOTH = {
    "tanh": (jnp.tanh, np.tanh, lambda u: 1 / np.cosh(u) ** 2),
    "erf": (jax.scipy.special.erf, scipy_erf, lambda u: 2 / np.sqrt(np.pi) * np.exp(-(u**2))),
    "gelu": (lambda z: jax.nn.gelu(z, approximate=False), gelu, gelu_slope),
    "sigmoid": (jax.nn.sigmoid, lambda u: 1 / (1 + np.exp(-u)), lambda u: 1 / (4 * np.cosh(u / 2) ** 2)),
    "gaussian": (lambda z: jnp.exp(-(z**2) / 2), lambda u: np.exp(-(u**2) / 2), lambda u: -u * np.exp(-(u**2) / 2)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_are_integrated_to_rounding(name):
    function, value, slope = SMOOTH[name]
    points = GENERIC + EDGE
    kappa, kappa_dot, left_out = (part(*columns(points)) for part in compiled(function))
    # sums of hundreds of terms of order 1. The grid's own error is exp(-2 pi a / 0.1) for poles at a distance a in z:
    # those of tanh have a = pi / 2 / sqrt(4) at least, where that is 4e-22; Gaussian factors, exp(-2 pi^2 / 0.1^2 / 10)
    np.testing.assert_allclose(kappa, [grid_mean(value, *point) for point in points], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(kappa_dot, [grid_mean(slope, *point) for point in points], rtol=1e-13, atol=1e-13)
    assert (left_out < 1e-12).all()


def test_a_step_of_tanh_over_a_wide_range_is_still_resolved():
    point = (100.0, 60.0, 50.0)
    # the poles of tanh(10 z) are at 0.157: a grid of 0.02 errs by exp(-2 pi 0.157 / 0.02) at most
    expected = [grid_mean(f, *point, step=0.02) for f in (np.tanh, lambda u: 1 / np.cosh(u) ** 2)]
    dual = dual_activation(jnp.tanh)
    # the promise of the kernels that are built from it: 1e-8 of the mean square
    np.testing.assert_allclose(dual.kappa(*point), expected[0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(dual.kappa_dot(*point), expected[1], rtol=0, atol=1e-8)


def test_a_sine_has_its_closed_form():
    points = columns([*GENERIC, *EDGE, (25.0, 16.0, 10.0)])
    k11, k22, k12 = map(np.asarray, points)
    # E[sin u sin v] and E[cos u cos v], from the characteristic function of u - v and of u + v
    minus, plus = np.exp(-(k11 + k22 - 2 * k12) / 2), np.exp(-(k11 + k22 + 2 * k12) / 2)
    kappa, kappa_dot, _ = (part(*points) for part in compiled(jnp.sin))
    # hundreds of terms of order 1
    np.testing.assert_allclose(kappa, (minus - plus) / 2, rtol=0, atol=1e-13)
    np.testing.assert_allclose(kappa_dot, (minus + plus) / 2, rtol=0, atol=1e-13)


def test_an_exponential_has_its_closed_form():
    points = columns(GENERIC + EDGE)
    k11, k22, k12 = map(np.asarray, points)
    expected, square = np.exp((k11 + k22) / 2 + k12), np.exp(k11 + k22)
    for mean in compiled(jnp.exp)[:2]:
        # rounding of the mean squares, from which the products are composed
        assert (np.abs(mean(*points) - expected) <= 1e-13 * square).all()


def test_polynomials_are_exact():
    a, b, c, d = 0.3, -1.2, 0.7, 0.5
    points = columns([*GENERIC, *EDGE, (0.0, 2.0, 0.0), (0.0, 0.0, 0.0), (1e6, 1e6, 3e5)])
    k11, k22, k12 = map(np.asarray, points)
    # Isserlis: E[u^2 v^2], E[u^3 v], E[u v^3], E[u^3 v^3]
    squares = k11 * k22 + 2 * k12**2
    cubes = 9 * k11 * k22 * k12 + 6 * k12**3
    constant = a * a + a * c * (k11 + k22) + c * c * squares
    expected = constant + b * b * k12 + 3 * b * d * k12 * (k11 + k22) + d * d * cubes
    slope = b * b + 3 * b * d * (k11 + k22) + 4 * c * c * k12 + 9 * d * d * squares
    kappa, kappa_dot, _ = (part(*points) for part in compiled(lambda z: a + b * z + c * z**2 + d * z**3))
    largest = np.maximum(k11, k22)
    # rounding of the mean squares, the largest numbers that enter: with the powers 15 d^2 k^3 and 27 d^2 k^2
    assert (np.abs(kappa - expected) <= 1e-13 * (1 + largest) ** 3).all()
    assert (np.abs(kappa_dot - slope) <= 1e-13 * (1 + largest) ** 2).all()


def leaky_means(k11, k22, k12):
    # leaky = 0.2 identity + 0.8 ReLU, and E[u relu(v)] = k12 / 2
    kappa, kappa_dot = relu_means(k11, k22, k12)
    return float(0.2 * mpmath.mpf(k12) + 0.64 * kappa), float(0.2 + 0.64 * kappa_dot)


def test_a_kink_at_zero_costs_nothing_where_inputs_differ():
    points = [*GENERIC, (1.0, 2.0, 1.2), (1.0, 1.0, -0.9)]
    kappa, kappa_dot, left_out = (part(*columns(points)) for part in compiled(leaky))
    expected = np.array([leaky_means(*point) for point in points])
    # a correlation of 0.9 leaves 0.9^512 = 4e-24; the rest is rounding of hundreds of terms
    np.testing.assert_allclose(kappa, expected[:, 0], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(kappa_dot, expected[:, 1], rtol=1e-13, atol=1e-14)
    assert (left_out < 1e-12).all()


def test_a_kink_is_exact_where_inputs_coincide():
    kappa, kappa_dot, left_out = (part(1.7, 1.7, 1.7) for part in compiled(leaky))
    expected = leaky_means(1.7, 1.7, 1.7)
    # what the expansion leaves out is added: rounding alone
    np.testing.assert_allclose(kappa, expected[0], rtol=1e-13)
    np.testing.assert_allclose(kappa_dot, expected[1], rtol=1e-13)
    assert left_out < 1e-12


def test_what_is_left_out_bounds_the_error_close_to_coincidence():
    rhos = [0.97, 0.99, 0.999, 1 - 1e-5, 1 - 1e-9, -0.97, -0.99, -1 + 1e-5, -1 + 1e-9, -1.0]
    points = [(1.0, 1.0, rho) for rho in rhos]
    kappa, kappa_dot, left_out = (part(*columns(points)) for part in compiled(leaky))
    expected = np.array([leaky_means(*point) for point in points])
    # mean squares of leaky ReLU and of its slope at variance 1: (1 + 0.04) / 2 both; and rounding
    assert (np.abs(kappa - expected[:, 0]) <= 0.52 * left_out + 1e-13).all()
    errors = np.abs(kappa_dot - expected[:, 1])
    assert (errors <= 0.52 * left_out + 1e-13).all()
    # and it is a bound of the right size: within two orders of magnitude where it is large, at 0.999
    assert errors[2] > 1e-2 * left_out[2]
    # the coefficients of a step fall as j^-3/4, so 512 of them leave out some hundredths of the mean square
    assert 1e-4 < left_out[2] < 1e-1


def test_waves_too_fast_for_the_expansion_are_seen():
    point = (900.0, 900.0, 899.0)
    dual = dual_activation(jnp.sin)
    expected = (np.exp(-1.0) - np.exp(-1799.0)) / 2
    # the mean square of a fast sine is 1/2
    assert abs(float(dual.kappa(*point)) - expected) <= float(dual.left_out(*point)) / 2


def mean_square_slope(steepness):
    """E[phi'(z)^2] of tanh(steepness z): a narrow peak, by the trapezoidal rule on its own scale."""
    u = np.linspace(-40, 40, 8001)  # steps of 0.01, poles at pi / 2
    density = np.exp(-((u / steepness) ** 2) / 2) / np.sqrt(2 * np.pi)
    return steepness * np.sum(density / np.cosh(u) ** 4) * (u[1] - u[0])


UNRESOLVED = {
    # P(u > 1, v > 1) at correlation 1/2
    "a kink off zero": (
        lambda z: jax.nn.relu(z - 1),
        (1.0, 1.0, 0.5),
        stats.multivariate_normal(cov=[[1, 0.5], [0.5, 1]]).cdf([-1, -1]),
    ),
    "a tail beyond the nodes": (jnp.exp, (49.0, 49.0, 49.0), np.exp(98.0)),
    # as for pixels from 0 to 255 that nobody has scaled
    "a narrow step": (lambda z: jnp.tanh(100 * z), (1.0, 1.0, 1.0), mean_square_slope(100.0)),
}


@pytest.mark.parametrize("case", UNRESOLVED)
def test_what_is_left_out_bounds_the_error_of_the_quadrature_too(case):
    function, point, expected = UNRESOLVED[case]
    dual = dual_activation(function)
    error = abs(float(dual.kappa_dot(*point)) - expected)
    square = float(dual.kappa_dot(point[0], point[0], point[0]))
    # or it is below what the kernels promise
    assert error <= max(float(dual.left_out(*point)), 1e-8) * max(square, expected)


SLOPES = {
    "relu": [*GENERIC, (1.0, 1.0, 0.99), (2.0, 1.0, -1.3)],
    "erf": [*GENERIC, (1.01, 1.01, 1.0)],
    "tanh": GENERIC,
    "sine": GENERIC,
}


@pytest.mark.parametrize("name", SLOPES)
def test_the_second_mean_is_the_slope_of_the_first(name):
    kappa, kappa_dot, _ = compiled(ACTIVATIONS[name])
    k11, k22, k12 = columns(SLOPES[name])
    step = 1e-3 * (jnp.sqrt(k11 * k22) - jnp.abs(k12))  # derivatives grow towards the edge of what is possible
    far, near = (kappa(k11, k22, k12 + shift * step) - kappa(k11, k22, k12 - shift * step) for shift in (2.0, 1.0))
    # fourth order: 1e-12 times some hundred, and roundings of 1e-16 over a step of 1e-5
    np.testing.assert_allclose(kappa_dot(k11, k22, k12), (8 * near - far) / (12 * step), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_are_finite_everywhere(name):
    points = AWKWARD.values()
    if callable(ACTIVATIONS[name]):
        # a function without a closed form is not asked at very large variances
        points = [point for point in points if max(point) < 1e6]
    for mean in dual_activation(ACTIVATIONS[name])[:2]:
        slopes = jax.jit(jax.vmap(jax.grad(mean, argnums=(0, 1, 2))))(*columns(points))
        assert np.isfinite(slopes).all()


def test_derivatives_of_relu_are_those_of_many_digits():
    point = (1.3, 0.8, 0.6)
    with mpmath.workdps(40):
        orders = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
        expected = [float(mpmath.diff(lambda *k: relu_means(*k)[0], point, order)) for order in orders]
    found = jax.jit(jax.grad(dual_activation("relu").kappa, argnums=(0, 1, 2)))(*map(jnp.asarray, point))
    # a dozen roundings
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "erf", "linear", "tanh"])
def test_covariances_broadcast(name):
    k11, k22 = jnp.array([0.5, 1.0, 2.0]), jnp.array([1.5, 0.7])
    k12 = 0.4 * jnp.sqrt(k11[:, None] * k22[None])
    rows, others = (np.broadcast_to(k, (3, 2)).ravel() for k in (k11[:, None], k22[None]))
    for mean in compiled(ACTIVATIONS[name])[:2]:
        together = mean(k11[:, None], k22[None], k12)
        # the same operations, perhaps in another order of summation
        np.testing.assert_allclose(together.ravel(), mean(rows, others, k12.ravel()), rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "erf", "linear", "tanh"])
def test_float32_stays_float32(name):
    kappa, kappa_dot, left_out = compiled(ACTIVATIONS[name])
    single = [jnp.float32(value) for value in (1.3, 0.8, 0.6)]
    for mean in (kappa, kappa_dot):
        assert mean(*single).dtype == jnp.float32
        # a few roundings of float32; hundreds of them, of both signs, for the expansion
        np.testing.assert_allclose(mean(*single), mean(1.3, 0.8, 0.6), rtol=1e-5)
    assert left_out(*single).dtype == jnp.float32


@pytest.mark.parametrize("function", [dual_activation, activation_function])
def test_unknown_names_are_refused(function):
    with pytest.raises(ValueError, match="activation must be one of 'relu', 'erf', 'linear', got 'tanh'"):
        function("tanh")


# erf(1) and erf(2) as in a table
@pytest.mark.parametrize(
    ("name", "expected"), [("relu", [0.0, 0.0, 2.0]), ("erf", [-0.8427007929497149, 0.0, 0.9953222650189527])]
)
def test_names_stand_for_their_functions(name, expected):
    np.testing.assert_allclose(activation_function(name)(jnp.array([-1.0, 0.0, 2.0])), expected, rtol=1e-15)
    assert activation_function("linear")(jnp.array(3.5)) == 3.5
    assert activation_function(jnp.tanh) is jnp.tanh
